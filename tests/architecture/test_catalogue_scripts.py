"""The scripts of the catalogue state the bounds of their loops, and agree with Python on what both spell."""

import re

import pytest

from operations.store_audit.columns import BITMAP_THRESHOLD, NUMBER_BASE
from shop.repositories.keys import BITMAP_SUFFIX
from tests.architecture.sources import ROOT, scripts

CATALOGUE = {
    path: text for path, text in scripts().items() if re.match(r"(parts/)?(product_|bitmaps|index_sets)", path)
}
LOOP = re.compile(r"\s*(for|while) ")


def loops_without_bound(text: str) -> list[str]:
    """The loops that no comment right above them begins with "Bound:"."""
    lines = text.splitlines()
    return [
        line for place, line in enumerate(lines) if LOOP.match(line) and "Bound:" not in comment_above(lines, place)
    ]


def comment_above(lines: list[str], place: int) -> str:
    start = place
    while start and lines[start - 1].strip().startswith("--"):
        start -= 1
    return "\n".join(lines[start:place])


@pytest.mark.parametrize("path", CATALOGUE)
def test_every_loop_of_the_catalogue_states_its_bound(path):
    assert loops_without_bound(CATALOGUE[path]) == []


def test_a_loop_without_a_bound_is_found():
    assert loops_without_bound("-- Bound: 3.\nfor i = 1, 3 do\nend\n-- Counts.\n  while true do") == ["  while true do"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BITMAP_SUFFIX", repr(BITMAP_SUFFIX).replace("\\x01", "\\1")),
        ("BITMAP_THRESHOLD", str(BITMAP_THRESHOLD)),
        ("NUMBER_BASE", str(NUMBER_BASE)),
    ],
)
def test_scripts_and_audit_have_the_same_constants(name, value):
    assert re.findall(rf"^local {name} = (.*)$", CATALOGUE["parts/index_sets.lua"], re.MULTILINE) == [value]


def test_the_key_of_a_set_s_bitmap_is_explained():
    suffix = repr(BITMAP_SUFFIX).strip("'")
    assert f"`<set>{suffix}`" in (ROOT / "docs" / "keyspace.md").read_text("utf-8")
