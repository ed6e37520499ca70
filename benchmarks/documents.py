"""Puts the tables of a run into documents, between comments that name them."""

import re
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

from benchmarks.grid import Grid

#: The directory of the plots, beside a document.
PLOTS = "benchmarks"
MAX_COLUMNS = 100


class NoSuchPlace(Exception):
    """A document has no place for any table; the text says which comments are missing."""


def update(path: Path, texts: Mapping[str, str]) -> None:
    """Replace what is between `<!-- NAME -->` and `<!-- end of NAME -->` for each of these names that a document has.

    Raises:
        NoSuchPlace.
    """
    document, places = path.read_text("utf-8"), 0
    for name, text in texts.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        escaped = text.replace("\\", r"\\")
        document, count = place.subn(rf"\1\n{escaped}\n\2", document)
        places += count
    if not places:
        names = " or ".join(f"<!-- {name} --> and <!-- end of {name} -->" for name in texts)
        raise NoSuchPlace(f"{path} has no {names}.")
    path.write_text(document, "utf-8")


def publish(paths: Sequence[Path], name: str, grids: Sequence[Grid], described: str) -> None:
    """Put tables, with what they were measured on below, into the place of this name in each document."""
    tables = "\n".join(each.markdown for each in grids)
    for path in paths:
        update(path, {name: f"{tables}\n{fill(f'Measured on: {described}.', MAX_COLUMNS)}\n"})


def add_argument(parser: ArgumentParser) -> None:
    """Add the argument that names the documents of a run."""
    parser.add_argument("--documents", type=Path, nargs="+", default=[], help="put the tables into these")
