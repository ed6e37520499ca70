"""A table, printed on a terminal or as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

WIDTH = 140


@dataclass(kw_only=True, slots=True)
class Grid:
    """A table: a title, the names of its columns, and its rows. All columns but the first are figures."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)

    def print(self, console: Console) -> None:
        """Print it on a terminal."""
        table = Table(title=self.title, title_justify="left")
        for place, column in enumerate(self.columns):
            table.add_column(column, justify="right" if place else "left", no_wrap=not place)
        for row in self.rows:
            table.add_row(*row)
        console.print(table)

    @property
    def markdown(self) -> str:
        """It as Markdown, its title above."""
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = (f"| {' | '.join(cells)} |" for cells in (self.columns, rule, *self.rows))
        return "\n".join([f"{self.title}:", "", *lines, ""])


def show(grids: Sequence[Grid], *, as_markdown: bool) -> None:
    """Print tables one after the other."""
    console = Console(width=WIDTH)
    for grid in grids:
        if as_markdown:
            print(grid.markdown)
        else:
            grid.print(console)
