"""The index of the decisions in docs/adr."""

from collections.abc import Sequence

from docsite.repository import ROOT

HEADING = """\
# Decisions

Each records a decision that may surprise, in one form: status, context, decision, alternatives,
consequences. The latest is last.

| number | decision |
|---:|---|
"""


def names() -> Sequence[str]:
    """The files of the decisions, in the order of their numbers."""
    return sorted(path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))


def index() -> str:
    """The page that lists them."""
    return HEADING + "".join(map(_row, names()))


def _row(name: str) -> str:
    title = (ROOT / "docs" / "adr" / name).read_text("utf-8").splitlines()[0]
    number, _, decision = title.removeprefix("# ").partition(". ")
    return f"| {number} | [{decision}]({name}) |\n"
