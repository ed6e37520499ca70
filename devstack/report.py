"""What the operator reads: tables, and what to try first."""

from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from devstack import monitoring
from devstack.layout import Layout
from devstack.lifecycle import Part

PAGES = {
    "browsable API": "/api/v1/",
    "log in": "/api/login/",
    "API reference": "/api/docs/",
    "the same, to read": "/api/redoc/",
    "live picture": "/status/",
}


def table(parts: Sequence[Part]) -> Table:
    """The processes, one a line."""
    found = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("process", "address", "pid", "state", "role"):
        found.add_column(heading, justify="right" if heading == "pid" else "left", overflow="fold")
    for part in parts:
        style = "" if part.state == "running" else "red"
        found.add_row(part.name, part.address, str(part.pid or "-"), part.state, part.role, style=style)
    return found


def welcome(
    layout: Layout, parts: Sequence[Part], account: Mapping[str, str] | None, missing: Sequence[str] = ()
) -> RenderableType:
    """What runs where, what to type first, the staff account when one was just made, and how to get what is `missing`
    of that which watches."""
    lines: list[RenderableType] = [
        table(parts),
        Text(),
        Text(f"curl {layout.url}/api/v1/products/", style="bold green"),
        Text(),
    ]
    pages = Table(box=None, pad_edge=False, show_header=False)
    for name, path in PAGES.items():
        pages.add_row(name, f"{layout.url}{path}")
    running = {part.name for part in parts}
    for name in sorted(running.intersection({"prometheus", "alertmanager"}), reverse=True):
        pages.add_row(name.capitalize(), f"http://{layout.monitors[name]}")
    lines.append(pages)
    if missing:
        lines += [
            Text(),
            Text(
                f"Not installed, so not watching: {', '.join(missing)}. On Debian or Ubuntu:\n  {monitoring.HOW_TO_GET}"
            ),
        ]
    if account:
        lines += [Text(), _account(account)]
    return Group(*lines)


def console() -> Console:
    """The terminal; wide enough for a socket's path where there is none."""
    terminal = Console(soft_wrap=True)
    return terminal if terminal.is_terminal else Console(width=160, soft_wrap=True)


def _account(account: Mapping[str, str]) -> Panel:
    text = Text.assemble(
        "email     ",
        (account["email"], "bold"),
        "\npassword  ",
        (account["password"], "bold"),
        "\nShown this once, and kept nowhere.",
    )
    return Panel(text, title="staff account", expand=False)
