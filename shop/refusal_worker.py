"""Refusals are counted in each process, and added to the day's figures in the background, every two seconds.

A process that is killed loses the counts of its last seconds. Adding them in the request that is refused would make
every refusal a write, in an overload above all.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn

import structlog

from exactly_once import Unavailable, WriteRequest
from shop.domain.figures import REFUSALS
from shop.domain.ports import Shop
from shop.services.figures import refusals_record

#: Seconds between two additions, and that one may take.
POLL_S, WRITE_TIMEOUT_S = 2.0, 5.0

_LOG = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Refusals that are added by one write, however often it is tried."""

    request: WriteRequest
    at: datetime
    counts: dict[str, int]


class RefusalTally:
    """Counts of refusals that are not added to the figures yet."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._batch: Batch | None = None

    def note(self, reason: str, count: int = 1) -> None:
        """Count an answer that was a refusal for one of REFUSALS; nothing for any other problem."""
        if reason in REFUSALS and count:
            with self._lock:
                self._counts[reason] += count

    def add_to(self, shop: Shop) -> None:
        """Add what was counted to the figures. After a fault, the next call sends the same write again first.

        Raises:
            Unavailable.
        """
        batch = self._batch = self._batch or self._next(shop.clock.now())
        if batch is None:
            return
        request = replace(batch.request, deadline=time.monotonic() + WRITE_TIMEOUT_S)
        refusals_record(shop=shop, request=request, at=batch.at, counts=batch.counts)
        self._batch = None

    def _next(self, now: datetime) -> Batch | None:
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return None
        return Batch(request=WriteRequest.unique(WRITE_TIMEOUT_S), at=now, counts=dict(counts))


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


def pursue(get_shop: Callable[[], Shop]) -> bool:
    """Add what was counted. Return whether the store took it."""
    try:
        TALLY.add_to(get_shop())
    except Unavailable:
        return False
    except Exception:
        _LOG.exception("refusals were not added to the figures")
        return False
    return True
