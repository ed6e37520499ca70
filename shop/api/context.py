"""The context of a request: what nginx says about it, and what becomes known while it is served.

nginx replaces these headers, so a client cannot set them: X-Request-ID (the same when nginx retries), X-Request-Start
(when the request reached nginx, in seconds since 1970), X-Request-Timeout (seconds until nginx tries another instance)
and X-Serve-Degraded (answer although this instance is isolated).
"""

import math
import re
import secrets
import time
from dataclasses import dataclass

from django.http import HttpRequest

#: A request may have waited this long, in an instance that was frozen. Its deadline must count from its real arrival,
#: or it would take effect again after the record of its outcome has expired.
MAX_REQUEST_AGE_S = 86_400.0
#: Clocks of two machines differ by less.
MAX_CLOCK_SKEW_S = 1.0

_ID = re.compile(r"[0-9a-f]{32}")
_ATTRIBUTE = "request_context"


@dataclass(kw_only=True, slots=True)
class RequestContext:
    """What is known about a request beside its method, path and body. Instants are seconds since 1970."""

    #: 32 hexadecimal digits: nginx's, or new ones where it gave none.
    request_id: str
    #: When the request reached nginx; `received_at` where nginx does not say, or says what cannot be.
    arrived_at: float
    #: When it reached this instance.
    received_at: float
    #: Seconds after which nginx tries another instance; infinite where it does not.
    timeout_s: float = math.inf
    #: Whether an isolated instance is to answer with what it has.
    serve_degraded: bool = False
    #: The request that was carried out, where this one replayed its outcome.
    origin_request_id: str | None = None


def attach_context(request: HttpRequest) -> RequestContext:
    """Read the context from the headers, and attach it to the request for `context_of`."""
    headers = request.META
    request_id = headers.get("HTTP_X_REQUEST_ID", "")
    now = time.time()
    context = RequestContext(
        request_id=request_id if _ID.fullmatch(request_id) else secrets.token_hex(16),
        arrived_at=_arrived_at(headers.get("HTTP_X_REQUEST_START"), now),
        received_at=now,
        timeout_s=_timeout_s(headers.get("HTTP_X_REQUEST_TIMEOUT")),
        serve_degraded=bool(headers.get("HTTP_X_SERVE_DEGRADED")),
    )
    setattr(request, _ATTRIBUTE, context)
    return context


def context_of(request: HttpRequest) -> RequestContext:
    """Return the context that the middleware attached to this request."""
    context: RequestContext = getattr(request, _ATTRIBUTE)
    return context


def find_context(request: object) -> RequestContext | None:
    """Return the context, or None for a request that failed before the middleware attached one."""
    return getattr(request, _ATTRIBUTE, None)


def _arrived_at(header: str | None, now: float) -> float:
    arrived = _seconds(header.removeprefix("t=")) if header else None
    is_plausible = arrived is not None and now - MAX_REQUEST_AGE_S < arrived < now + MAX_CLOCK_SKEW_S
    return arrived if arrived is not None and is_plausible else now


def _timeout_s(header: str | None) -> float:
    timeout = _seconds(header) if header else None
    return math.inf if timeout is None or math.isnan(timeout) else timeout


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
