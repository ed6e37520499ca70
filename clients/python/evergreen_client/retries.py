"""The repetition of requests. Each POST has an Idempotency-Key: it takes effect once, however often it is sent."""

import time
import uuid
from collections.abc import Callable

import httpx

SAFE_METHODS = frozenset({"GET", "HEAD"})
TOO_MANY_REQUESTS, UNAVAILABLE = 429, 503
MAX_ATTEMPTS = 6
MAX_WAIT_S = 30.0
#: The wait before the first repeat, where the shop names none; it doubles with each.
FIRST_WAIT_S = 0.2


class RetryTransport(httpx.BaseTransport):
    """Repeats a request after its `Retry-After`: where nothing was done (429), and where a repeat does no harm."""

    def __init__(
        self, transport: httpx.BaseTransport | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._transport = transport or httpx.HTTPTransport()
        self._sleep = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            request.headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
        for attempt in range(1, MAX_ATTEMPTS):
            try:
                response = self._transport.handle_request(request)
            except httpx.TransportError:
                if not _is_harmless(request):
                    raise
                self._sleep(_wait_s(attempt))
                continue
            if not _may_repeat(request, response):
                return response
            response.close()
            self._sleep(_wait_s(attempt, response.headers.get("Retry-After", "")))
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()


def _is_harmless(request: httpx.Request) -> bool:
    """Whether a repeat does no harm though the first try may have taken effect."""
    return request.method in SAFE_METHODS or "Idempotency-Key" in request.headers


def _may_repeat(request: httpx.Request, response: httpx.Response) -> bool:
    if response.status_code == UNAVAILABLE:
        return _is_harmless(request)
    return response.status_code == TOO_MANY_REQUESTS


def _wait_s(attempt: int, retry_after: str = "") -> float:
    wait_s = float(retry_after) if retry_after.isdecimal() else FIRST_WAIT_S * 2 ** (attempt - 1)
    return min(wait_s, MAX_WAIT_S)
