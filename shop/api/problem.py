"""What the API says of a problem type (RFC 9457)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Path below which each problem has its page.
PAGES = "/problems/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A problem type. `members` are JSON Schemas of its extension members, `example` values of them."""

    code: str
    status: int
    title: str
    meaning: str
    remedy: str
    members: Mapping[str, Any] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return f"{PAGES}{self.code}"
