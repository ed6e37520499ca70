"""Django's `require_http_methods`, with a problem document in place of its empty 405."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from shop.api.errors import problem_response

View = Callable[..., HttpResponseBase]


def require_methods(*methods: str) -> Callable[[View], View]:
    """Decorate a view to accept these methods only. Others get 405 before CSRF is checked."""

    def decorate(view: View) -> View:
        protected = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method in methods:
                return protected(request, *args, **kwargs)
            response = problem_response(request, "method-not-allowed")
            response["Allow"] = ", ".join(methods)
            return response

        return dispatch

    return decorate


require_safe = require_methods("GET", "HEAD")
