"""Refusals are counted in each process, and added to the day's figures in the background: every two seconds, and when
the process ends.

A process that is killed loses the counts of its last seconds. Adding them in the request that is refused would make
every refusal a write, in an overload above all.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

import structlog

from exactly_once import Unavailable, WriteRequest
from shop.clock import SystemClock
from shop.domain.figures import REFUSALS
from shop.domain.ports import Shop
from shop.domain.surroundings import Clock
from shop.services.figures import refusals_record

#: Seconds between two additions, that one may take, and the last one, with which a process ends.
POLL_S, WRITE_TIMEOUT_S, LAST_WRITE_TIMEOUT_S = 2.0, 5.0, 0.5
#: For so many seconds the store knows that it has added a batch. One that it may have forgotten is not sent again.
RECORD_TTL_S = 86_400
MAX_AGE = timedelta(seconds=RECORD_TTL_S) - timedelta(hours=1)
#: Hours of which counts are held while the store does not answer.
MAX_HOURS = 24

_LOG = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Refusals of an hour, which are added by one write, however often it is tried."""

    request: WriteRequest
    made_at: datetime
    hour: datetime
    counts: dict[str, int]


class RefusalTally:
    """Counts of refusals, by hour, that are not added to the figures yet."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._counts: dict[datetime, Counter[str]] = {}
        self._lock = threading.Lock()
        self._adding = threading.Lock()
        self._batches: deque[Batch] = deque()

    def note(self, reason: str, count: int = 1) -> None:
        """Count an answer that was a refusal for one of REFUSALS; nothing for any other problem."""
        if reason not in REFUSALS or not count:
            return
        hour = self._clock.now().replace(minute=0, second=0, microsecond=0)
        with self._lock:
            self._counts.setdefault(hour, Counter())[reason] += count
            if len(self._counts) > MAX_HOURS:
                del self._counts[min(self._counts)]

    def add_to(self, shop: Shop, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        """Add what was counted to the figures. After a fault, the next call sends the same writes again first.

        Raises:
            Unavailable.
        """
        until = time.monotonic() + timeout_s
        # A process that ends adds, too, while its thread may do so.
        if not self._adding.acquire(timeout=timeout_s):
            return
        try:
            self._forget_old()
            self._send(shop, until)
            self._batches.extend(self._next())
            self._send(shop, until)
        finally:
            self._adding.release()

    def _send(self, shop: Shop, until: float) -> None:
        while self._batches:
            batch = self._batches[0]
            request = replace(batch.request, deadline=until)
            refusals_record(shop=shop, request=request, at=batch.hour, counts=batch.counts)
            self._batches.popleft()

    def _forget_old(self) -> None:
        while self._batches and self._clock.now() - self._batches[0].made_at > MAX_AGE:
            batch = self._batches.popleft()
            _LOG.warning("refusals are left out of the figures: too old to be sent again", counts=batch.counts)

    def _next(self) -> list[Batch]:
        with self._lock:
            counts, self._counts = self._counts, {}
        return [
            Batch(
                request=WriteRequest.unique(WRITE_TIMEOUT_S, RECORD_TTL_S),
                made_at=self._clock.now(),
                hour=hour,
                counts=dict(of_hour),
            )
            for hour, of_hour in sorted(counts.items())
        ]


#: Of this process.
TALLY = RefusalTally()


def start(get_shop: Callable[[], Shop]) -> threading.Thread:
    """Add refusals to the figures in a thread of its own, for as long as the process lives."""
    thread = threading.Thread(target=_run, args=(get_shop,), name="refusals", daemon=True)
    thread.start()
    return thread


def _run(get_shop: Callable[[], Shop]) -> NoReturn:
    while True:
        time.sleep(POLL_S)
        pursue(get_shop)


def pursue(get_shop: Callable[[], Shop], timeout_s: float = WRITE_TIMEOUT_S) -> bool:
    """Add what was counted. Return whether the store took it."""
    try:
        TALLY.add_to(get_shop(), timeout_s)
    except Unavailable:
        return False
    except Exception:
        _LOG.exception("refusals were not added to the figures")
        return False
    return True
