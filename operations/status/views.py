"""The status view: the topology as it is, as a page and as JSON."""

from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from operations import bootstrap
from operations.status.panels import as_context, as_record
from operations.status.snapshot import StatusSnapshot
from shop.api.health import MAX_REPORT_AGE_S, is_answered_in_full
from shop.api.methods import require_safe
from shop.api.rendering import as_json, prefers_html
from shop.api.shared_cache import shared


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """The status: in full for staff; for the public the summary, and the parts without addresses. Staff cannot be
    recognised while no data node answers. Always 200: what is wrong with the shop is in the body."""
    is_full = is_answered_in_full(request)
    if prefers_html(request):
        response = HttpResponse(_text("page", _page, is_full=is_full))
    else:
        response = HttpResponse(_text("record", _record, is_full=is_full), content_type="application/json")
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept", "Authorization", "Cookie"])
    return response


def _text(kind: str, make: Callable[[bool], str], *, is_full: bool) -> str:
    """The text of this kind: the public one is made at most once a second for all processes."""

    def make_once() -> str:
        text: str = _once_a_second(f"status-{kind}-{is_full}", lambda: make(is_full))
        return text

    return make_once() if is_full else shared("status", f"status-{kind}", MAX_REPORT_AGE_S, make_once)


def _page(is_full: bool) -> str:
    return render_to_string("operations/status.html", as_context(_snapshot(), is_full=is_full))


def _record(is_full: bool) -> str:
    return as_json(as_record(_snapshot(), is_full=is_full)).decode()


def _snapshot() -> StatusSnapshot:
    snapshot: StatusSnapshot = _once_a_second("status_snapshot", bootstrap.status_snapshot)
    return snapshot


def _once_a_second(name: str, make: Any) -> Any:
    """Make it at most once a second in each process, however many requests there are."""
    return cache.get_or_set(name, make, MAX_REPORT_AGE_S)
