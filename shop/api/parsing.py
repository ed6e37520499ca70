"""From a request's body to values: JSON for everybody, a page's forms for somebody signed in by cookie."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import IO, Any

import orjson
from django.http import QueryDict
from rest_framework.exceptions import ErrorDetail, ParseError, UnsupportedMediaType, ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.parsers import JSONParser as DRFJSONParser
from rest_framework.request import Request
from rest_framework.serializers import BooleanField, Field, IntegerField, Serializer

from shop.api.authentication import CookieAuthentication
from shop.api.limits import MAX_DEPTH, MAX_FIELD_ERRORS, MAX_KEYS
from shop.api.rendering import JSONRenderer, as_json
from shop.domain.errors import FieldError, Invalid

#: Characters of an unknown name that an error repeats.
LONGEST_NAME = 200
UNKNOWN = ErrorDetail("There is no such field.", "unknown-field")
READ_ONLY = ErrorDetail("Only the shop writes this field.", "read-only-field")
_FORMS_OWN = frozenset({"csrfmiddlewaretoken"})


class Body(Serializer[Any]):
    """A body, or a part of one. Its fields are what may be sent, less the read-only ones."""

    def parsed(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the fields.

        Raises:
            Invalid: with every fault there is, up to MAX_FIELD_ERRORS.
        """
        try:
            values: dict[str, Any] = self.run_validation(data)
        except ValidationError as error:
            raise Invalid(*islice(_faults(error.detail, ""), MAX_FIELD_ERRORS)) from None
        return values

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, QueryDict):
            data = dict(_typed(data, self.fields))
        wrong = self.misplaced(data) if isinstance(data, Mapping) else {}
        try:
            values: dict[str, Any] = super().to_internal_value(data)
        except ValidationError as error:
            raise ValidationError({**wrong, **error.detail}) from None  # type: ignore[dict-item]
        if wrong:
            raise ValidationError(wrong)
        return values

    def misplaced(self, data: Mapping[str, Any]) -> dict[str, ErrorDetail]:
        """What may not be sent."""
        return _unknown(data, self.fields) | {name: READ_ONLY for name in self.unwritable if name in data}

    @cached_property
    def unwritable(self) -> list[str]:
        """The fields that only the shop writes."""
        return [name for name, field in self.fields.items() if field.read_only]


class Edit(Body):
    """The body of a change: what is read-only may be sent back, with its present value."""

    def misplaced(self, data: Mapping[str, Any]) -> dict[str, ErrorDetail]:
        return _unknown(data, self.fields)

    def refuse_changes(self, data: Mapping[str, Any], present: Mapping[str, Any]) -> None:
        """Raises: Invalid, where something read-only is given another value than it has in `present`."""
        given = [name for name in self.unwritable if name in data]
        if given:
            now = orjson.loads(as_json(present))
            wrong = {name: READ_ONLY for name in given if not _is_same(now[name], data[name])}
            if wrong:
                raise Invalid(*_faults(wrong, ""))


class JSONParser(DRFJSONParser):
    """JSON by orjson, which must be an object."""

    renderer_class = JSONRenderer  # type: ignore[assignment]

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return loaded(stream.read())


class SignedInFormParser(FormParser):
    """Forms of the browsable API."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        _only_by_cookie(parser_context, media_type)
        return super().parse(stream, media_type, parser_context)


class SignedInMultiPartParser(MultiPartParser):
    """Forms of the browsable API, as browsers send them."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        _only_by_cookie(parser_context, media_type)
        return super().parse(stream, media_type, parser_context)


def body(request: Request, *, optional: bool = False) -> Any:
    """What was sent: a JSON object, or a form. An `optional` body that is empty is an empty object.

    Raises:
        ParseError: no JSON object. UnsupportedMediaType: neither JSON nor a form that may be sent.
    """
    raw = request._request.body
    if not raw and optional:
        return {}
    is_json = request.content_type.partition(";")[0].strip().lower() == JSONParser.media_type
    return loaded(raw) if is_json or not raw else request.data


def loaded(raw: bytes) -> dict[str, Any]:
    """The JSON object.

    Raises:
        ParseError: it is none, or goes beyond the limits of nesting and names.
    """
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"This is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise ParseError("This is not a JSON object.")
    _refuse_unbounded(found)
    return found


def _refuse_unbounded(body: dict[str, Any]) -> None:
    """Raises: ParseError, where objects and lists nest too deep or an object has too many names.

    Level by level: nothing recurses over what came in before its depth is known.
    """
    level: list[Any] = [body]
    for _ in range(MAX_DEPTH):
        if any(isinstance(outer, dict) and len(outer) > MAX_KEYS for outer in level):
            raise ParseError(f"Use at most {MAX_KEYS} names in an object.")
        level = [inner for outer in level for inner in _members(outer) if isinstance(inner, (dict, list))]
        if not level:
            return
    raise ParseError(f"Nest objects and lists at most {MAX_DEPTH} deep.")


def _members(outer: Any) -> Any:
    return outer.values() if isinstance(outer, dict) else outer


def _only_by_cookie(context: Mapping[str, Any] | None, media_type: str | None) -> None:
    authenticator = context["request"].successful_authenticator if context else None
    if not isinstance(authenticator, CookieAuthentication):
        raise UnsupportedMediaType(media_type or "", "Send JSON, with Content-Type: application/json.")


def _typed(form: QueryDict, fields: Mapping[str, Field[Any, Any, Any, Any]]) -> Iterator[tuple[str, Any]]:
    """What a form means in JSON: it has only text, leaves out what is not ticked, and sends what is empty."""
    for name, value in form.items():
        field = fields.get(name)
        if name in _FORMS_OWN or (value == "" and field is not None and not (field.allow_null or field.required)):
            continue
        yield name, value if field is None else _value(field, str(value))
    for name, field in fields.items():
        if isinstance(field, BooleanField) and not field.read_only and name not in form:
            yield name, False


def _value(field: Field[Any, Any, Any, Any], text: str) -> Any:
    if text == "" and field.allow_null:
        return None
    if isinstance(field, BooleanField):
        return text in ("true", "on")
    if isinstance(field, IntegerField) and re.fullmatch(r"-?[0-9]{1,12}", text, re.ASCII):
        return int(text)
    return text


def _faults(detail: Any, pointer: str) -> Iterator[FieldError]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _faults(inner, _below(pointer, name))
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            yield from _faults(inner, _below(pointer, place) if isinstance(inner, Mapping) else pointer)
    else:
        yield FieldError(pointer, detail.code.replace("_", "-"), str(detail))


def _is_same(present: Any, given: Any) -> bool:
    """Whether both are one value of JSON, where true is not 1."""
    return present == given and isinstance(present, bool) == isinstance(given, bool)


def _below(pointer: str, name: object) -> str:
    if name == "non_field_errors":
        return pointer
    return f"{pointer}/{str(name)[:LONGEST_NAME].replace('~', '~0').replace('/', '~1')}"


def _unknown(data: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, ErrorDetail]:
    return dict.fromkeys(islice((name for name in data if name not in fields), MAX_FIELD_ERRORS), UNKNOWN)
