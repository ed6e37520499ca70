"""Every metric of the shop."""

from functools import lru_cache

from prometheus_client import Counter, Histogram

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# Under the names of django-prometheus, so that ready-made dashboards find them. Its own middleware keeps eighteen more,
# each of them another write to a shared file for every request.
REQUEST_SECONDS = Histogram(
    "django_http_requests_latency_seconds_by_view_method",
    "How long requests took, in seconds.",
    ["view", "method"],
    buckets=_BUCKETS,
)
RESPONSES = Counter(
    "django_http_responses_total_by_status_view_method",
    "How many requests were answered with this status.",
    ["status", "view", "method"],
)
WITHOUT_PRIMARY = Counter(
    "evergreen_store_without_primary_seconds",
    "How long there was no primary that works, as each process saw it, in seconds.",
)


def without_primary(seconds: float) -> None:
    """Counts time in which no write could be acknowledged."""
    WITHOUT_PRIMARY.inc(seconds)


def request_served(view: str, method: str, status: int, seconds: float) -> None:
    """Counts a request, and how long it took."""
    duration, responses = _children(view, method if method in _METHODS else "other", status)
    duration.observe(seconds)
    responses.inc()


@lru_cache(maxsize=1024)
def _children(view: str, method: str, status: int) -> tuple[Histogram, Counter]:
    return REQUEST_SECONDS.labels(view, method), RESPONSES.labels(str(status), view, method)
