"""Requests are worked on a few at a time. Those whose turn does not come in time are refused before they cost much.

This is around everything else, the metrics too: each count takes a lock that all threads of a process share.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from shop import telemetry
from shop.api import errors
from shop.api.middleware import READS, finished, receive
from shop.concurrency import REQUESTS, Overloaded

#: Whoever asks these wants to know how it is, above all in a rush.
_AT_ONCE = frozenset({"/livez", "/readyz", "/metrics"})


def in_turn(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The middleware, around what is inside of it."""

    read_timeout_s, write_timeout_s = settings.EVERGREEN_READ_SLOT_TIMEOUT_S, settings.EVERGREEN_WRITE_SLOT_TIMEOUT_S

    def around(request: HttpRequest) -> HttpResponseBase:
        receive(request)
        if request.path in _AT_ONCE:
            return get_response(request)
        try:
            with REQUESTS.acquired(read_timeout_s if request.method in READS else write_timeout_s):
                return get_response(request)
        except Overloaded:
            telemetry.crowded()
            # An instance that has died since may have done what a write asks for: to know would cost a question.
            code = "store-unavailable" if request.method in READS else "outcome-unknown"
            return finished(request, errors.answer(request, code))

    return around
