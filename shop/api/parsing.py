"""Request bodies: JSON for every client, HTML forms for users signed in by cookie; parsing, validation, errors."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import IO, Any, ClassVar

import orjson
from django.http import QueryDict
from rest_framework.exceptions import ErrorDetail, ParseError, UnsupportedMediaType, ValidationError
from rest_framework.fields import SkipField, empty
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.parsers import JSONParser as DRFJSONParser
from rest_framework.request import Request
from rest_framework.serializers import Field, Serializer

from shop.api.authentication import CookieAuthentication
from shop.api.form_values import JSON_TEXT, json_values
from shop.api.limits import MAX_DEPTH, MAX_FIELD_ERRORS, MAX_KEYS
from shop.api.rendering import JSONRenderer, as_json
from shop.domain.errors import FieldError, Invalid

#: Characters of an unknown name that an error repeats.
MAX_NAME_CHARS = 200
UNKNOWN = ErrorDetail("No such field: leave it out.", "unknown-field")
READ_ONLY = ErrorDetail("Read-only: leave it out, or send its present value.", "read-only-field")
#: Read-only fields that change by themselves, or by what other clients do, between a client's GET and its PUT.
VOLATILE_FIELDS = frozenset({"stock", "is_sold", "updated_at", "stock_changed_at", "redeemed", "version"})


def require_one(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the values, which have exactly one of these names; with no names, whatever they have.

    Raises:
        ValidationError.
    """
    first, *others = [name for name in names if name in values] or ("",)
    quoted = " or ".join(f"`{name}`" for name in names)
    if names and not first:
        raise ValidationError({names[0]: ErrorDetail(f"Send {quoted}.", "required")})
    if others:
        detail = ErrorDetail(f"Send {quoted}, and not both.", "one-of")
        raise ValidationError(dict.fromkeys(others, detail))
    return values


class Body(Serializer[Any]):
    """The body of a request, or a part of one. A client may send its fields, the read-only ones excepted."""

    #: Names of optional fields of which a client sends exactly one.
    one_of: ClassVar[tuple[str, ...]] = ()
    #: Whether a request without a body is one with an empty object.
    is_optional: ClassVar[bool] = False

    def parse(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Validate the data and return the values of the fields.

        Raises:
            Invalid: with every field error, MAX_FIELD_ERRORS at most.
        """
        try:
            values: dict[str, Any] = self.run_validation(data)
        except ValidationError as error:
            raise Invalid(*islice(_field_errors(error.detail, ""), MAX_FIELD_ERRORS)) from None
        return values

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, QueryDict):
            data = dict(json_values(data, self.fields))
        if not isinstance(data, Mapping):
            # It raises: the data is no object.
            super().to_internal_value(data)
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {} if data.keys() <= self.writable_fields.keys() else {**self.forbidden_fields(data)}
        for name, field in self.writable_fields.items():
            if name in self.optional_names and name not in data:
                continue
            try:
                values[name] = field.run_validation(data.get(name, empty))
            except ValidationError as error:
                errors[name] = error.detail
            except SkipField:
                continue
        if errors:
            raise ValidationError(errors)
        return values

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return require_one(attrs, self.one_of)

    def forbidden_fields(self, data: Mapping[str, Any]) -> dict[str, ErrorDetail]:
        """Return the errors of unknown and read-only fields in the data, by name."""
        return _unknown_fields(data, self.fields) | {name: READ_ONLY for name in self.read_only_names if name in data}

    def run_validators(self, value: Any) -> None:
        """Do nothing: only the fields of a body have validators."""

    @cached_property
    def writable_fields(self) -> dict[str, Field[Any, Any, Any, Any]]:
        """The fields that a client may send, by name."""
        return {name: field for name, field in self.fields.items() if not field.read_only}

    @cached_property
    def optional_names(self) -> frozenset[str]:
        """Names of the fields without a value where they are left out; DRF finds that by an exception each time."""
        return frozenset(n for n, f in self.writable_fields.items() if not f.required and f.default is empty)

    @cached_property
    def read_only_names(self) -> list[str]:
        """Names of the fields that only the shop writes."""
        return [name for name, field in self.fields.items() if field.read_only]


class UpdateBody(Body):
    """The body of PUT and PATCH: read-only fields may be sent with their present values, and those of VOLATILE_FIELDS
    with former ones where the client names no version."""

    def forbidden_fields(self, data: Mapping[str, Any]) -> dict[str, ErrorDetail]:
        return _unknown_fields(data, self.fields)

    def refuse_changes(self, data: Mapping[str, Any], present: Mapping[str, Any], *, has_version: bool) -> None:
        """Raises: Invalid, where a read-only field has another value in `data` than in `present`. `has_version` is
        whether the client requires a version, by If-Match."""
        names = [name for name in self.read_only_names if name in data]
        if names:
            present = orjson.loads(as_json(present))
            changed = [name for name in names if not _is_same(present[name], data[name])]
            errors = {name: READ_ONLY for name in changed if has_version or not self._may_be_former(name, data[name])}
            if errors:
                raise Invalid(*_field_errors(errors, ""))

    def _may_be_former(self, name: str, value: Any) -> bool:
        """Whether the field may have had this value before: a client sends back what it has read."""
        if name not in VOLATILE_FIELDS:
            return False
        try:
            self.fields[name].to_internal_value(value)
        except ValidationError:
            return False
        return True


class JSONParser(DRFJSONParser):
    """JSON by orjson. The body must be an object."""

    renderer_class = JSONRenderer  # type: ignore[assignment]

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return parse_json_object(stream.read())


class SignedInFormParser(FormParser):
    """URL-encoded forms of the browsable API."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        _require_cookie(parser_context, media_type)
        return super().parse(stream, media_type, parser_context)


class SignedInMultiPartParser(MultiPartParser):
    """Multipart forms of the browsable API."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        _require_cookie(parser_context, media_type)
        return super().parse(stream, media_type, parser_context)


def read_body(request: Request, *, is_optional: bool = False) -> Any:
    """Return the body: a JSON object, also one that a form has as text, or a form as a QueryDict. Where `is_optional`,
    no body is an empty object.

    Raises:
        ParseError: not a JSON object.
        UnsupportedMediaType: neither JSON nor the form of a user signed in by cookie.
    """
    raw = request._request.body
    if not raw and is_optional:
        return {}
    is_json = request.content_type.partition(";")[0].strip().lower() == JSONParser.media_type
    if is_json or not raw:
        return parse_json_object(raw)
    form: Any = request.data
    return parse_json_object(form[JSON_TEXT].encode()) if JSON_TEXT in form else form


def parse_json_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        ParseError: not a JSON object, beyond the limits of nesting and names, or with a name twice in one object.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"Send valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ParseError("Send a JSON object.")
    # A colon follows each name. With as many names as colons, none of them was dropped for a later one.
    if _count_names(value) != raw.count(b":"):
        _refuse_duplicates(raw)
    return value


def _count_names(body: dict[str, Any]) -> int:
    """The number of names in a body.

    It goes level by level: recursion over a body of unknown depth could exhaust the stack.

    Raises:
        ParseError: objects and lists nest too deep, or an object has too many names.
    """
    names, level = 0, [body]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for outer in level:
            if isinstance(outer, dict):
                names += len(outer)
                if len(outer) > MAX_KEYS:
                    raise ParseError(f"Use at most {MAX_KEYS} names in an object.")
            inner += [each for each in _members(outer) if isinstance(each, (dict, list))]
        if not inner:
            return names
        level = inner
    raise ParseError(f"Nest objects and lists at most {MAX_DEPTH} deep.")


def _refuse_duplicates(raw: bytes) -> None:
    """Raises: ParseError, where an object has a name twice: readers differ on which value counts (RFC 8259, 4).

    orjson takes the last one. The body is valid and bounded in depth by now; numbers are left as text.
    """
    _DUPLICATES.decode(raw.decode())


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(members)
    if len(unique) != len(members):
        raise ParseError("Use each name once in an object.")
    return unique


_DUPLICATES = json.JSONDecoder(object_pairs_hook=_unique, parse_int=str, parse_float=str)


def _members(outer: Any) -> Any:
    return outer.values() if isinstance(outer, dict) else outer


def _require_cookie(context: Mapping[str, Any] | None, media_type: str | None) -> None:
    authenticator = context["request"].successful_authenticator if context else None
    if not isinstance(authenticator, CookieAuthentication):
        raise UnsupportedMediaType(media_type or "", "Send JSON, with Content-Type: application/json.")


def _field_errors(detail: Any, pointer: str) -> Iterator[FieldError]:
    """Flatten DRF's nested errors to one for each JSON pointer."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _field_errors(inner, _child_pointer(pointer, name))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from _field_errors(inner, _child_pointer(pointer, index) if isinstance(inner, Mapping) else pointer)
    else:
        yield FieldError(pointer, detail.code.replace("_", "-"), str(detail))


def _is_same(left: Any, right: Any) -> bool:
    """Whether both are the same JSON value. In Python True == 1, in JSON they differ."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _child_pointer(pointer: str, name: object) -> str:
    if name == "non_field_errors":
        return pointer
    return f"{pointer}/{str(name)[:MAX_NAME_CHARS].replace('~', '~0').replace('/', '~1')}"


def _unknown_fields(data: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, ErrorDetail]:
    return dict.fromkeys(islice((name for name in data if name not in fields), MAX_FIELD_ERRORS), UNKNOWN)
