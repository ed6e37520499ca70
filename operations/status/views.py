"""The live picture: the topology as it is, drawn for people, in JSON for programs."""

from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from operations import bootstrap
from operations.status.panels import drawn, told
from operations.status.snapshot import StatusSnapshot
from shop.api.health import MAX_REPORT_AGE_S, is_staff
from shop.api.methods import require_safe
from shop.api.rendering import as_json, prefers_html


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """The picture: all of it for staff; for everybody else the verdict, and what there is without saying where. Nobody
    can be known to be staff while no data node answers. Always 200: what is wrong with the shop is in it."""
    is_whole = is_staff(request)
    if prefers_html(request):
        response = HttpResponse(_once_a_second(f"status-page-{is_whole}", lambda: _page(is_whole)))
    else:
        body = as_json(told(_picture(), is_whole=is_whole))
        response = HttpResponse(body, content_type="application/json")
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept", "Authorization", "Cookie"])
    return response


def _page(is_whole: bool) -> str:
    return render_to_string("operations/status.html", drawn(_picture(), is_whole=is_whole))


def _picture() -> StatusSnapshot:
    found: StatusSnapshot = _once_a_second("status_snapshot", bootstrap.status_snapshot)
    return found


def _once_a_second(name: str, make: Any) -> Any:
    """However many look on, each process looks at the store, and draws what it saw, once a second."""
    return cache.get_or_set(name, make, MAX_REPORT_AGE_S)
