"""Payments whose providers are asked in the background: what a crash, a lost answer or a webhook that never came has
left open is resolved by asking, and never by guessing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exactly_once.errors import Unavailable
from exactly_once.requests import WriteRequest
from shop.domain.payments import MAX_CHECK_INTERVAL, Payment
from shop.domain.ports import Shop
from shop.services.payments import payment_settle

#: Payments of one round.
MAX_PAYMENTS_PER_ROUND = 50
#: Payments without an answer after which a round ends: the provider is down, and each of them takes its timeout.
MAX_UNANSWERED = 3
#: Seconds that the writes about one payment may take.
TIMEOUT_S = 10.0
#: Payments of a list of those that are not settled.
MAX_UNSETTLED = 50
#: Longer than the longest pause before the next check of a payment.
_HORIZON = timedelta(days=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRound:
    """How many payments a round has checked, how many of them without an answer, and whether more may be due; and what
    was raised about which payments, that are checked later."""

    checked: int
    unanswered: int
    is_complete: bool
    failures: Mapping[str, Exception]


def payments_check(*, shop: Shop, pause: Callable[[], None]) -> CheckRound:
    """Check the payments that are due, the longest due first, with a pause before each. Several processes may do so at
    once: a provider does what it is asked once, and the shop merges what it answers. One that fails holds up no other.

    Raises:
        Unavailable: the store does not answer.
    """
    due = shop.payments.due(shop.clock.now(), MAX_PAYMENTS_PER_ROUND)
    checked = unanswered = 0
    failures: dict[str, Exception] = {}
    for id in due:
        pause()
        checked += 1
        try:
            unanswered += not payment_settle(shop=shop, request=WriteRequest.unique(TIMEOUT_S), id=id)
        except Unavailable:
            raise
        except Exception as error:
            # Another process has changed it meanwhile, or it fails each time: it is not the first one again.
            failures[id] = error
            shop.payments.postpone(WriteRequest.unique(TIMEOUT_S), id, _next_check(shop, id))
        if unanswered >= MAX_UNANSWERED:
            break
    is_complete = checked == len(due) < MAX_PAYMENTS_PER_ROUND
    return CheckRound(checked=checked, unanswered=unanswered, is_complete=is_complete, failures=failures)


def _next_check(shop: Shop, id: str) -> datetime:
    now = shop.clock.now()
    try:
        return shop.payments.get(id, None).next_check(now)
    except Unavailable:
        raise
    except Exception:
        # It cannot be read: that may last.
        return now + MAX_CHECK_INTERVAL


def payments_unsettled(*, shop: Shop) -> Sequence[Payment]:
    """List payments that are open or have a refund to make, the oldest first: of more than MAX_UNSETTLED those that are
    checked next."""
    ids = shop.payments.due(shop.clock.now() + _HORIZON, MAX_UNSETTLED)
    return sorted((shop.payments.get(id, None) for id in ids), key=lambda payment: payment.id)
