"""What reading variables gives: their values, or every fault at once."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from configuration.variable import Variable

T = TypeVar("T")


class ConfigurationError(Exception):
    """Variables are missing or cannot be used. The text has a line for each fault, with what to do."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class Values:
    """The values of the variables of one scope, by their declarations. `missing` are those set to nothing although
    serving needs them."""

    def __init__(self, values: Mapping[Variable[Any], Any], missing: frozenset[Variable[Any]] = frozenset()) -> None:
        self._values = values
        self._missing = missing

    def __getitem__(self, variable: Variable[T]) -> T:
        value: T = self._values[variable]
        return value

    def require(self) -> None:
        """Check that everything is set without which the shop cannot be served.

        Raises:
            ConfigurationError: something is not.
        """
        needed = [each for each in self._values if each.requirement]
        missing = [each for each in needed if each in self._missing or not self._values[each]]
        if missing:
            raise ConfigurationError([f"{each.name} is missing: {each.requirement}." for each in missing])
