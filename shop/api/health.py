"""Health checks: liveness, readiness, and the status of the store as this instance sees it."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException

from exactly_once.errors import Unavailable
from exactly_once.topology_report import TopologyReport
from shop import bootstrap
from shop.api.access import access_of, sees_all
from shop.api.authentication import find_caller
from shop.api.methods import require_safe
from shop.api.rendering import as_json

#: How long a report is served from the cache: /healthz is public, and a report asks every node.
MAX_REPORT_AGE_S = 1


@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """Answer 200 while this process serves."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while this instance can serve reads."""
    fault = bootstrap.read_fault()
    if not fault:
        return HttpResponse("ok\n", content_type="text/plain")
    return HttpResponse(f"{fault}\n", status=503, content_type="text/plain", headers={"Retry-After": "1"})


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Report the status of the store, in full to callers who see all. 503 where no node serves reads."""
    report = _report()
    body: dict[str, Any] = {"status": report.status}
    if is_answered_in_full(request):
        body = {**asdict(report), "instance": settings.EVERGREEN_INSTANCE}
    status = 503 if report.status == "down" else 200
    return HttpResponse(as_json(body), content_type="application/json", status=status)


def store_status() -> str:
    """Return the status of the store as this instance sees it, at most MAX_REPORT_AGE_S old."""
    return _report().status


def _report() -> TopologyReport:
    report: Any = cache.get_or_set("topology", bootstrap.topology_report, MAX_REPORT_AGE_S)
    return report  # type: ignore[no-any-return]


def is_answered_in_full(request: HttpRequest) -> bool:
    """Whether the caller gets more than the public summary. False where the store cannot tell who calls."""
    try:
        return sees_all(access_of(request), find_caller(request))
    except (Unavailable, APIException):
        return False
