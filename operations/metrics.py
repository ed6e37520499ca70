"""The metrics of an API instance."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView  # type: ignore[import-untyped]

from operations.monitoring_access import is_authorized
from shop import instance_load
from shop.queued_metrics import QUEUE


def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics of this instance; 401 where a password is configured and the request has another one."""
    if not is_authorized(request.headers.get("Authorization", ""), settings.EVERGREEN_MONITORING_PASSWORD):
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Basic realm="metrics"'})
    instance_load.measure()
    # The files have what was published; a registry publishes by itself.
    QUEUE.publish()
    answer: HttpResponse = ExportToDjangoView(request)
    return answer
