"""Purchases that are not paid in time are ended in the background: by every process of the API, and by
`manage.py expire_purchases`."""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

import structlog
from django.conf import settings

from exactly_once import Unavailable
from shop import telemetry
from shop.domain.ports import Shop
from shop.services.expiry import ExpiryRound, purchases_expire

#: Seconds between two looks for overdue purchases while there are none, and while the store does not answer.
POLL_S = 30.0
#: Seconds before each batch: ten purchases each 100 ms of every process.
PAUSE_S = 0.1

_LOG = structlog.get_logger()


def pause() -> None:
    """Leave the store to the requests for a while."""
    time.sleep(PAUSE_S)


def ttl() -> timedelta:
    """How long a purchase may be unpaid that has no instant of its own; 0 for ever."""
    return timedelta(seconds=settings.EVERGREEN_UNPAID_PURCHASE_TTL_S)


def start(get_shop: Callable[[], Shop]) -> threading.Thread:
    """End overdue purchases in a thread of its own, for as long as the process lives."""
    thread = threading.Thread(target=_run, args=(get_shop,), name="expiry", daemon=True)
    thread.start()
    return thread


def _run(get_shop: Callable[[], Shop]) -> NoReturn:
    while True:
        if pursue(get_shop):
            # Not all processes at the same instant.
            time.sleep(POLL_S * random.uniform(0.5, 1.5))


def pursue(get_shop: Callable[[], Shop]) -> bool:
    """Take a round. Return whether to wait before the next one: none is overdue, or the store does not answer."""
    try:
        return expire(get_shop()).is_complete
    except Unavailable:
        return True
    except Exception:
        _LOG.exception("unpaid purchases did not expire")
        return True


def expire(shop: Shop) -> ExpiryRound:
    """Take a round, and count what it ended. Raises: Unavailable."""
    done = purchases_expire(shop=shop, ttl=ttl(), pause=pause)
    for purchase in done.expired:
        telemetry.purchase_transitioned(purchase.status)
        telemetry.purchase_expired()
    return done
