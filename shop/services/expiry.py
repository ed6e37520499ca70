"""Use cases of purchases that are not paid in time: the shop ends them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from exactly_once.errors import Unavailable
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.batches import Unpaid
from shop.domain.errors import NotFound
from shop.domain.ports import Shop
from shop.domain.purchases import Purchase, Status

#: Purchases that are ended in one round trip: the store does nothing else in the meantime.
MAX_PER_BATCH = 10
#: Batches of one round.
MAX_BATCHES_PER_ROUND = 50
#: Seconds that a batch may take, and for which its outcomes are recorded: no other process repeats it.
BATCH_TIMEOUT_S, BATCH_TTL_S = 2.0, 60
#: What the shop makes of a purchase that was not paid in time. One whose payment is authorized stays placed.
ENDS = (Status.EXPIRED, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong with a purchase, and stays so."""

    error: Exception


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpiryRound:
    """The purchases that a round ended, whether more may be overdue, and from where the next round looks for them; and
    what was raised about which purchases, that it left as they are."""

    expired: Sequence[Purchase]
    is_complete: bool
    failures: Mapping[str, Exception]
    next_start: str = ""


def purchases_expire(*, shop: Shop, ttl: timedelta, pause: Callable[[], None], start: str = "") -> ExpiryRound:
    """End purchases whose `pay_by` has passed, and those without one that have been unpaid for `ttl` (0: for ever), the
    earliest first, in up to MAX_BATCHES_PER_ROUND batches with a pause before each. The round goes on where `start`
    says, so that however many others are as old hold up none. Nor does one that fails. Several processes may do so at
    once: each purchase is ended once.

    Raises:
        Unavailable: the store does not answer. What was ended until then stays so.
    """
    expired: list[Purchase] = []
    failures: dict[str, Exception] = {}
    former = Unpaid(ids=(), next_start=start)
    for _ in range(MAX_BATCHES_PER_ROUND):
        bound = shop.clock.now() - ttl if ttl else None
        # Those that fail stay the first ones: others are behind them.
        found = shop.purchases.unpaid(bound, MAX_PER_BATCH, former.next_start, len(failures))
        if found == former or not (found.next_start or set(found.ids) - set(former.ids)):
            # None is left, or the store has these in its index alone: the next round looks again.
            return ExpiryRound(expired=expired, is_complete=True, failures=failures)
        pause()
        expired += _expired(shop, found.ids, failures)
        former = found
    return ExpiryRound(expired=expired, is_complete=False, failures=failures, next_start=former.next_start)


def overdue_s(*, shop: Shop, ttl: timedelta) -> float:
    """Return for how many seconds an unpaid purchase has been overdue, the longest; 0 where none is. `ttl` as in
    `purchases_expire`."""
    overdue = shop.purchases.overdue_for(shop.clock.now() - ttl if ttl else None)
    return max(overdue.total_seconds(), 0.0)


def _expired(shop: Shop, ids: Sequence[str], failures: dict[str, Exception]) -> list[Purchase]:
    """The purchases among these that this process ended. Others were paid, moved or ended in between. Adds to
    `failures` what is raised about one of them, and those that are not there."""
    requests = [_request(id) for id in ids]
    results = _results(shop, requests, ids)
    failures.update((id, result.error) for id, result in zip(ids, results, strict=True) if isinstance(result, _Fault))
    return [
        result.value
        for request, result in zip(requests, results, strict=True)
        if isinstance(result, WriteResult) and not result.is_replay_for(request.id) and result.value.status in ENDS
    ]


def _results(
    shop: Shop, requests: Sequence[WriteRequest], ids: Sequence[str]
) -> Sequence[WriteResult[Purchase] | Exception | _Fault]:
    try:
        results = shop.purchases.expire_all(list(zip(requests, ids, strict=True)), shop.clock.now())
    except Unavailable:
        raise
    except Exception as error:
        if len(ids) == 1:
            return [_Fault(error)]
        # One of them failed, and the others may be ended: the same requests find what they have done.
        deadline = WriteRequest.unique(BATCH_TIMEOUT_S).deadline
        again = [replace(request, deadline=deadline) for request in requests]
        return [result for request, id in zip(again, ids, strict=True) for result in _results(shop, [request], [id])]
    return [_Fault(result) if isinstance(result, NotFound) else result for result in results]


def _request(id: str) -> WriteRequest:
    """A request of its own id, under the key that all processes have for this purchase."""
    unique = WriteRequest.unique(BATCH_TIMEOUT_S, BATCH_TTL_S)
    return WriteRequest(
        id=unique.id,
        idempotency_key=f"expiry:{id}",
        fingerprint="expiry",
        ttl_s=BATCH_TTL_S,
        deadline=unique.deadline,
    )
