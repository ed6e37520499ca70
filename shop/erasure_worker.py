"""Pending erasures are completed in the background: by every process of the API, and by `manage.py erase_pending`."""

import random
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import structlog

from exactly_once import Unavailable
from shop import telemetry
from shop.domain.ports import Shop
from shop.services.erasures import erasures_pursue

#: Seconds between two looks for pending erasures while there are none, and while the store does not answer.
POLL_S = 30.0
#: Seconds after each step, at least and at most. In between it is so many times what the step took: a store under load
#: takes longer for each, and has more time left for the requests. Every process takes steps. Of four of them a store
#: without load has one every 13 ms, which takes a twentieth of its time.
MIN_PAUSE_S, MAX_PAUSE_S, PAUSE_FACTOR = 0.05, 5.0, 15

_LOG = structlog.get_logger()


def pause(step_s: float) -> None:
    """Leave the store to the requests for a while, after a step that took so many seconds."""
    time.sleep(min(max(MIN_PAUSE_S, PAUSE_FACTOR * step_s), MAX_PAUSE_S))


def start(get_shop: Callable[[], Shop]) -> threading.Thread:
    """Complete pending erasures in a thread of its own, for as long as the process lives."""
    thread = threading.Thread(target=_run, args=(get_shop,), name="erasures", daemon=True)
    thread.start()
    return thread


def _run(get_shop: Callable[[], Shop]) -> NoReturn:
    while True:
        # Not all processes at the same instant.
        if not pursue(get_shop):
            time.sleep(POLL_S * random.uniform(0.5, 1.5))


def pursue(get_shop: Callable[[], Shop]) -> int:
    """Take a round of steps. Return how many erasures are pending; 0 where the store does not answer, too."""
    try:
        count = erasures_pursue(shop=get_shop(), pause=pause)
    except Unavailable:
        return 0
    except Exception:
        _LOG.exception("an erasure did not go on")
        return 0
    telemetry.erasures_counted(count)
    return count
