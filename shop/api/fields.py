"""Serializer fields: DRF's, as strict as JSON, each with the JSON Schema of the values that it accepts."""

import re
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from shop.api.limits import MAX_FIELD_ERRORS
from shop.domain import text
from shop.domain.products import MAX_UNITS

#: Characters that need no escaping in a URL, the first of them a letter or digit.
SKU_PATTERN = "[A-Za-z0-9][A-Za-z0-9._~-]{0,63}"
UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

_CLEAN = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_CLEAN_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
_PRICE = r"[0-9]{1,12}(\.[0-9]{1,4})?"
DAY_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
INSTANT_PATTERN = rf"{DAY_PATTERN}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]{{1,6}})?Z"
# Characters of an invalid choice that its error repeats.
_MAX_INPUT_CHARS = 100

_IS_PRICE, _IS_DAY = re.compile(_PRICE, re.ASCII), re.compile(DAY_PATTERN, re.ASCII)
_IS_SKU, _IS_UUID = re.compile(SKU_PATTERN), re.compile(UUID_PATTERN, re.IGNORECASE)


class Text(serializers.CharField):
    """Text in NFC without control characters, at most `max_chars` long; `lines` allows line breaks and tabs. It has a
    visible character, unless it is empty."""

    default_error_messages = {
        "control": "Remove control characters.",
        "invisible": "Use at least one visible character.",
    }
    may_be_invisible = False

    def __init__(self, *, max_chars: int = text.MAX_SHORT_CHARS, lines: bool = False, **kwargs: Any) -> None:
        style = {"base_template": "textarea.html", "rows": 4} if lines else {}
        super().__init__(trim_whitespace=False, **{"style": style, **kwargs})
        self.max_chars = max_chars
        self.lines = lines

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.max_chars, "pattern": _CLEAN_LINES if self.lines else _CLEAN}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            value = text.normalize(data, self.max_chars)
        except text.UnusableText as error:
            raise serializers.ValidationError(str(error), code=error.code) from None
        if not text.is_clean(value, lines=self.lines):
            self.fail("control")
        if value and not self.may_be_invisible and not text.is_visible(value):
            self.fail("invisible")
        return value


class Password(Text):
    """A password, which HTML forms hide."""

    may_be_invisible = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(style={"input_type": "password"}, **kwargs)


class Email(Text):
    """An email address."""

    default_error_messages = {"invalid_email": "Use an email address."}
    _validate = EmailValidator()

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "email", "maxLength": self.max_chars}

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        try:
            self._validate(value)
        except ValidationError:
            self.fail("invalid_email")
        return value


class Sku(Text):
    """The stock-keeping unit of a product, usable in a URL without escaping."""

    default_error_messages = {"invalid_sku": "Use 1 to 64 of A-Z a-z 0-9 . _ ~ -, beginning with a letter or digit."}

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{SKU_PATTERN}$"}

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if not _IS_SKU.fullmatch(value):
            self.fail("invalid_sku")
        return value


class String(serializers.CharField):
    """A string of its own format, which a subclass checks as a whole.

    No trimming: it would call str() on any value, however deep it nests. No validators: DRF's look at each character
    for those that no such format admits.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)
        self.validators = []


class Price(String):
    """An amount as a decimal string. The currency limits its decimals, which the domain checks."""

    json_schema = {"type": "string", "pattern": f"^{_PRICE}$"}
    default_error_messages = {"invalid_price": 'Use a decimal string, such as "19.99".'}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not _IS_PRICE.fullmatch(data):
            self.fail("invalid_price")
        return data


class Total(Price):
    """A calculated amount, which may have more digits than a price."""

    json_schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,4})?$"}


class Id(String):
    """The UUID of a resource."""

    json_schema = {"type": "string", "format": "uuid"}
    default_error_messages = {"invalid_id": "Use a UUID."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not _IS_UUID.fullmatch(data):
            self.fail("invalid_id")
        return data.lower()


class Integer(serializers.IntegerField):
    """A JSON number without a fraction, from `minimum` to `maximum`."""

    default_error_messages = {"bounds": "Use a whole number from {minimum} to {maximum}."}

    def __init__(self, *, minimum: int, maximum: int = MAX_UNITS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.minimum, self.maximum = minimum, maximum

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    def to_internal_value(self, data: Any) -> int:
        # JSON has one type of number: 5.0 equals 5.
        is_whole = type(data) is int or (type(data) is float and data.is_integer())
        if not is_whole or not self.minimum <= data <= self.maximum:
            self.fail("bounds", minimum=self.minimum, maximum=self.maximum)
        return int(data)


class Boolean(serializers.BooleanField):
    """A JSON boolean; DRF's own also accepts "yes" and 1."""

    json_schema = {"type": "boolean"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class Date(serializers.DateField):
    """A date, as YYYY-MM-DD."""

    json_schema = {"type": "string", "format": "date"}
    default_error_messages = {"invalid": "Use a date, as YYYY-MM-DD."}

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or not _IS_DAY.fullmatch(data):
            self.fail("invalid")
        try:
            return date.fromisoformat(data)
        except ValueError:
            self.fail("invalid")


class Instant(serializers.DateTimeField):
    """An instant in responses, RFC 3339 with a Z."""

    json_schema = {"type": "string", "format": "date-time"}
    default_error_messages = {"invalid": "Use an instant in UTC, as 2026-11-24T09:30:00Z."}

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str) or not re.fullmatch(INSTANT_PATTERN, data, re.ASCII):
            self.fail("invalid")
        try:
            return datetime.fromisoformat(data)
        except ValueError:
            self.fail("invalid")


class Choice(serializers.ChoiceField):
    """One of several words; `component` names the enumeration in the OpenAPI document."""

    default_error_messages = {"invalid": "Use a string."}

    def __init__(self, choices: Any, *, component: str, **kwargs: Any) -> None:
        super().__init__(choices, **kwargs)
        self.component = component

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.choices)}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if data not in self.choices:
            self.fail("invalid_choice", input=data[:_MAX_INPUT_CHARS])
        return data


class List(serializers.ListField):
    """A list of `min_items` to `max_items` items. A longer one is refused before its items are validated."""

    def __init__(self, *, max_items: int, min_items: int = 1, **kwargs: Any) -> None:
        super().__init__(min_length=min_items, max_length=max_items, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            raise serializers.ValidationError(f"Use at most {self.max_length}.", code="max_length")
        return super().to_internal_value(data)

    def run_child_validation(self, data: Any) -> list[Any]:
        """Validate the items, up to the first MAX_FIELD_ERRORS errors."""
        values, errors, count = [], {}, 0
        for index, item in enumerate(data):
            try:
                values.append(self.child.run_validation(item))
            except serializers.ValidationError as error:
                errors[index] = error.detail
                count += len(error.detail)
            if count >= MAX_FIELD_ERRORS:
                break
        if errors:
            raise serializers.ValidationError(errors)  # type: ignore[arg-type]
        return values


class Object(serializers.JSONField):
    """A JSON object whose names depend on something else."""

    json_schema = {"type": "object", "additionalProperties": True}


class ResponseBody(serializers.Serializer[Any]):
    """The body of a response, for the OpenAPI document alone: every field is required in it."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for field in fields.values():
            field.required, field.read_only, field.default = True, False, serializers.empty
        return fields


class _FieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Describe a field in the OpenAPI document by its own `json_schema`."""

    target_class = serializers.Field
    match_subclasses = True

    @classmethod
    def _matches(cls, target: Any) -> bool:
        return hasattr(target, "json_schema")

    def get_name(self) -> str | None:
        return getattr(self.target, "component", None)

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        return dict(self.target.json_schema)
