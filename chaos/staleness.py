"""Stale reads: those of one product that lack a write which was acknowledged long enough before they began.

The stock that a read shows must lie between two bounds. Both have every effect that is certain: acknowledged, and ended
before the read began, less the bound on staleness. A write that was sent before the read ended and is not certain may
show or not: the lower bound has those of them that take units, the upper one those that add some.

Calls count from when they were due and until their client had the response, both of which widen the interval: what the
client's own work costs makes no read stale.
"""

import itertools
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos.anomalies import Anomaly, Violation
from chaos.contents import Contents
from chaos.history import Call, CallKind, History, lines_of
from chaos.requests import Request, requests
from chaos.stage import Stage

#: By how many seconds a read of the catalogue may be behind the acknowledged writes (docs/guarantees.md).
MAX_STALENESS_S = 0.25
NOT_FOUND = 404
#: Calls that bring units back where they say so, beside cancellations.
_RESTOCKING = (CallKind.REFUND, CallKind.RETURN_RECEIPT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What one request does to the stock of a product: `units` from `sent` on at the earliest, and certainly once it is
    `done`; not any more once it is `refused`."""

    product: str
    units: int
    sent: float
    done: float
    refused: float = math.inf


def stale_reads(history: History, stage: Stage, contents: Contents) -> Iterator[Violation]:
    """A violation for every stale read of one product."""
    writes = history.writes
    timelines = _timelines(effects(writes), contents)
    created = dict.fromkeys(stage.products, -math.inf) | dict(_creations(writes))
    for call in history.reads:
        product = call.product
        problem = _missing(call, created.get(product, math.inf)) or _wrong_stock(call, timelines.get(product))
        if problem:
            detail = f"GET {call.path} at {call.due:.2f} s, answered at {call.ended:.2f} s, {problem}"
            yield Violation(anomaly=Anomaly.STALE, detail=detail, due=call.due)


def effects(writes: Sequence[Call]) -> Iterator[Effect]:
    """Every effect on stock that these writes have or may have."""
    lines = {call.content["id"]: lines_of(call) for call in writes if _is_placed(call)}
    possible = [request for request in requests(writes) if not request.call.did_nothing]
    for request in possible:
        for product, units in _units(request.call):
            yield Effect(product=product, units=units, sent=request.sent, done=request.done, refused=request.refused)
    yield from _restored(possible, lines)


def _units(call: Call) -> Iterator[tuple[str, int]]:
    if call.kind in (CallKind.PURCHASE, CallKind.CHECKOUT):
        yield from ((product, -quantity) for product, quantity in lines_of(call))
    elif call.kind is CallKind.ADJUSTMENT and call.body:
        yield call.subject, call.body["delta"]


def _restored(possible: Iterable[Request], lines: Mapping[str, Sequence[tuple[str, int]]]) -> Iterator[Effect]:
    """Units of a purchase come back once: by whichever of these requests is the first."""
    of_line = defaultdict[tuple[str, str, int], list[Request]](list)
    for request in possible:
        call = request.call
        if call.kind is CallKind.CANCELLATION or (call.kind in _RESTOCKING and (call.body or {}).get("restock")):
            for product, quantity in call.items or lines.get(call.subject, ()):
                of_line[call.subject, product, quantity].append(request)
    for (_, product, quantity), some in of_line.items():
        yield Effect(
            product=product,
            units=quantity,
            sent=min(request.sent for request in some),
            done=min(_restored_at(request) for request in some),
            refused=max(request.refused for request in some),
        )


def _restored_at(request: Request) -> float:
    """When the units were back for certain: those of a refund that the provider has not confirmed are not."""
    is_pending = request.call.kind is CallKind.REFUND and request.call.content.get("status") != "succeeded"
    return math.inf if is_pending else request.done


def _is_placed(call: Call) -> bool:
    return call.kind in (CallKind.PURCHASE, CallKind.CHECKOUT) and call.is_success


def _creations(writes: Sequence[Call]) -> Iterator[tuple[str, float]]:
    """The products that were created, and since when a read must find them. A retry's success comes later."""
    for request in requests(call for call in writes if call.kind is CallKind.CREATION):
        if request.is_done:
            yield request.call.content["id"], request.done


class _RunningSum:
    """The sum of the units whose instant has come."""

    def __init__(self, changes: Iterable[tuple[float, int]]) -> None:
        ordered = sorted(changes)
        self._instants = [instant for instant, _ in ordered]
        self._sums = list(itertools.accumulate((units for _, units in ordered), initial=0))

    def before(self, instant: float) -> int:
        return self._sums[bisect_left(self._instants, instant)]


class Timeline:
    """The stock of one product over time: with binary searches in running sums, since a load has many reads."""

    def __init__(self, opening: int, changes: Sequence[Effect]) -> None:
        self._opening = opening
        taking = [change for change in changes if change.units < 0]
        adding = [change for change in changes if change.units > 0]
        self._taking, self._adding = _by_sending(taking), _by_sending(adding)
        self._taken, self._added = _by_success(taking), _by_success(adding)
        self._not_taken, self._not_added = _by_refusal(taking), _by_refusal(adding)

    def bounds(self, start: float, end: float) -> tuple[int, int]:
        """The least and the most stock that a read from `start` to `end` may show. What is certain was sent before, so
        it is among what is possible: the lower bound has the certain additions and every possible taking."""
        certain = start - MAX_STALENESS_S
        lower = self._added.before(certain) + self._taking.before(end) - self._not_taken.before(certain)
        upper = self._taken.before(certain) + self._adding.before(end) - self._not_added.before(certain)
        return self._opening + lower, self._opening + upper


def _by_sending(changes: Iterable[Effect]) -> _RunningSum:
    return _RunningSum((change.sent, change.units) for change in changes)


def _by_success(changes: Iterable[Effect]) -> _RunningSum:
    return _RunningSum((change.done, change.units) for change in changes if change.done < math.inf)


def _by_refusal(changes: Iterable[Effect]) -> _RunningSum:
    return _RunningSum((change.refused, change.units) for change in changes if change.refused < math.inf)


def _timelines(changes: Iterable[Effect], contents: Contents) -> dict[str, Timeline]:
    of_product = defaultdict[str, list[Effect]](list)
    for change in changes:
        of_product[change.product].append(change)
    return {id: Timeline(product.opening, of_product[id]) for id, product in contents.products.items()}


def _missing(call: Call, created: float) -> str:
    if call.product and call.status == NOT_FOUND and created < call.due - MAX_STALENESS_S:
        return "has not found a product that was created before"
    return ""


def _wrong_stock(call: Call, timeline: Timeline | None) -> str:
    if timeline is None or not call.is_success:
        return ""
    stock = call.content["stock"]
    lower, upper = timeline.bounds(call.due, call.ended)
    return "" if lower <= stock <= upper else f"shows a stock of {stock}, where {lower} to {upper} is possible"
