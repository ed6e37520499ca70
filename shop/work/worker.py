"""The loop of the worker: look what is to be done, take events, have due deliveries made in a few threads.

It has no state of its own. Everything that it must not forget is in the store before it acts, so it may be killed at
any instant, and any number of workers may run.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from exactly_once import Unavailable
from shop.domain.events import EventType
from shop.domain.ports import Shop
from shop.domain.webhooks import Outlook
from shop.work import telemetry
from shop.work.batches import deliver_next, request

#: Seconds between two looks while there is nothing to do, and while the store does not answer.
POLL_S, UNAVAILABLE_PAUSE_S = 0.5, 2.0
#: Queues that one worker serves at once, and plans that follow each other without a look at what is due.
MAX_SENDERS, MAX_PLANS = 8, 50

_LOG = structlog.get_logger()


class Worker:
    """Serves the events of a shop. `mail_types` are the events of which mails are sent."""

    def __init__(
        self,
        get_shop: Callable[[], Shop],
        name: str,
        mail_types: tuple[EventType, ...],
        max_senders: int = MAX_SENDERS,
    ) -> None:
        self._get_shop = get_shop
        self._name = name
        self._mail_types = mail_types
        self._max_senders = max_senders
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(max_senders, thread_name_prefix="deliveries")
        self._lock = threading.Lock()
        self._senders = 0

    def stop(self) -> None:
        """Begin nothing more; `run` returns when what was begun is recorded."""
        self._stop.set()

    def run(self) -> None:
        """Work until it is stopped."""
        while not self._stop.is_set():
            self._stop.wait(self._round())
        self._pool.shutdown()

    def _round(self) -> float:
        """Do what there is to do, and return for how many seconds to wait."""
        try:
            return self._look(self._get_shop())
        except Unavailable:
            return UNAVAILABLE_PAUSE_S
        except Exception:
            _LOG.exception("the worker failed, and goes on")
            return UNAVAILABLE_PAUSE_S

    def _look(self, shop: Shop) -> float:
        outlook = shop.deliveries.outlook()
        _measure(outlook)
        planned = self._plan(shop) if outlook.undispatched else 0
        # What was planned just now is due, too.
        self._start_senders(outlook.due + min(planned, self._max_senders))
        return 0.0 if planned else POLL_S

    def _plan(self, shop: Shop) -> int:
        """Take events until there are none, or MAX_PLANS times. Return how many were taken."""
        taken = 0
        for _ in range(MAX_PLANS):
            plan = shop.deliveries.plan(request(), self._name, self._mail_types).value
            telemetry.events_dispatched(plan.events)
            telemetry.deliveries_given_up(plan.dropped)
            taken += plan.events
            if not plan.events or self._stop.is_set():
                break
        return taken

    def _start_senders(self, wanted: int) -> None:
        with self._lock:
            count = max(min(wanted, self._max_senders - self._senders), 0)
            self._senders += count
        for _ in range(count):
            self._pool.submit(self._send)

    def _send(self) -> None:
        """Make batches until none is due."""
        try:
            while not self._stop.is_set() and deliver_next(self._get_shop(), self._stop.is_set):
                continue
        except Unavailable:
            return
        except Exception:
            _LOG.exception("a batch of deliveries failed")
        finally:
            with self._lock:
                self._senders -= 1


def _measure(outlook: Outlook) -> None:
    telemetry.deliveries_measured(
        undispatched=outlook.undispatched,
        undispatched_s=outlook.age_s(outlook.oldest_at),
        overdue_s=outlook.age_s(outlook.due_since),
        pending=outlook.pending,
        dead=outlook.dead,
        failing_s=outlook.failing_s,
    )
