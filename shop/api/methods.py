"""Which methods a page beside the API knows; any other is refused with a problem, as everywhere."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from shop.api.errors import answer

View = Callable[..., HttpResponseBase]


def only(*methods: str) -> Callable[[View], View]:
    """The view for these methods; CSRF tokens are asked for after it is known that there is something to do."""

    def around(view: View) -> View:
        protected = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def chosen(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method in methods:
                return protected(request, *args, **kwargs)
            refused = answer(request, "method-not-allowed")
            refused["Allow"] = ", ".join(methods)
            return refused

        return chosen

    return around


reading = only("GET", "HEAD")
