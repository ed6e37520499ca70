"""The views that no ViewSet serves: their methods, access and CSRF, with problem documents for what is refused."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied

from shop.api.access import access_of, admit
from shop.api.authentication import find_caller
from shop.api.errors import problem_response

View = Callable[..., HttpResponseBase]


class MethodView(Protocol):
    """A view that knows its methods."""

    methods: tuple[str, ...]

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase: ...


def require_methods(*methods: str) -> Callable[[View], MethodView]:
    """Decorate a view to accept these methods, from the callers of the access table. Others get a problem document
    before CSRF is checked."""

    def decorate(view: View) -> MethodView:
        protected = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in methods:
                response = problem_response(request, "method-not-allowed")
                response["Allow"] = ", ".join(methods)
                return response
            return _refusal(request) or protected(request, *args, **kwargs)

        served = cast(MethodView, dispatch)
        served.methods = methods
        return served

    return decorate


def _refusal(request: HttpRequest) -> HttpResponseBase | None:
    access = access_of(request)
    if access.is_public:
        return None
    try:
        admit(access, find_caller(request))
    except (AuthenticationFailed, NotAuthenticated) as error:
        return problem_response(request, "unauthenticated", str(error))
    except PermissionDenied as error:
        return problem_response(request, "forbidden", str(error))
    return None


require_safe = require_methods("GET", "HEAD")
