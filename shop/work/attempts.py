"""An attempt to deliver, timed, with what its failure says of the endpoint as a whole."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from shop.domain.webhooks import Attempt, Delivery, retry_after


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of sending. `error` is empty where it was taken; with `is_down`, nothing else would be taken either."""

    error: str = ""
    response_status: int | None = None
    is_down: bool = False


def attempt(delivery: Delivery, send: Callable[[Delivery], Outcome]) -> tuple[Attempt, bool]:
    """Send a delivery. Return the attempt, and whether its receiver is down."""
    started = time.monotonic()
    outcome = send(delivery)
    made = Attempt(
        event=delivery.event.id,
        error=outcome.error,
        response_status=outcome.response_status,
        duration_ms=round((time.monotonic() - started) * 1000),
        retry_after=retry_after(delivery.attempts + 1, random.random()),
    )
    return made, outcome.is_down
