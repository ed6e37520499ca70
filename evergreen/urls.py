"""The URLs of the project."""

from django.urls import include, path

from operations.metrics import metrics
from operations.status.views import status
from shop.api.documents import problem, problems
from shop.api.health import healthz, livez, readyz
from shop.api.landing import landing, redirect_to
from shop.api.routing import remembering_path

urlpatterns = [
    path("", landing, name="home"),
    path("docs/", redirect_to("docs"), name="docs-home"),
    remembering_path("api/", include("shop.api.urls")),
    path("problems/", problems, name="problems"),
    path("problems/<slug:code>", problem, name="problem"),
    path("status/", status, name="status"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
]

handler400 = "shop.api.errors.bad_request"
handler404 = "shop.api.errors.not_found"
handler500 = "shop.api.errors.server_error"
