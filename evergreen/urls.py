"""The URLs of the project."""

from django.urls import include, path
from django_prometheus.exports import ExportToDjangoView  # type: ignore[import-untyped]

from operations.status.views import status
from shop.api.documents import problem
from shop.api.health import healthz, livez, readyz

urlpatterns = [
    path("api/", include("shop.api.urls")),
    path("problems/<slug:code>", problem, name="problem"),
    path("status/", status, name="status"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("healthz", healthz, name="healthz"),
    path("metrics", ExportToDjangoView, name="metrics"),
]

handler400 = "shop.api.errors.bad_request"
handler404 = "shop.api.errors.not_found"
handler500 = "shop.api.errors.server_error"
