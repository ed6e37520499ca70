"""Refunds: whether providers refuse what is owed."""

from collections.abc import Callable, Iterator

from exactly_once import Unavailable
from operations.doctor.diagnosis import Diagnosis, Level


def refunds(count_unrefunded: Callable[[], int]) -> Iterator[Diagnosis]:
    """A line about the payments that owe money, whose refunds are refused again and again."""
    try:
        count = count_unrefunded()
    except Unavailable as error:
        yield _line(Level.UNKNOWN, f"the store does not answer ({type(error).__name__})")
        return
    if count:
        finding = f"{count:,} payments owe money, and their provider refuses the refunds"
        yield _line(Level.WARNING, finding, "see what the provider says (runbook, RefundsRefused)")
    else:
        yield _line(Level.OK, "What is owed is refunded.")


def _line(level: Level, finding: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(level=level, check="refunds", subject="", finding=finding, remedy=remedy)
