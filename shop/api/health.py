"""Whether this instance lives, can serve, and what it sees of the store."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from exactly_once.errors import Unavailable
from exactly_once.topology_report import TopologyReport
from shop import bootstrap
from shop.api.authentication import BearerAuthentication, CookieAuthentication, caller_of
from shop.api.methods import reading
from shop.api.rendering import as_json

#: Seconds for which a look at every node is good enough: anybody may ask.
FRESH = 1


@reading
def livez(request: HttpRequest) -> HttpResponse:
    """200 while this process serves."""
    return HttpResponse("ok\n", content_type="text/plain")


@reading
def readyz(request: HttpRequest) -> HttpResponse:
    """200 while this instance can serve reads."""
    if bootstrap.can_read():
        return HttpResponse("ok\n", content_type="text/plain")
    return HttpResponse("no data node answers\n", status=503, content_type="text/plain", headers={"Retry-After": "1"})


@reading
def healthz(request: HttpRequest) -> HttpResponse:
    """The verdict on the store, and for staff everything it rests on. 503 where nothing can be read."""
    report = _report()
    body: dict[str, Any] = {"status": report.status}
    if is_staff(request):
        body = {**asdict(report), "instance": settings.EVERGREEN_INSTANCE}
    status = 503 if report.status == "down" else 200
    return HttpResponse(as_json(body), content_type="application/json", status=status)


def _report() -> TopologyReport:
    found: Any = cache.get_or_set("topology", bootstrap.topology_report, FRESH)
    return found  # type: ignore[no-any-return]


def is_staff(request: HttpRequest) -> bool:
    """Whether staff ask, as far as the store can tell just now."""
    asking = Request(request, authenticators=(BearerAuthentication(), CookieAuthentication()))
    try:
        caller = caller_of(asking)
    except (Unavailable, APIException):
        return False
    return caller is not None and caller.is_staff
