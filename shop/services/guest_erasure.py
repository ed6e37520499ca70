"""Use cases of guests whose purchases ended unpaid: the shop forgets who they were."""

from collections.abc import Callable

from exactly_once.requests import WriteRequest
from shop.domain.ports import Shop

#: Purchases of one step, and steps of one round.
MAX_PER_STEP, MAX_STEPS = 50, 20
#: Seconds that a step may take, and for which its outcome is recorded.
TIMEOUT_S, TTL_S = 2.0, 60


def guests_forget(*, shop: Shop, pause: Callable[[], None]) -> bool:
    """Take email and address out of purchases of guests that ended unpaid longer ago than GUEST_RETENTION, in bounded
    steps with a pause before each. Return whether more are due. Several processes may do so at once.

    Raises:
        Unavailable: the store does not answer. What was done until then stays so.
    """
    for _ in range(MAX_STEPS):
        now = shop.clock.now()
        if not shop.purchases.has_guests_to_forget(now):
            return False
        pause()
        shop.purchases.forget_guests(WriteRequest.unique(TIMEOUT_S, TTL_S), now, MAX_PER_STEP)
    return True
