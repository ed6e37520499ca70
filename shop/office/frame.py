"""The frame of the back office: who may see its pages, by the access table, and what every page has.

A view is called with the request, the caller and the ids of the path. What it raises becomes a page.
"""

import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied

from exactly_once.errors import ExactlyOnceError
from shop.api.access import Limiter, access_of, admit
from shop.api.authentication import find_caller
from shop.api.context import context_of
from shop.api.login import FORM
from shop.api.methods import MethodView, View
from shop.domain.callers import Caller
from shop.domain.errors import ShopError
from shop.domain.text import UnusableText
from shop.office.navigation import sections
from shop.office.notices import notice_of
from shop.office.problems import error_page, is_htmx, problem_page, wants_html

#: Bytes of the idempotency key of a form.
KEY_BYTES = 16


def office_view(*methods: str) -> Callable[[View], MethodView]:
    """Decorate a view of the back office to accept these methods, from the callers of its row in the access table."""

    def decorate(view: View) -> MethodView:
        protected = csrf_protect(view)

        # CSRF is checked where the caller is found by the cookie, and again before the view.
        @csrf_exempt
        @wraps(view)
        def dispatch(request: HttpRequest, **ids: str) -> HttpResponseBase:
            response = _respond(request, methods, protected, ids)
            response["Cache-Control"] = "no-store"
            return response

        served = cast(MethodView, dispatch)
        served.methods = methods
        return served

    return decorate


def page(
    request: HttpRequest,
    caller: Caller,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """Render a page, or a fragment of one, with what every page of the back office has."""
    frame = {
        "section": "office",
        "viewer": caller,
        "caller": caller,
        "sections": [*sections(request)],
        "notice": notice_of(request),
        # A new one each time that a template names it: each form has its own.
        "new_key": lambda: secrets.token_hex(KEY_BYTES),
    }
    return render(request, template, {**frame, **(context or {})}, status=status)


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page. It asks for a whole one where the history has no copy."""
    return is_htmx(request) and "HTTP_HX_HISTORY_RESTORE_REQUEST" not in request.META


def _respond(request: HttpRequest, methods: tuple[str, ...], view: View, ids: Mapping[str, str]) -> HttpResponseBase:
    if request.method not in methods:
        response = problem_page(request, "method-not-allowed")
        response["Allow"] = ", ".join(methods)
        return response
    try:
        caller = _admitted(request)
        if request.method == "POST" and request.content_type != FORM:
            return problem_page(request, "unsupported-media-type")
        return view(request, caller, **ids)
    except (AuthenticationFailed, NotAuthenticated) as error:
        return _sign_in(request, error)
    except (ShopError, ExactlyOnceError, PermissionDenied, UnusableText, Http404) as error:
        return error_page(request, error)


def _admitted(request: HttpRequest) -> Caller:
    """Return the caller whom the row of the request admits.

    Raises:
        AuthenticationFailed, NotAuthenticated, PermissionDenied, RateLimited.
    """
    access, context = access_of(request), context_of(request)
    context.counts_read = access.limiter is Limiter.READS
    try:
        caller = find_caller(request)
    finally:
        context.counts_read = False
    admit(access, caller)
    return cast(Caller, caller)


def _sign_in(request: HttpRequest, error: Exception) -> HttpResponse:
    """Lead a browser to the login form and from there to the page; after a form to the first page."""
    if not wants_html(request):
        return error_page(request, error)
    target = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("office")
    login = f"{reverse('login')}?{urlencode({'next': target})}"
    if not is_htmx(request):
        return HttpResponseRedirect(login)
    response = error_page(request, error)
    # htmx would put the form in the place of a fragment.
    response["HX-Redirect"] = login
    return response
