"""What the commands print to: a terminal, or a pipe."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from operations.deployment import ProcessStatus

PIPE_WIDTH = 160


def console() -> Console:
    """The terminal; of a width that fits a socket's path where there is none."""
    terminal = Console(soft_wrap=True)
    return terminal if terminal.is_terminal else Console(width=PIPE_WIDTH, soft_wrap=True)


def process_table(processes: Sequence[ProcessStatus]) -> Table:
    """The processes, one a line; those that do not run are red."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("process", "address", "pid", "state", "role"):
        table.add_column(heading, justify="right" if heading == "pid" else "left", overflow="fold")
    for process in processes:
        style = "" if process.state == "running" else "red"
        pid = str(process.pid or "-")
        table.add_row(process.name, process.address, pid, process.state, process.role, style=style)
    return table
