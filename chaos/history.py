"""What was asked and what came back: one `Call` for each request of the load."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson


class Kind(StrEnum):
    """What a call is about."""

    CATALOGUE = "catalogue"
    OWN = "own"
    PURCHASE = "purchase"
    ADJUSTMENT = "adjustment"
    REGISTRATION = "registration"
    CANCELLATION = "cancellation"

    @property
    def is_read(self) -> bool:
        return self in (Kind.CATALOGUE, Kind.OWN)


@dataclass(kw_only=True, slots=True)
class Call:
    """A request, and what its sender knows of it. `due` is when it was to be sent and `ended` when its answer was
    there, in seconds since the load began. A `status` of 0 is no answer; `fault` says why. `subject` is what a call is
    about: a product, a purchase or an email address."""

    kind: Kind
    method: str
    path: str
    caller: str = ""
    body: Mapping[str, Any] | None = None
    key: str = ""
    subject: str = ""
    due: float = 0.0
    ended: float = 0.0
    status: int = 0
    answer: bytes = b""
    request_id: str = ""
    retry_after: str = ""
    is_replayed: bool = False
    fault: str = ""

    @property
    def seconds(self) -> float:
        """How long its sender waited, from when it was due."""
        return self.ended - self.due

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refusal(self) -> bool:
        """Whether a rule of the shop said no, which is an outcome like any other."""
        return self.status in (409, 422)

    @property
    def is_acknowledged(self) -> bool:
        return self.is_success or self.is_refusal

    @property
    def content(self) -> Any:
        """The answer's body; nothing where it is none that can be read."""
        try:
            return orjson.loads(self.answer)
        except orjson.JSONDecodeError:
            return {}

    @property
    def code(self) -> str:
        """The problem's code, where the answer is one."""
        content = self.content
        return str(content.get("code", "")) if isinstance(content, dict) else ""


@dataclass(kw_only=True, slots=True)
class History:
    """Every call of a load, in the order in which they were due, and how often which fault was injected."""

    calls: list[Call] = field(default_factory=list)

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if not call.kind.is_read]

    @property
    def reads(self) -> list[Call]:
        return [call for call in self.calls if call.kind.is_read]

    @property
    def longest_pause(self) -> float:
        """The longest time, in seconds, in which no write was acknowledged."""
        ends = sorted(call.ended for call in self.writes if call.is_acknowledged)
        return max((later - earlier for earlier, later in itertools.pairwise(ends)), default=0.0)

    def as_lines(self) -> bytes:
        """One JSON object for each call."""
        return b"\n".join(orjson.dumps(call, default=_text) for call in self.calls) + b"\n"


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
