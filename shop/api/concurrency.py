"""Load shedding: requests beyond the concurrency limit wait, and are refused when no slot is free in time, or where the
server found that they have waited too long already.

This middleware is around the metrics too: a request that waits is not in progress, and its wait is not its latency. A
direct read that failed holds a slot already.
"""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.permissions import SAFE_METHODS

from shop import refusal_worker, telemetry
from shop.api.context import FAILURE_KEY
from shop.api.errors import problem_response
from shop.api.middleware import View
from shop.concurrency import REQUESTS, SHED_KEY, UNLIMITED_PATHS, Overloaded
from shop.domain.figures import OVERLOAD


class LimitConcurrency:
    """Serve a request while it holds a slot of the concurrency limit; answer 503 where none is free in time."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response
        self._read_timeout_s = settings.EVERGREEN_READ_SLOT_TIMEOUT_S
        self._write_timeout_s = settings.EVERGREEN_WRITE_SLOT_TIMEOUT_S

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path in UNLIMITED_PATHS or FAILURE_KEY in request.META:
            return self._get_response(request)
        is_read = request.method in SAFE_METHODS
        try:
            if SHED_KEY in request.META:
                raise Overloaded
            with REQUESTS.acquired(self._read_timeout_s if is_read else self._write_timeout_s):
                return self._get_response(request)
        except Overloaded:
            telemetry.request_shed()
            refusal_worker.TALLY.note(OVERLOAD)
            # Another instance may have carried the write out before it died. To find out would take a request to the
            # store, and this instance has none to spare.
            return problem_response(request, "store-unavailable" if is_read else "outcome-unknown")
