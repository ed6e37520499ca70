"""Claims a batch of deliveries, makes them one after the other, and records what came of them."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from exactly_once import Unavailable, WriteRequest
from shop.domain.ports import Shop
from shop.domain.webhooks import Attempt, Batch, ClaimLost, Delivery, endpoint_pause
from shop.work import mails, telemetry, webhooks
from shop.work.attempts import Outcome, attempt

#: Deliveries of a batch; none is begun behind SENDING_S seconds. The lease has room for the last one, a slow look-up of
#: its name, and the tries to record them.
MAX_BATCH, SENDING_S, LEASE = 50, 10.0, timedelta(seconds=60)
WRITE_TIMEOUT_S, RECORD_TTL_S = 10.0, 300
#: How often the outcome of a batch is sent to a store that does not answer.
MAX_RECORD_ATTEMPTS = 4

_LOG = structlog.get_logger()


def request() -> WriteRequest:
    """A write of the worker."""
    return WriteRequest.unique(WRITE_TIMEOUT_S, RECORD_TTL_S)


def deliver_next(shop: Shop, is_stopping: Callable[[], bool]) -> bool:
    """Claim a batch, make it and record it. Return whether there was one.

    Raises: Unavailable. What was sent and not recorded is sent again once the lease is over."""
    batch = shop.deliveries.claim(request(), MAX_BATCH, LEASE).value
    if batch is None:
        return False
    attempts, is_down = _make(shop, batch, is_stopping)
    pause = endpoint_pause(batch.failures + 1, random.random()) if is_down else timedelta(0)
    _record(shop, batch, attempts, pause)
    return True


def _make(shop: Shop, batch: Batch, is_stopping: Callable[[], bool]) -> tuple[Sequence[Attempt], bool]:
    """The attempts, and whether the last one found the receiver down: what follows it would fail, too."""
    attempts: list[Attempt] = []
    until = time.monotonic() + SENDING_S
    for delivery in batch.deliveries:
        if is_stopping() or time.monotonic() > until:
            break
        made, is_down = attempt(delivery, lambda each: _send(shop, batch, each))
        attempts.append(made)
        telemetry.delivery_attempted("mail" if batch.endpoint is None else "webhook", made.error or "delivered")
        if is_down:
            return attempts, True
    return attempts, False


def _send(shop: Shop, batch: Batch, delivery: Delivery) -> Outcome:
    try:
        return mails.send(shop, delivery) if batch.endpoint is None else webhooks.send(shop, batch.endpoint, delivery)
    except Unavailable:
        return Outcome(error="store-unavailable", is_down=True)
    except Exception as error:
        # One delivery that cannot be made must not stop those behind it. Its text may have what was sent.
        _LOG.error("a delivery failed", queue=batch.queue, event_id=delivery.event.id, error=type(error).__name__)
        return Outcome(error="internal")


def _record(shop: Shop, batch: Batch, attempts: Sequence[Attempt], pause: timedelta) -> None:
    write = request()
    for left in reversed(range(MAX_RECORD_ATTEMPTS)):
        try:
            dead = shop.deliveries.record(write, batch, attempts, pause).value
        except ClaimLost:
            _LOG.warning("a claim of deliveries was over before they were recorded", queue=batch.queue)
            return
        except Unavailable:
            if not left:
                raise
            write = replace(write, deadline=time.monotonic() + WRITE_TIMEOUT_S)
        else:
            telemetry.deliveries_given_up(dead)
            return
