"""The writes of a history as requests: the calls under one idempotency key are one, and the checkouts of one cart."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from chaos.history import Call, CallKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A write, and what its responses say together. `call` is the one that knows most; `sent` is when the first was
    due, `done` when the first success was there: infinite where there is none. `refused` is when the last refusal was
    there, of one that nothing else was answered to: infinite otherwise. In seconds since the load began."""

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
    # One checkout of a cart may be refused before another one, under a key of its own, succeeds or is left open. Under
    # one key a refusal is the outcome.
    is_refusal_final = len({call.key for call in calls}) == 1
    call = max(calls, key=partial(_certainty, is_refusal_final))
    return Request(
        call=call,
        sent=min(call.due for call in calls),
        done=min((call.ended for call in calls if call.is_success), default=math.inf),
        refused=max(call.ended for call in calls if call.is_refusal) if call.is_refusal else math.inf,
    )


def _certainty(is_refusal_final: bool, call: Call) -> int:
    """An outcome is worth most; and after one response that leaves it open, it is open."""
    if call.is_success:
        return 4
    if call.is_refusal:
        return 3 if is_refusal_final else 1
    return 0 if call.did_nothing else 2
