"""Rules of the doctor: each yields a deviation for each thing that is wrong, and none where all is well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exactly_once.client import Address
from operations.doctor.diagnosis import Level
from operations.doctor.facts import Facts


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that is not as it should be, or cannot be determined, and what to do about it."""

    level: Level
    subject: Address | str
    finding: str
    remedy: str


Rule = Callable[[Facts], Iterator[Deviation]]


def problem(subject: Address | str, finding: str, remedy: str) -> Deviation:
    return Deviation(Level.PROBLEM, subject, finding, remedy)


def warning(subject: Address | str, finding: str, remedy: str) -> Deviation:
    return Deviation(Level.WARNING, subject, finding, remedy)


def unknown(subject: Address | str, finding: str, remedy: str = "") -> Deviation:
    return Deviation(Level.UNKNOWN, subject, finding, remedy)
