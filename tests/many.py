"""Many writes at once, each until it has its result."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from exactly_once.errors import Unavailable
from exactly_once.requests import WriteResult
from tests.samples import TIMEOUT_S

#: For this long a store may be too late for some of the writes, as on a machine that does much else.
LIMIT_S = 60
#: Seconds between two attempts.
PAUSE_S = 0.5

#: A write of many: what each is made of, its request first.
WriteMany = Callable[[Sequence[Any]], Sequence[WriteResult[Any] | Exception]]


def write_all(write: WriteMany, entries: Sequence[tuple[Any, ...]], at_once: int) -> list[WriteResult[Any]]:
    """The results of all these writes, so many at once. Each batch has the whole timeout; what the store was too late
    for is sent again with its idempotency key, so that it is done once. Raises what a write was refused with."""
    return [result for start in range(0, len(entries), at_once) for result in _batch(write, entries[start:][:at_once])]


def _batch(write: WriteMany, entries: Sequence[tuple[Any, ...]]) -> Sequence[WriteResult[Any]]:
    end = time.monotonic() + LIMIT_S
    while True:
        deadline = time.monotonic() + TIMEOUT_S
        try:
            results = write([(replace(request, deadline=deadline), *rest) for request, *rest in entries])
            return [_result(result) for result in results]
        except Unavailable:
            if time.monotonic() > end:
                raise
        time.sleep(PAUSE_S)


def _result(result: WriteResult[Any] | Exception) -> WriteResult[Any]:
    if isinstance(result, Exception):
        raise result
    return result
