"""One run of the same work for many threads at once (Go's singleflight, with one difference: a caller never gets the
outcome of a run that began before it asked)."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Work that many threads want done at once. Each gets the outcome of a run that began after it asked."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._runs_begun = 0
        self._outcome: Future[T]

    def __call__(self) -> T:
        asked_at = self._runs_begun
        with self._lock:
            if self._runs_begun == asked_at:
                self._runs_begun += 1
                self._outcome = _run(self._work)
            outcome = self._outcome
        return outcome.result()


def _run(work: Callable[[], T]) -> Future[T]:
    outcome: Future[T] = Future()
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)
    return outcome
