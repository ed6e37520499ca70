"""A diagnosis: what one check found, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. A problem loses something already, or will at the next fault; a warning needs attention; unknown
    is what cannot be determined from this machine."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """One line: what was checked, on which subject, what was found, and the remedy where one is needed."""

    level: Level
    check: str
    subject: str = ""
    finding: str
    remedy: str = ""
