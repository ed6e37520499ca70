"""The page with the form for something new."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse

from shop.api.parsing import Body
from shop.domain.callers import Caller
from shop.domain.errors import Invalid
from shop.office import forms
from shop.office.frame import page


def creation_page(
    request: HttpRequest,
    caller: Caller,
    template: str,
    body: Body,
    values: Mapping[str, Any],
    error: Invalid | None = None,
    status: int = 200,
) -> HttpResponse:
    """Return the page with the fields of `body`, filled in with `values`, and what was wrong with them."""
    errors = error.errors if error else ()
    context = {"controls": forms.controls(body, values, errors), "errors": [*forms.other_errors(body, errors)]}
    return page(request, caller, template, context, status=status)
