"""Every loop of a script states its bound: one without would stop the store for every other user.

tests/integration/test_script_bounds.py runs each script at its bound."""

import re

import pytest

from tests.architecture.sources import ROOT, named, scripts

ENGINE = {named(path): path.read_text("utf-8") for path in sorted((ROOT / "exactly_once" / "lua").rglob("*.lua"))}
SCRIPTS = {**scripts(), **ENGINE}
LOOP = re.compile(r"\s*(for|while|repeat)\b")
#: What a stated bound begins with; a number, a constant or a name follows.
BOUND = re.compile(r"^\s*-- Bound: \S", re.MULTILINE)
#: Reads a whole ordered set, or removes one before its memory is freed in the background.
WHOLE_SETS = re.compile(r"'ZRANGE', [^)]*, 0, -1[,)]|'(?:ZREMRANGEBYRANK|LRANGE|SUNION)'")


def loops_without_bound(text: str) -> list[str]:
    """The loops that no comment right above them states the bound of."""
    lines = text.splitlines()
    return [line for place, line in enumerate(lines) if LOOP.match(line) and not BOUND.search(above(lines, place))]


def above(lines: list[str], place: int) -> str:
    """The comment that ends right above this line."""
    start = place
    while start and lines[start - 1].strip().startswith("--"):
        start -= 1
    return "\n".join(lines[start:place])


@pytest.mark.parametrize("path", SCRIPTS)
def test_every_loop_of_a_script_states_its_bound(path):
    assert loops_without_bound(SCRIPTS[path]) == []


@pytest.mark.parametrize("path", SCRIPTS)
def test_no_script_reads_a_whole_set_of_what_a_user_has(path):
    assert WHOLE_SETS.findall(SCRIPTS[path]) == []


@pytest.mark.parametrize("loop", ["for i = 1, 3 do", "  while true do", "repeat"])
def test_a_loop_without_a_bound_is_found(loop):
    assert loops_without_bound(f"-- Bound: 3.\nfor i = 1, 3 do\nend\n-- Counts.\n{loop}") == [loop]


def test_a_whole_set_is_found():
    assert WHOLE_SETS.search("redis.call('ZRANGE', tokens, 0, -1)")
