"""Requests are worked on a few at a time. Those whose turn does not come in time are refused before they cost much.

This is around everything else, the metrics too: each count takes a lock that all threads of a process share.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from shop import telemetry
from shop.api import errors
from shop.api.middleware import READS, finished, receive
from shop.concurrency import REQUESTS, Overloaded

#: Seconds that a read and a write wait for their turn: after 2 and 3.5, nginx has the other instance do them too.
READ_PATIENCE, WRITE_PATIENCE = 1.5, 3.0
#: Whoever asks these wants to know how it is, above all in a rush.
_AT_ONCE = frozenset({"/livez", "/readyz", "/metrics"})


def in_turn(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The middleware, around what is inside of it."""

    def around(request: HttpRequest) -> HttpResponseBase:
        receive(request)
        if request.path in _AT_ONCE:
            return get_response(request)
        try:
            with REQUESTS.acquired(READ_PATIENCE if request.method in READS else WRITE_PATIENCE):
                return get_response(request)
        except Overloaded:
            telemetry.crowded()
            # An instance that has died since may have done what a write asks for: to know would cost a question.
            code = "store-unavailable" if request.method in READS else "outcome-unknown"
            return finished(request, errors.answer(request, code))

    return around
