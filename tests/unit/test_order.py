"""The order in which workers get modules of tests."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.conftest import longest_modules_first


@dataclass(frozen=True)
class Item:
    """A test as pytest collects it."""

    path: Path
    number: int
    seconds: int = 0

    def get_closest_marker(self, name):
        assert name == "takes_s"
        return SimpleNamespace(args=[self.seconds]) if self.seconds else None


def test_a_module_of_one_long_test_comes_before_one_of_many_short_ones():
    many: list[Any] = [Item(Path("many"), number) for number in range(9)]
    few: list[Any] = [Item(Path("few"), number) for number in range(2)]
    long: list[Any] = [Item(Path("long"), number, seconds=8) for number in range(2)]
    assert longest_modules_first([*few, *many, *long]) == [*long, *many, *few]
