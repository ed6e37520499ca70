"""Load: so many requests a second, sent when they are due whether or not earlier ones were answered, by clients that
never try twice."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from typing import Protocol

import aiohttp
import orjson

from chaos.history import Call, History

#: After which a client gives up: longer than any response may take.
CLIENT_TIMEOUT_S = 20.0
#: Rounds of collecting younger garbage before one of the oldest generation: never.
NO_FULL_COLLECTION = 10**9


class LoadMix(Protocol):
    """What a load is made of."""

    def calls(self) -> Iterator[Call]:
        """The calls in the order in which they are sent, without end."""
        ...

    def token(self, caller: str) -> str:
        """The bearer token of this caller; empty for an anonymous one."""
        ...

    def record_response(self, call: Call) -> None:
        """Take note of a call that has ended, with its response."""
        ...


class Load:
    """Runs in a thread of its own from `start` to `stop`, and keeps its history."""

    def __init__(self, url: str, mix: LoadMix, rate: float) -> None:
        self._api = f"{url}/api/v1"
        self._mix = mix
        self._pause = 1 / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")
        self.history = History()
        self._started_at = 0.0

    def start(self) -> None:
        """Begin to send. Until it has stopped, this process collects only young garbage: going over the whole history
        takes a tenth of a second, in which nothing would be sent or received, and every caller would seem to wait."""
        self._thresholds = gc.get_threshold()
        gc.set_threshold(*self._thresholds[:2], NO_FULL_COLLECTION)
        self._started_at = time.monotonic()
        self._thread.start()

    def stop(self) -> History:
        """Stop sending, wait for the last responses, and return the history."""
        self._stop.set()
        try:
            self._thread.join()
        finally:
            gc.set_threshold(*self._thresholds)
        return self.history

    @property
    def now(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started_at

    async def _run(self) -> None:
        # A connection for each request: one that is reused may be closed by nginx just then.
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        timeout = aiohttp.ClientTimeout(total=CLIENT_TIMEOUT_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as sent:
            for number, call in enumerate(self._calls()):
                call.due = number * self._pause
                await asyncio.sleep(max(call.due - self.now, 0))
                self.history.calls.append(call)
                sent.create_task(self._send(session, call))

    def _calls(self) -> Iterator[Call]:
        calls = self._mix.calls()
        while not self._stop.is_set():
            yield next(calls)

    async def _send(self, session: aiohttp.ClientSession, call: Call) -> None:
        try:
            async with session.request(
                call.method, self._api + call.path, data=_body(call), headers=self._headers(call)
            ) as answer:
                call.answer = await answer.read()
                call.status = answer.status
                call.request_id = answer.headers.get("X-Request-ID", "")
                call.retry_after = answer.headers.get("Retry-After", "")
                call.is_replayed = "Idempotent-Replayed" in answer.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            call.error = repr(error)
        call.ended = self.now
        self._mix.record_response(call)

    def _headers(self, call: Call) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", **call.headers}
        if call.caller:
            headers["Authorization"] = f"Bearer {self._mix.token(call.caller)}"
        if call.key:
            headers["Idempotency-Key"] = call.key
        return headers


def _body(call: Call) -> bytes | None:
    return None if call.body is None else orjson.dumps(call.body)
