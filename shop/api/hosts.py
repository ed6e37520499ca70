"""The check of every request's host, whether nginx made it before or was passed by."""

from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase

from shop.api.errors import problem_response
from shop.api.middleware import View

#: Probes and Prometheus call an instance by its address. What these answer depends on no host.
HOSTLESS_PATHS = frozenset({"/livez", "/readyz", "/metrics"})


class CheckHost:
    """Refuse a request for a host that is none of the shop's names, with 421."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path not in HOSTLESS_PATHS and not _is_ours(request):
            return problem_response(request, "misdirected-request")
        return self._get_response(request)


def _is_ours(request: HttpRequest) -> bool:
    return is_own_host(request._get_raw_host())  # type: ignore[attr-defined]


def is_own_host(host: str) -> bool:
    """Whether a Host header has one of the shop's names."""
    return _is_allowed(host, tuple(settings.ALLOWED_HOSTS))


@lru_cache(maxsize=64)
def _is_allowed(host: str, names: tuple[str, ...]) -> bool:
    """Whether the host is one of these names, as HttpRequest.get_host decides. Requests have few different hosts."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, names)
