"""The writes of a history as requests: the calls under one idempotency key are one, and the checkouts of one cart."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chaos.history import Call, CallKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A write, and what its responses say together. `call` is the one that knows most; `sent` is when the first was
    due, `done` when the first success was there, `refused` when the last refusal was: infinite where there is none. In
    seconds since the load began."""

    call: Call
    sent: float
    done: float
    refused: float

    @property
    def is_done(self) -> bool:
        """Whether it certainly took effect."""
        return self.call.is_success

    @property
    def is_possible(self) -> bool:
        """Whether it may have taken effect."""
        return not self.call.is_refusal and not self.call.did_nothing


def requests(writes: Iterable[Call]) -> Iterator[Request]:
    """Every request of these calls, once."""
    under: dict[str, list[Call]] = defaultdict(list)
    for call in writes:
        if call.kind is CallKind.CHECKOUT:
            under[f"cart {call.subject}"].append(call)
        elif call.key:
            under[call.key].append(call)
        else:
            yield _request([call])
    yield from map(_request, under.values())


def _request(calls: Sequence[Call]) -> Request:
    return Request(
        call=max(calls, key=_certainty),
        sent=min(call.due for call in calls),
        done=min((call.ended for call in calls if call.is_success), default=math.inf),
        refused=max((call.ended for call in calls if call.is_refusal), default=math.inf),
    )


def _certainty(call: Call) -> int:
    """An outcome is worth most; and after one response that leaves it open, it is open."""
    if call.is_acknowledged:
        return 2
    return 0 if call.did_nothing else 1
