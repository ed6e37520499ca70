"""Puts the tables of a run into documents, between comments that name them."""

import re
from collections.abc import Mapping
from pathlib import Path

#: The directory of the plots, beside a document.
PLOTS = "benchmarks"


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
