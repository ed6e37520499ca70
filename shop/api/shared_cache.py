"""What is costly to make and the same for everyone who is not signed in: made once for all processes of the shop.

It is in the store, by django-redis, for a lifetime that each use names. A cache that fails or is slow makes no request
fail: the value is made as if there were none, and the cache is left alone for a while. Meanwhile the request holds no
slot of the concurrency limit. Nothing that is sold, counted or owned is read from it; docs/caching.md lists what is.
"""

import threading
import time
from collections.abc import Callable

from django.core.cache import caches
from prometheus_client import Counter

from exactly_once.pool_options import FAILURES
from shop import concurrency

#: Characters of a value: a longer one is made anew each time.
MAX_VALUE_CHARS = 1_000_000
#: For which a cache that failed is left alone: so long a request waits for it at most once in each process.
PAUSE_S = 5.0

REQUESTS = Counter("evergreen_cache_requests", "Look-ups in the shared cache, by name and result.", ["name", "result"])
#: From the start, so that the first one is an increase.
_RESULTS = {
    (name, result): REQUESTS.labels(name, result)
    for name in ("schema", "status", "figures")
    for result in ("hit", "miss", "failed", "skipped")
}
_lock = threading.Lock()
_paused_until = 0.0


def shared(name: str, key: str, lifetime_s: float, make: Callable[[], str]) -> str:
    """Return the text under this key, or make it and store it for this long. `name` is that of the metrics."""
    found = _found(name, key)
    if found is not None:
        return found
    value = make()
    _store(name, key, lifetime_s, value)
    return value


class SharedTexts:
    """Texts that are read and stored apart. `name` is that of the metrics."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find(self, key: str) -> str | None:
        """Return the text under this key; None where there is none, or the cache does not answer."""
        return _found(self._name, key)

    def put(self, key: str, text: str, lifetime_s: int) -> None:
        """Store the text for this long; nothing where it is too long, or the cache does not answer."""
        _store(self._name, key, lifetime_s, text)


def _found(name: str, key: str) -> str | None:
    if time.monotonic() < _paused_until:
        _RESULTS[name, "skipped"].inc()
        return None
    try:
        with concurrency.REQUESTS.released():
            found = caches["shared"].get(key)
    except FAILURES:
        _failed(name)
        return None
    result = "hit" if isinstance(found, str) else "miss"
    _RESULTS[name, result].inc()
    return found if isinstance(found, str) else None


def _store(name: str, key: str, lifetime_s: float, value: str) -> None:
    if len(value) > MAX_VALUE_CHARS or time.monotonic() < _paused_until:
        return
    try:
        with concurrency.REQUESTS.released():
            caches["shared"].set(key, value, lifetime_s)
    except FAILURES:
        _failed(name)


def _failed(name: str) -> None:
    global _paused_until
    _RESULTS[name, "failed"].inc()
    with _lock:
        _paused_until = time.monotonic() + PAUSE_S


def resume() -> None:
    """Use the cache again at once."""
    global _paused_until
    with _lock:
        _paused_until = 0.0
