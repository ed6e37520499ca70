"""The fields of bodies: DRF's, as strict as JSON is, each with the schema of exactly what it takes."""

import re
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from shop.api.limits import MAX_FIELD_ERRORS
from shop.domain import text
from shop.domain.products import MAX_UNITS

#: Letters that need no escaping in a URL, the first of them a letter or digit.
SKU = "[A-Za-z0-9][A-Za-z0-9._~-]{0,63}"
UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

_CLEAN = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_CLEAN_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
_PRICE = r"[0-9]{1,12}(\.[0-9]{1,4})?"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Of a wrong word, in the message about it.
_MAX_INPUT_CHARS = 100


class Text(serializers.CharField):
    """Clean text in NFC, at most `limit` characters long; `lines` allows line breaks and tabs."""

    default_error_messages = {
        "control": "Leave out control characters.",
    }

    def __init__(self, *, limit: int = text.SHORT, lines: bool = False, **kwargs: Any) -> None:
        style = {"base_template": "textarea.html", "rows": 4} if lines else {}
        super().__init__(trim_whitespace=False, **{"style": style, **kwargs})
        self.limit = limit
        self.lines = lines

    @property
    def shape(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.limit, "pattern": _CLEAN_LINES if self.lines else _CLEAN}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            value = text.normalised(data, self.limit)
        except text.UnusableText as error:
            raise serializers.ValidationError(str(error), code=error.code) from None
        if not text.is_clean(value, lines=self.lines):
            self.fail("control")
        return value


class Password(Text):
    """A password, as it is typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(style={"input_type": "password"}, **kwargs)


class Email(Text):
    """An email address."""

    default_error_messages = {"invalid_email": "Use an email address."}
    _validate = EmailValidator()

    @property
    def shape(self) -> dict[str, Any]:
        return {"type": "string", "format": "email", "maxLength": self.limit}

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        try:
            self._validate(value)
        except ValidationError:
            self.fail("invalid_email")
        return value


class Sku(Text):
    """A product's own name."""

    default_error_messages = {"invalid_sku": "Use 1 to 64 of A-Z a-z 0-9 . _ ~ -, beginning with a letter or digit."}

    @property
    def shape(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{SKU}$"}

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if not re.fullmatch(SKU, value):
            self.fail("invalid_sku")
        return value


class _Plain(serializers.CharField):
    """A string in a form of its own. Trimming would make a string of whatever came in, however deep it nests."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)


class Price(_Plain):
    """An amount as a decimal string; how many decimals it may have is the currency's to say."""

    shape = {"type": "string", "pattern": f"^{_PRICE}$"}
    default_error_messages = {"invalid_price": 'Use a decimal string, such as "19.99".'}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not re.fullmatch(_PRICE, data, re.ASCII):
            self.fail("invalid_price")
        return data


class Total(Price):
    """An amount that was calculated."""

    shape = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,4})?$"}


class Id(_Plain):
    """The id of something."""

    shape = {"type": "string", "format": "uuid"}
    default_error_messages = {"invalid_id": "Use the id of a product."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not re.fullmatch(UUID_PATTERN, data, re.IGNORECASE):
            self.fail("invalid_id")
        return data.lower()


class Whole(serializers.IntegerField):
    """A whole number of JSON, within bounds."""

    default_error_messages = {"bounds": "Use a whole number from {least} to {most}."}

    def __init__(self, *, least: int, most: int = MAX_UNITS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most

    @property
    def shape(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def to_internal_value(self, data: Any) -> int:
        # JSON has one kind of number: 5.0 is as whole as 5.
        whole = type(data) is int or (type(data) is float and data.is_integer())
        if not whole or not self.least <= data <= self.most:
            self.fail("bounds", least=self.least, most=self.most)
        return int(data)


class Flag(serializers.BooleanField):
    """True or false."""

    shape = {"type": "boolean"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class Day(serializers.DateField):
    """A date, as YYYY-MM-DD."""

    shape = {"type": "string", "format": "date"}
    default_error_messages = {"invalid": "Use a date, as YYYY-MM-DD."}

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or not re.fullmatch(_DAY, data, re.ASCII):
            self.fail("invalid")
        try:
            return date.fromisoformat(data)
        except ValueError:
            self.fail("invalid")


class Instant(serializers.DateTimeField):
    """An instant, only ever read."""

    shape = {"type": "string", "format": "date-time"}


class Choice(serializers.ChoiceField):
    """One of a few words, under the name of their component."""

    default_error_messages = {"invalid": "Use a string."}

    def __init__(self, choices: Any, *, component: str, **kwargs: Any) -> None:
        super().__init__(choices, **kwargs)
        self.component = component

    @property
    def shape(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.choices)}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if data not in self.choices:
            self.fail("invalid_choice", input=data[:_MAX_INPUT_CHARS])
        return data


class Several(serializers.ListField):
    """From one to so many of something; with more of them, none is looked at."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=most, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            raise serializers.ValidationError(f"Use at most {self.max_length}.", code="max_length")
        return super().to_internal_value(data)

    def run_child_validation(self, data: Any) -> list[Any]:
        """Stops at the first MAX_FIELD_ERRORS."""
        values, errors, count = [], {}, 0
        for place, item in enumerate(data):
            try:
                values.append(self.child.run_validation(item))
            except serializers.ValidationError as error:
                errors[place] = error.detail
                count += len(error.detail)
            if count >= MAX_FIELD_ERRORS:
                break
        if errors:
            raise serializers.ValidationError(errors)  # type: ignore[arg-type]
        return values


class Answer(serializers.Serializer[Any]):
    """The body of an answer, which schema and examples go by: everything in it is always there."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        found = super().get_fields()
        for field in found.values():
            field.required, field.read_only, field.default = True, False, serializers.empty
        return found


class _Shape(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """The schema of a field is what the field says."""

    target_class = serializers.Field
    match_subclasses = True

    @classmethod
    def _matches(cls, target: Any) -> bool:
        return hasattr(target, "shape")

    def get_name(self) -> str | None:
        return getattr(self.target, "component", None)

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        return dict(self.target.shape)
