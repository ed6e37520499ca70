"""HTML forms of the browsable API: their values as JSON, and what they say in place of methods and headers."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpRequest, QueryDict
from rest_framework.exceptions import ParseError
from rest_framework.fields import BooleanField, ChoiceField, Field, IntegerField, ListField
from rest_framework.serializers import Serializer

from shop.api.authentication import COOKIE
from shop.api.limits import MAX_FORM_FIELDS, MAX_HEADER_CHARS

#: Fields of a form for what HTML has no means for: other methods, headers, and a JSON body.
METHOD, IDEMPOTENCY_KEY, IF_MATCH, JSON_TEXT = "_method", "_idempotency_key", "_if_match", "_json"
CSRF_TOKEN = "csrfmiddlewaretoken"
CONTROLS = frozenset({METHOD, IDEMPOTENCY_KEY, IF_MATCH, JSON_TEXT, CSRF_TOKEN})
FORM_MEDIA_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")

_METHODS = frozenset({"PUT", "PATCH", "DELETE"})
_HEADERS = {IDEMPOTENCY_KEY: "HTTP_IDEMPOTENCY_KEY", IF_MATCH: "HTTP_IF_MATCH", CSRF_TOKEN: "HTTP_X_CSRFTOKEN"}

Fields = Mapping[str, Field[Any, Any, Any, Any]]


def apply_controls(request: HttpRequest) -> QueryDict | None:
    """Give a POST of a form the method and the headers that the form names, and return the form; None for another body.
    A header that was sent wins.

    Without the cookie of a signed-in user, or with an Authorization header, the form is left alone: its body will be
    refused. With the cookie alone, the CSRF token is checked as for any other write: no method here is a safe one.

    Raises:
        ParseError: the value is too long for a header.
    """
    # The caller of a header has priority over that of a cookie, and no CSRF token is checked.
    if "HTTP_AUTHORIZATION" in request.META or "HTTP_COOKIE" not in request.META:
        return None
    if COOKIE not in request.COOKIES or not _is_form(request):
        return None
    # Otherwise Django parses the stream, and leaves no body for the fingerprint of the write.
    _ = request.body
    form = request.POST
    for name, header in _HEADERS.items():
        value = form.get(name, "")
        if len(value) > MAX_HEADER_CHARS:
            raise ParseError(f"Use at most {MAX_HEADER_CHARS} characters in {name}.")
        if value:
            request.META.setdefault(header, value)
    if (method := form.get(METHOD)) in _METHODS:
        request.method = method
    return form


def drop_empty_parameters(request: HttpRequest) -> None:
    """Leave parameters without a value out of the query: the form of the filters sends all of its inputs."""
    if "" in request.GET.values():
        query = request.GET.copy()
        for name in [name for name, values in query.lists() if values == [""]]:
            del query[name]
        request.GET = query  # type: ignore[assignment]


def json_values(form: QueryDict, fields: Fields) -> Iterator[tuple[str, Any]]:
    """Convert a form to JSON values: a form has text only, omits unticked boxes, and sends empty inputs.

    Names that are no fields are converted as well, for the body to refuse them.
    """
    lists = {name: field for name, field in fields.items() if isinstance(field, ListField)}
    for name, value in form.items():
        field = fields.get(name)
        if name in CONTROLS or name in lists or _is_of_a_list(name, lists) or _is_left_out(field, value):
            continue
        if _is_of_an_object(name, fields):
            continue
        yield name, value if field is None else _json_value(field, str(value))
    yield from _list_values(form, lists)
    yield from _object_values(form, fields)
    for name, field in fields.items():
        if isinstance(field, BooleanField) and not field.read_only and name not in form:
            yield name, False


def _is_form(request: HttpRequest) -> bool:
    return str(request.content_type).lower() in FORM_MEDIA_TYPES


def _is_left_out(field: Field[Any, Any, Any, Any] | None, value: Any) -> bool:
    return value == "" and field is not None and not (field.allow_null or field.required)


def _is_of_a_list(name: str, lists: Fields) -> bool:
    """Whether the name is that of a column of lines, such as items.sku."""
    outer, _, inner = name.partition(".")
    child = getattr(lists.get(outer), "child", None)
    return isinstance(child, Serializer) and inner in child.fields


def _is_of_an_object(name: str, fields: Fields) -> bool:
    """Whether the name is that of a field of an object, such as shipping_address.city."""
    outer, _, inner = name.partition(".")
    field = fields.get(outer)
    return isinstance(field, Serializer) and inner in field.fields


def _object_values(form: QueryDict, fields: Fields) -> Iterator[tuple[str, Any]]:
    """The objects of a form that has inputs for them; null for one whose inputs are all empty."""
    for name, field in fields.items():
        if isinstance(field, Serializer) and any(f"{name}.{inner}" in form for inner in map(str, field.fields)):
            texts = {inner: str(form.get(f"{name}.{inner}", "")) for inner in map(str, field.fields)}
            values = {inner: _json_value(field.fields[inner], text) for inner, text in texts.items() if text}
            yield name, values or None


def _list_values(form: QueryDict, lists: Fields) -> Iterator[tuple[str, Any]]:
    for name, field in lists.items():
        child = getattr(field, "child", None)
        values: list[Any]
        if isinstance(child, Serializer):
            values = list(_lines(form, name, child.fields))
        elif isinstance(child, ChoiceField):
            values = form.getlist(name)
        else:
            values = [line.strip() for line in form.get(name, "").splitlines() if line.strip()]
        if values:
            yield name, values


def _lines(form: QueryDict, name: str, fields: Fields) -> Iterator[dict[str, Any]]:
    """The objects of a list: each field has an input on each line. A line that is empty is left out."""
    columns = {inner: form.getlist(f"{name}.{inner}")[:MAX_FORM_FIELDS] for inner in fields}
    for index in range(max(map(len, columns.values()))):
        texts = {inner: column[index] for inner, column in columns.items() if index < len(column) and column[index]}
        if texts:
            yield {inner: _json_value(fields[inner], text) for inner, text in texts.items()}


def _json_value(field: Field[Any, Any, Any, Any], text: str) -> Any:
    if text == "" and field.allow_null:
        return None
    if isinstance(field, BooleanField):
        return text in ("true", "on")
    if isinstance(field, IntegerField) and re.fullmatch(r"-?[0-9]{1,12}", text, re.ASCII):
        return int(text)
    return text
