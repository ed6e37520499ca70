"""When tokens and API keys were last used: recorded once an hour at most, because each record is a write."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from exactly_once.errors import Unavailable
from exactly_once.requests import WriteRequest

#: How exact `last_used_at` is.
INTERVAL = timedelta(hours=1)
#: A request does not wait longer for its record, and this process tries again after the interval.
WRITE_TIMEOUT_S, RECORD_TTL_S = 0.3, 10
#: Uses that this process remembers. A use that was forgotten is compared with the stored instant again.
MAX_REMEMBERED = 10_000


class UseRecorder:
    """Records uses, at most one an hour for each digest in this process."""

    def __init__(self) -> None:
        self._recorded: OrderedDict[str, datetime] = OrderedDict()
        self._lock = Lock()

    def record(
        self, digest: str, last_used_at: datetime | None, now: datetime, write: Callable[[WriteRequest], object]
    ) -> None:
        """Run `write` where the last use is an hour ago. A store that does not answer is no error of the request."""
        if not self._is_due(digest, last_used_at, now):
            return
        try:
            write(WriteRequest.unique(WRITE_TIMEOUT_S, RECORD_TTL_S))
        except Unavailable:
            return

    def _is_due(self, digest: str, last_used_at: datetime | None, now: datetime) -> bool:
        with self._lock:
            known = max(filter(None, (last_used_at, self._recorded.get(digest))), default=None)
            if known is not None and now - known < INTERVAL:
                return False
            self._recorded[digest] = now
            self._recorded.move_to_end(digest)
            if len(self._recorded) > MAX_REMEMBERED:
                self._recorded.popitem(last=False)
            return True
