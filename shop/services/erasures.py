"""Use cases of erasures: the steps that follow the one that is acknowledged."""

import time
from collections.abc import Callable

from exactly_once.errors import Unavailable
from exactly_once.requests import WriteRequest
from shop.domain.ports import Shop

#: Steps that a request takes before it is answered: up to 1,000 purchases. The others are left to the background.
MAX_STEPS_PER_REQUEST = 20
#: Users and steps of one round in the background.
MAX_USERS_PER_ROUND, MAX_STEPS_PER_ROUND = 20, 100
#: Seconds that a step may take, and for which its outcome is recorded: no other process repeats it.
STEP_TIMEOUT_S, STEP_TTL_S = 2.0, 60


def erasure_continue(*, shop: Shop, id: str, deadline: float) -> bool:
    """Take the next steps of an erasure, MAX_STEPS_PER_REQUEST at most, and none after the deadline, on the clock of
    time.monotonic(). Return whether it is complete. A store that does not answer ends it: the erasure is pending, and
    the background goes on with it."""
    for _ in range(MAX_STEPS_PER_REQUEST):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return False
        try:
            if _is_complete_after_step(shop, id, min(left_s, STEP_TIMEOUT_S)):
                return True
        except Unavailable:
            return False
    return False


def erasures_pursue(*, shop: Shop, pause: Callable[[float], None]) -> int:
    """Take up to MAX_STEPS_PER_ROUND steps of pending erasures, the earliest first. After each, `pause` gets the
    seconds that it took: they grow with the load of the store. Return how many erasures are pending afterwards.

    Raises:
        Unavailable: the store does not answer.
    """
    pending = shop.users.pending_erasures(MAX_USERS_PER_ROUND)
    steps = MAX_STEPS_PER_ROUND
    for id in pending.users:
        steps = _pursue(shop, id, steps, pause)
    return shop.users.pending_erasures(0).count if pending.count else 0


def _pursue(shop: Shop, id: str, max_steps: int, pause: Callable[[float], None]) -> int:
    """Take steps until the erasure is complete, and return how many are left of `max_steps`."""
    for used in range(max_steps):
        began = time.monotonic()
        is_complete = _is_complete_after_step(shop, id, STEP_TIMEOUT_S)
        pause(time.monotonic() - began)
        if is_complete:
            return max_steps - used - 1
    return 0


def _is_complete_after_step(shop: Shop, id: str, timeout_s: float) -> bool:
    return shop.users.continue_erasure(WriteRequest.unique(timeout_s, STEP_TTL_S), id).value.is_complete
