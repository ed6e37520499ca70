"""The text that an operator reads after a start: what runs where, and what to try first."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from configuration import PROGRAM
from devstack import monitoring
from devstack.layout import Layout
from operations import monitoring_access
from operations.console import process_table
from operations.deployment import ProcessStatus

PAGES = {
    "front page": "/",
    "browsable API": "/api/v1/",
    "log in": "/api/login/",
    "API reference": "/api/docs/",
    "the same, to read": "/api/redoc/",
    "live status": "/status/",
}
#: What to type next, in another terminal.
COMMANDS = {
    "tour": "the first purchase, step by step",
    "seed --dataset sample": "2,000 products of a real grocer",
    "stack kill redis-1": "SIGKILL to a data node: sales go on",
    "topology --watch": "who is primary, and how far the others are behind",
}


def text(
    layout: Layout, processes: Sequence[ProcessStatus], account: Mapping[str, str] | None, missing: Sequence[str] = ()
) -> RenderableType:
    """What runs where, what to type first, the staff account where one was just made, and how to install the monitoring
    that is `missing`."""
    lines: list[RenderableType] = [
        process_table(processes),
        Text(),
        Text(f"curl {layout.url}/api/v1/products/", style="bold green"),
        Text(),
    ]
    pages = Table(box=None, pad_edge=False, show_header=False)
    for name, path in PAGES.items():
        pages.add_row(name, f"{layout.url}{path}")
    running = {process.name for process in processes}
    for name in sorted(running.intersection({"prometheus", "alertmanager"}), reverse=True):
        pages.add_row(name.capitalize(), f"http://{layout.monitors[name]}")
    lines.append(pages)
    if "prometheus" in running:
        user, file = monitoring_access.USER, layout.monitoring_password
        lines.append(Text(f"Prometheus and Alertmanager ask for the user {user}; the password is in {file}"))
    lines += [Text(), _commands()]
    if missing:
        lines += [
            Text(),
            Text(
                f"Not installed: {', '.join(missing)}, so nothing monitors. On Debian or Ubuntu:\n"
                f"  {monitoring.HOW_TO_GET}"
            ),
        ]
    if account:
        lines += [Text(), account_panel(account)]
    return Group(*lines)


def _commands() -> Table:
    commands = Table(box=None, pad_edge=False, show_header=False)
    for words, meaning in COMMANDS.items():
        commands.add_row(f"{PROGRAM} {words}", meaning)
    return commands


def account_panel(account: Mapping[str, str]) -> Panel:
    """The staff account, as it is shown once."""
    text = Text.assemble(
        "email     ",
        (account["email"], "bold"),
        "\npassword  ",
        (account["password"], "bold"),
        "\nShown this once, and stored nowhere.",
    )
    return Panel(text, title="staff account", expand=False)
