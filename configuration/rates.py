"""The form of a rate limit: so many in a unit of time, and so many at once."""

import re
from dataclasses import dataclass

from configuration.parsing import Form

UNITS_S = {"s": 1, "m": 60, "h": 3600}
MAX_COUNT = 1_000_000
OFF = frozenset({"off", "0"})


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` in each `unit` on average, and up to `burst` at once."""

    count: int
    unit: str
    burst: int

    @property
    def retry_after_s(self) -> int:
        """Whole seconds after which one more is admitted."""
        return _quotient(UNITS_S[self.unit], self.count)

    @property
    def window_s(self) -> int:
        """Whole seconds in which `burst` are admitted on average."""
        return _quotient(self.burst * UNITS_S[self.unit], self.count)

    @property
    def interval_us(self) -> int:
        """Microseconds between two admissions on average."""
        return max(UNITS_S[self.unit] * 1_000_000 // self.count, 1)

    def __str__(self) -> str:
        return f"{self.count}/{self.unit} burst {self.burst}"


def rate(units: str = "smh") -> Form[Rate | None]:
    """A rate limit as in `20/s burst 100`; None where it is off."""

    def parse(text: str) -> Rate | None:
        if text in OFF:
            return None
        match = re.fullmatch(rf"([1-9]\d{{0,6}})/([{units}]) burst ([1-9]\d{{0,6}})", text)
        if not match:
            raise ValueError
        found = Rate(int(match[1]), match[2], int(match[3]))
        if max(found.count, found.burst) > MAX_COUNT:
            raise ValueError
        return found

    listed = ", ".join(units)
    return Form(parse, "give a rate and a burst, as in 20/s burst 100, or off", f"per {listed}, with a burst; off")


def _quotient(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
