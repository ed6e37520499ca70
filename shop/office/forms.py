"""Forms of the back office, made of the bodies of the API: their fields, bounds and errors are the API's own."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, QueryDict
from rest_framework.fields import empty

from exactly_once.errors import Refusal
from exactly_once.requests import Attributed, WriteRequest
from shop.api import fields
from shop.api.conditional import UNMATCHABLE_VERSION
from shop.api.context import context_of
from shop.api.credential_fields import FutureInstant
from shop.api.middleware import record_replay
from shop.api.office_access import OFFICE
from shop.api.operations import EmptyBody
from shop.api.parsing import UNKNOWN, Body
from shop.api.viewsets import ShopViewSet
from shop.api.writes import write_request
from shop.domain.callers import Caller
from shop.domain.errors import FieldError, Invalid
from shop.domain.text import MAX_SHORT_CHARS
from shop.office.problems import label_of

#: Hidden fields: the Idempotency-Key of the form, and the version that was edited, in the place of If-Match.
KEY, VERSION = "idempotency_key", "version"
_HIDDEN = ("csrfmiddlewaretoken", KEY, VERSION)
#: Digits of a version, as in an ETag.
MAX_VERSION_DIGITS = 9

#: Labels that say more than the names of their fields.
LABELS = {
    "current_password": "Your own password",
    "sku": "SKU",
    "date_manufactured": "Manufactured on",
    "starts_at": "Valid from",
    "ends_at": "Valid until",
}

#: Hints in the place of those that the API gives to developers.
HINTS = {
    "Decimal string with at most as many decimals as the currency has.": "As many decimals as the currency has.",
    "Unique stock-keeping unit, usable in a URL without escaping.": "Unique. It cannot be changed later.",
    "The caller's own, where the email changes.": "Needed for another email.",
    "Of `value` and `minimum`; the voucher applies to carts in this currency alone.": (
        "Of value and minimum. It applies to carts in this currency alone."
    ),
    "Where it is offered, ISO 3166-1; everywhere where there is none.": "As DE, AT, CH; empty for every country.",
    "Valid from this instant on.": "UTC.",
    "No longer valid from this instant on.": "UTC.",
}

_KINDS: Sequence[tuple[type, str]] = (
    (fields.Password, "password"),
    (fields.Email, "email"),
    (fields.Date, "date"),
    (fields.Integer, "number"),
    (fields.Choice, "select"),
    (fields.Boolean, "select"),
    (FutureInstant, "datetime-local"),
)
#: Characters of an instant to the minute, as a browser sends it.
_MINUTE_CHARS = len("2026-11-24T09:30")


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """A field of a form as it is shown. `present` is the value that another edit has given it meanwhile, None where
    that is the same."""

    name: str
    label: str
    kind: str
    value: str
    error: str
    hint: str
    is_required: bool
    max_chars: int | None
    minimum: int | None
    maximum: int | None
    #: The values of a list to choose from, each with its label.
    choices: Sequence[tuple[str, str]]
    present: str | None


def form_values(request: HttpRequest, body: Body) -> dict[str, Any]:
    """Validate the form as the body of the API's operation, and return the values of the fields.

    Raises:
        Invalid.
    """
    refuse_unknown(request, body.writable_fields)
    data = _data(request)
    for name, field in body.writable_fields.items():
        _convert(data, name, field)
    return body.parse(data)


def refuse_unknown(request: HttpRequest, names: Container[str]) -> None:
    """Raises: Invalid, where the form has another field than these."""
    errors = [
        FieldError(f"/{name[:MAX_SHORT_CHARS]}", "unknown-field", str(UNKNOWN))
        for name in _data(request)
        if name not in names
    ]
    if errors:
        raise Invalid(*errors)


def form_version(request: HttpRequest) -> int:
    """Return the version that the form was filled in for; UNMATCHABLE_VERSION where it has none."""
    text = request.POST.get(VERSION, "")
    is_version = text.isascii() and text.isdecimal() and len(text) <= MAX_VERSION_DIGITS
    return int(text) if is_version else UNMATCHABLE_VERSION


def form_write(request: HttpRequest, caller: Caller) -> WriteRequest:
    """Build the write request of the operation of the API that the page carries out. However often the form is sent,
    it takes effect once.

    Raises:
        Invalid: the form has no idempotency key.
    """
    match = request.resolver_match
    request.META["HTTP_IDEMPOTENCY_KEY"] = request.POST.get(KEY, "")
    operation = OFFICE[f"{match.url_name if match else None}_post"]
    return write_request(request, caller, uses_key=True, operation=operation)


def note_replay(request: HttpRequest, outcome: Attributed) -> None:
    """Record, for log and metrics, where the form was sent before, and this is the outcome of then."""
    if outcome.is_replay_for(context_of(request).request_id):
        record_replay(request, outcome.origin_request_id)


def refused(request: HttpRequest, refusal: Refusal, name: str, detail: str) -> Invalid:
    """Return a refusal as an error of the field that it is about; of the whole form where `name` is empty."""
    note_replay(request, refusal)
    return Invalid(FieldError(f"/{name}", "refused", detail))


def controls(
    body: Body,
    values: Mapping[str, Any],
    errors: Iterable[FieldError] = (),
    present: Mapping[str, Any] | None = None,
) -> list[Control]:
    """Make the fields of a form: with these values, and where it was refused with the errors beside them."""
    messages = {_field_of(error): error.detail for error in errors}
    return [
        _control(name, field, _text(values.get(name, _initial(field))), messages.get(name, ""), present)
        for name, field in body.writable_fields.items()
    ]


def body_of(viewset: type[ShopViewSet], action: str) -> Body:
    """Return the body of an operation of the API; an empty one where it takes none."""
    return viewset.operations[action].body or EmptyBody()


def refused_edit(request: HttpRequest, body: Body, error: Invalid) -> tuple[list[Control], dict[str, Any]]:
    """Make the fields with what was sent and the errors, and what else the page shows: the other errors, and the
    version that the form was filled in for."""
    shown = controls(body, sent_values(request), error.errors)
    return shown, {"errors": [*other_errors(body, error.errors)], "version": request.POST.get(VERSION, "")}


def other_errors(body: Body, errors: Iterable[FieldError]) -> Iterator[str]:
    """Yield the errors that no field of the form shows."""
    for error in errors:
        name = _field_of(error)
        if name not in body.writable_fields:
            yield f"{label_of(name)}: {error.detail}" if name else error.detail


def sent_values(request: HttpRequest) -> dict[str, str]:
    """The fields of the form as they were sent, passwords excepted: for the form that is shown again."""
    return {name: str(value) for name, value in _data(request).items() if "password" not in name}


def _data(request: HttpRequest) -> QueryDict:
    data = request.POST.copy()
    for name in _HIDDEN:
        data.pop(name, None)
    for name, value in list(data.items()):
        # Browsers end the lines of a text area with both; an unchanged text is to stay as it was.
        data[name] = str(value).replace("\r\n", "\n")
    return data


def _control(name: str, field: Any, value: str, error: str, present: Mapping[str, Any] | None) -> Control:
    hint = str(field.help_text or "")
    now = None if present is None or name not in present else _text(present[name])
    return Control(
        name=name,
        label=LABELS.get(name) or label_of(name),
        kind=_kind(field),
        value=value,
        error=error,
        hint=HINTS.get(hint, hint),
        is_required=_is_required(field),
        max_chars=getattr(field, "max_chars", None),
        minimum=getattr(field, "minimum", None),
        maximum=getattr(field, "maximum", None),
        choices=_choices(field),
        present=None if now == value else now,
    )


def _kind(field: Any) -> str:
    if getattr(field, "lines", False):
        return "textarea"
    return next((kind for type_, kind in _KINDS if isinstance(field, type_)), "text")


def _is_required(field: Any) -> bool:
    """Whether the form always sends a value: one of both, of a boolean."""
    return isinstance(field, fields.Boolean) or getattr(field, "is_documented_as_required", bool(field.required))


def _choices(field: Any) -> Sequence[tuple[str, str]]:
    if isinstance(field, fields.Boolean):
        return (("true", "Yes"), ("false", "No"))
    none = (("", "None"),) if getattr(field, "allow_null", False) else ()
    return [
        *none,
        *((str(choice), f"{choice}"[:1].upper() + f"{choice}"[1:]) for choice in getattr(field, "choices", ())),
    ]


def _initial(field: Any) -> Any:
    return field.initial if field.default is empty else field.default


def _field_of(error: FieldError) -> str:
    """The name of the field that has the error, or whose item has it."""
    return error.pointer.strip("/").partition("/")[0]


def _convert(data: QueryDict, name: str, field: Any) -> None:
    """Write a value as the API has it: a form has an instant without a zone, and a list of words as one text."""
    text = str(data.get(name, ""))
    if isinstance(field, FutureInstant) and text and not text.endswith("Z"):
        data[name] = f"{text}{':00' if len(text) == _MINUTE_CHARS else ''}Z"
    if isinstance(field, fields.List) and isinstance(field.child, fields.Choice) and name in data:
        data.setlist(name, text.replace(",", " ").split())


def _text(value: Any) -> str:
    """A value as its input has it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return _instant_text(value)
        case list() | tuple():
            return ", ".join(map(str, value))
    return str(value)


def _instant_text(at: datetime) -> str:
    """The shortest text of an instant, as a browser sends it."""
    if at.microsecond:
        return at.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return at.replace(tzinfo=None).isoformat(timespec="seconds" if at.second else "minutes")
