"""What an inspection of the store and of what runs around it finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. A problem loses something already, or will at the next fault; a warning should be seen to; unseen
    is what could not be looked at from here."""

    OK = "ok"
    UNSEEN = "unseen"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """One line: what was looked at, where, what was found, and what to do about it, where something is to be done."""

    level: Level
    check: str
    subject: str = ""
    found: str
    remedy: str = ""
