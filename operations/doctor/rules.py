"""What a rule says: a line for each thing that is wrong, none where all is well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exactly_once.client import Address
from operations.doctor.diagnosis import Level
from operations.doctor.facts import Facts


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is not as it should be, or could not be seen, and what to do about it."""

    level: Level
    subject: Address | str
    found: str
    remedy: str


Rule = Callable[[Facts], Iterator[Wrong]]


def problem(subject: Address | str, found: str, remedy: str) -> Wrong:
    return Wrong(Level.PROBLEM, subject, found, remedy)


def warning(subject: Address | str, found: str, remedy: str) -> Wrong:
    return Wrong(Level.WARNING, subject, found, remedy)


def unseen(subject: Address | str, found: str, remedy: str = "") -> Wrong:
    return Wrong(Level.UNSEEN, subject, found, remedy)
