"""The security headers of every response: those of Django's SecurityMiddleware and of django-csp."""

from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.security import SecurityMiddleware

from shop.api.headers import FixedHeaders
from shop.api.middleware import View


class SecurityHeaders:
    """Add to each response what both would add.

    They are asked once: nginx redirects to HTTPS and sends HSTS, and no page has inline scripts that would need a
    nonce, so what they add depends on the settings alone. Where a view changed the policy, django-csp is asked again.
    """

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response
        self._policy = CSPMiddleware(get_response)
        self._headers = fixed_headers()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if hasattr(response, "_csp_update"):
            self._policy.process_response(request, response)
        self._headers.add_missing(response)
        return response


def fixed_headers() -> FixedHeaders:
    """Return what both add to any response."""
    request, response = HttpRequest(), HttpResponse()
    del response["Content-Type"]
    CSPMiddleware(_no_view).process_response(request, response)
    SecurityMiddleware(_no_view).process_response(request, response)
    return FixedHeaders(response.headers)


def _no_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
