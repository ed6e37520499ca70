"""Purchases that are not paid in time are ended in the background: by the worker, and by
`manage.py expire_purchases`."""

import time
from datetime import timedelta

import structlog
from django.conf import settings

from shop import telemetry
from shop.domain.ports import Shop
from shop.services.expiry import ExpiryRound, purchases_expire
from shop.services.guest_erasure import guests_forget
from shop.work.periodic import Task

_LOG = structlog.get_logger()

#: Seconds between two looks for overdue purchases while there are none, and while the store does not answer.
POLL_S = 30.0
#: Seconds before each batch: ten purchases each 100 ms of every worker.
PAUSE_S = 0.1
#: Seconds between two looks for guests to forget: they are due by the day.
GUESTS_POLL_S = 600.0


def pause() -> None:
    """Leave the store to the requests for a while."""
    time.sleep(PAUSE_S)


def ttl() -> timedelta:
    """How long a purchase may be unpaid that has no instant of its own; 0 for ever."""
    return timedelta(seconds=settings.EVERGREEN_UNPAID_PURCHASE_TTL_S)


def expire(shop: Shop, start: str = "") -> ExpiryRound:
    """Take a round, from where the one before ended, count what it ended, and log what it could not end.

    Raises: Unavailable."""
    done = purchases_expire(shop=shop, ttl=ttl(), pause=pause, start=start)
    for purchase in done.expired:
        telemetry.purchase_transitioned(purchase.status)
        telemetry.purchase_expired()
    for id, error in done.failures.items():
        _LOG.error("a purchase could not be ended", purchase=id, exc_info=error)
    return done


class Rounds:
    """Round after round, each going on where the one before ended."""

    def __init__(self) -> None:
        self._start = ""

    def run(self, shop: Shop) -> bool:
        """Take a round. Return whether more purchases are overdue. Raises: Unavailable."""
        done = expire(shop, self._start)
        self._start = done.next_start
        return not done.is_complete


#: Of the worker: ends purchases, and forgets guests whose purchases ended so.
TASK = Task(name="expiry", interval_s=POLL_S, run=Rounds().run)
GUESTS = Task(name="guests", interval_s=GUESTS_POLL_S, run=lambda shop: guests_forget(shop=shop, pause=pause))
