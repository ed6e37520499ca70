"""The context of a request: what nginx says about it, and what becomes known while it is served.

nginx replaces these headers, so a client cannot set them: X-Request-ID (the same when nginx retries), X-Request-Start
(when the request reached nginx, in seconds since 1970 by its clock), X-Request-Timeout (seconds until nginx tries
another instance) and X-Serve-Degraded (answer although this instance is isolated).
"""

import math
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from exactly_once.rate_limits import RateState
from shop import telemetry
from shop.api.arrivals import MAX_FIRST_DELIVERY_S, Arrival, Arrivals

#: What a write takes without a failover, many times over.
MIN_TRY_S = 0.5

_ID = re.compile(r"[0-9a-f]{32}")
_ATTRIBUTE = "request_context"

#: Of the WSGI environment: the error of a direct read, which the ViewSet raises in the place of reading again.
FAILURE_KEY = "evergreen.failure"
#: When that read began, by perf_counter(). Such a request holds a slot of the concurrency limit already.
FAILURE_STARTED_KEY = "evergreen.failure_started"

#: Of this process.
ARRIVALS = Arrivals(telemetry.clock_compared)


@dataclass(frozen=True, kw_only=True, slots=True)
class RateUse:
    """A rate limit that a request counted against: the item of RateLimit-Policy, and its state."""

    policy: str
    state: RateState


@dataclass(kw_only=True, slots=True)
class RequestContext:
    """What is known about a request beside its method, path and body."""

    #: 32 hexadecimal digits: nginx's, or new ones where it gave none.
    request_id: str
    #: When it reached this instance, on the clock of time.monotonic().
    received_at: float
    #: Its age by then, since it reached nginx.
    arrival: Arrival
    #: Seconds after which nginx tries another instance; infinite where it does not.
    timeout_s: float = math.inf
    #: Whether an isolated instance is to answer with what it has.
    serve_degraded: bool = False
    #: The request that was carried out, where this one replayed its outcome.
    origin_request_id: str | None = None
    #: Whether finding the caller counts as a read of the caller's own.
    counts_read: bool = False
    #: By name.
    rates: dict[str, RateUse] = field(default_factory=dict)

    @property
    def may_be_retry(self) -> bool:
        """Whether another instance may have received this request before."""
        return self.arrival.age_s is None or self.arrival.age_s > MAX_FIRST_DELIVERY_S

    def deadline(self, seconds: float) -> float:
        """When a request that may take this long since it reached nginx is given up, on the clock of
        time.monotonic(); not after nginx's timeout: the result would reach no client, and the work would delay other
        requests. A requester that waits gets a try in any case: it may seem old because a clock was set. So does one
        that every instance found too old: nginx has just sent it once more."""
        if self.arrival.is_stale and not self.serve_degraded:
            return self.received_at
        return self.received_at + max(min(self.timeout_s, seconds - (self.arrival.age_s or 0.0)), MIN_TRY_S)


def attach_context(request: HttpRequest) -> RequestContext:
    """Read the context from the headers, and attach it to the request for `context_of`."""
    context = read_context(request.META)
    setattr(request, _ATTRIBUTE, context)
    return context


def read_context(headers: Mapping[str, Any]) -> RequestContext:
    """Read the context of a request that has these variables of WSGI."""
    request_id = headers.get("HTTP_X_REQUEST_ID", "")
    received_at = time.monotonic()
    return RequestContext(
        request_id=request_id if _ID.fullmatch(request_id) else secrets.token_hex(16),
        received_at=received_at,
        arrival=_arrival(headers.get("HTTP_X_REQUEST_START"), headers.get("REMOTE_ADDR", ""), received_at),
        timeout_s=_timeout_s(headers.get("HTTP_X_REQUEST_TIMEOUT")),
        serve_degraded=bool(headers.get("HTTP_X_SERVE_DEGRADED")),
    )


def context_of(request: HttpRequest) -> RequestContext:
    """Return the context that the middleware attached to this request."""
    context: RequestContext = getattr(request, _ATTRIBUTE)
    return context


def find_context(request: object) -> RequestContext | None:
    """Return the context, or None for a request that failed before the middleware attached one."""
    return getattr(request, _ATTRIBUTE, None)


def _arrival(header: str | None, address: str, received_at: float) -> Arrival:
    stamp = _seconds(header.removeprefix("t=")) if header else None
    if stamp is None or not math.isfinite(stamp):
        # Not through nginx, so it was not sent before.
        return Arrival(0.0)
    return ARRIVALS.receive(address, stamp, received_at, time.time())


def _timeout_s(header: str | None) -> float:
    timeout = _seconds(header) if header else None
    return math.inf if timeout is None or math.isnan(timeout) else timeout


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
