"""Payments whose providers are asked in the background: what a crash, a lost answer or a webhook that never came has
left open is resolved by asking, and never by guessing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from exactly_once.requests import WriteRequest
from shop.domain.errors import ShopError
from shop.domain.payments import Payment
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
    """How many payments a round has checked, how many of them without an answer, and whether more may be due."""

    checked: int
    unanswered: int
    is_complete: bool


def payments_check(*, shop: Shop, pause: Callable[[], None]) -> CheckRound:
    """Check the payments that are due, the longest due first, with a pause before each. Several processes may do so at
    once: a provider does what it is asked once, and the shop merges what it answers.

    Raises:
        Unavailable: the store does not answer.
    """
    due = shop.payments.due(shop.clock.now(), MAX_PAYMENTS_PER_ROUND)
    checked = unanswered = 0
    for id in due:
        pause()
        checked += 1
        unanswered += not _is_answered(shop, id)
        if unanswered >= MAX_UNANSWERED:
            break
    is_complete = checked == len(due) < MAX_PAYMENTS_PER_ROUND
    return CheckRound(checked=checked, unanswered=unanswered, is_complete=is_complete)


def _is_answered(shop: Shop, id: str) -> bool:
    try:
        return payment_settle(shop=shop, request=WriteRequest.unique(TIMEOUT_S), id=id)
    except ShopError:
        # Another process has changed it meanwhile: the next round finds what is left.
        return False


def payments_unsettled(*, shop: Shop) -> Sequence[Payment]:
    """List payments that are open or have a refund to make, the oldest first: of more than MAX_UNSETTLED those that are
    checked next."""
    ids = shop.payments.due(shop.clock.now() + _HORIZON, MAX_UNSETTLED)
    return sorted((shop.payments.get(id, None) for id in ids), key=lambda payment: payment.id)
