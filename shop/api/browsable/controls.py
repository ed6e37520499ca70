"""The controls of forms: for each field of a body and each parameter of a list, what HTML has for its values."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict
from rest_framework.fields import Field, empty
from rest_framework.serializers import Serializer

from shop.api import fields
from shop.api.browsable.labels import label_of
from shop.api.filters import Parameter
from shop.domain import text

#: Lines of a list of objects that a form has, and that it may have.
MIN_FORM_LINES, MAX_FORM_LINES = 3, 50
MAX_LINES_CHARS = 2_000
#: Where picker.js looks products up.
PRODUCTS_URL = "/api/v1/products/"

Attributes = Mapping[str, str | int]
Errors = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """A choice of a select or of a group of boxes."""

    value: str
    label: str
    is_chosen: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """A labelled control. `kind` is the template that renders it; `attributes` are those of its element."""

    kind: str
    name: str
    id: str
    label: str
    value: str = ""
    hint: str = ""
    errors: Sequence[str] = ()
    attributes: Attributes = dataclasses.field(default_factory=dict)
    options: Sequence[Option] = ()
    lines: Sequence[Sequence["Control"]] = ()

    @property
    def described_by(self) -> str:
        """The ids of what describes the control, for aria-describedby."""
        names = [f"{self.id}-hint"] if self.hint else []
        return " ".join([*names, f"{self.id}-error"] if self.errors else names)

    @property
    def template(self) -> str:
        return f"shop/browsable/controls/{self.kind}.html"


def body_controls(prefix: str, body: Serializer[Any], values: "Values", errors: Errors) -> Iterator[Control]:
    """Yield a control for each field of a body that a client may send. `prefix` is that of the ids; `errors` are those
    of the fields, by JSON pointer."""
    for name, field in body.fields.items():
        if isinstance(field, Serializer):
            yield from _object_controls(prefix, name, field, values, errors)
        elif not field.read_only:
            yield _field_control(prefix, name, field, values, errors)


def _object_controls(
    prefix: str, name: str, body: Serializer[Any], values: "Values", errors: Errors
) -> Iterator[Control]:
    """Yield a control for each field of an object in a body. All of them may be empty, where the object may be null."""
    inner = body_controls(f"{prefix}-{name}", body, values.within(name), _errors_below(f"/{name}", errors))
    for control in inner:
        attributes = {key: each for key, each in control.attributes.items() if key != "required"}
        label = f"{label_of(name)}: {control.label.lower()}"
        yield replace(control, name=f"{name}.{control.name}", label=label, attributes=attributes)


def _field_control(prefix: str, name: str, field: Any, values: "Values", errors: Errors) -> Control:
    """Return the control of one field."""
    plain = Control(
        kind="input",
        name=name,
        id=f"{prefix}-{name}",
        label=label_of(name),
        hint=_hint(field),
        errors=errors.get(f"/{name}", ()),
    )
    if isinstance(field, fields.List):
        return _list_control(plain, field, values, errors)
    # A password is not sent back.
    return _typed(plain, field, "" if isinstance(field, fields.Password) else values.text(name, field))


def _hint(field: Any) -> str:
    is_instant = getattr(field, "json_schema", {}).get("format") == "date-time"
    return " ".join(filter(None, (str(field.help_text or ""), "UTC, as 2026-11-24T09:30:00Z." if is_instant else "")))


def parameter_control(parameter: Parameter, query: QueryDict, errors: Errors) -> Control:
    """Return the control of a query parameter, with the value that it has in the query."""
    value = query.get(parameter.name, "")
    schema = parameter.schema
    plain = Control(
        kind="input",
        name=parameter.name,
        id=f"filter-{parameter.name}",
        label=label_of(parameter.name),
        value=value,
        hint=parameter.description,
        errors=errors.get(parameter.name, ()),
    )
    if parameter.choices:
        blank = parameter.description.rpartition("Default: ")[2].rstrip(".") if parameter.name == "ordering" else "any"
        return replace(plain, kind="select", options=_options(parameter.choices, value, blank.capitalize()))
    if schema["type"] == "integer":
        bounds = {"type": "number", "min": schema["minimum"], "max": schema["maximum"]}
        return replace(plain, value=value or str(schema["default"]), attributes=bounds)
    kind = "search" if parameter.name == "search" else "text"
    return replace(plain, attributes={"type": kind, "maxlength": schema.get("maxLength", text.MAX_SHORT_CHARS)})


class Values:
    """What the controls of a form begin with: the form that was sent, else the resource on the page, else defaults."""

    def __init__(
        self, sent: QueryDict | None = None, present: Mapping[str, Any] | None = None, prefix: str = ""
    ) -> None:
        self._sent = sent
        self._present = present or {}
        self._prefix = prefix

    def within(self, name: str) -> "Values":
        """The values of an object that is the value of this field."""
        return Values(self._sent, self._present.get(name), f"{self._prefix}{name}.")

    def text(self, name: str, field: Field[Any, Any, Any, Any]) -> str:
        """The value of a field as text."""
        if self._sent is not None:
            return str(self._sent.get(self._prefix + name, ""))
        return as_text(self._present[name]) if name in self._present else _initial_text(field)

    def texts(self, name: str) -> Sequence[str]:
        """The values of a field that has several."""
        if self._sent is not None:
            return [str(each) for each in self._sent.getlist(self._prefix + name)]
        return [as_text(each) for each in self._present.get(name) or ()]


def as_text(value: Any) -> str:
    """Return a JSON value as the text of a control."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _initial_text(field: Field[Any, Any, Any, Any]) -> str:
    value = field.default if field.initial in (None, "") and field.default is not empty else field.initial
    return "" if isinstance(value, (list, tuple, dict)) else as_text(value)


def _typed(plain: Control, field: Any, value: str) -> Control:
    required: Attributes = {"required": ""} if field.required else {}
    match field:
        case fields.Boolean():
            return replace(plain, kind="checkbox", value="true" if value in ("true", "on") else "")
        case fields.Choice():
            options = _options([*field.choices], value, "" if field.required and value else "Choose")
            return replace(plain, kind="select", options=options, attributes=required)
        case fields.Text() if field.lines:
            return replace(
                plain, kind="textarea", value=value, attributes={"rows": 4, "maxlength": field.max_chars, **required}
            )
    return replace(plain, value=value, attributes={**_input_attributes(field), **required})


def _input_attributes(field: Any) -> Attributes:
    match field:
        case fields.Password():
            is_new = field.field_name in ("new", "new_password", "password")
            return {"type": "password", "autocomplete": "new-password" if is_new else "current-password"}
        case fields.Email():
            return {"type": "email", "maxlength": field.max_chars}
        case fields.Integer():
            return {"type": "number", "min": field.minimum, "max": field.maximum, "step": 1}
        case fields.Date():
            return {"type": "date"}
        case fields.Sku():
            return {"type": "text", "maxlength": 64, "spellcheck": "false", "autocapitalize": "none"}
        case fields.Text():
            return {"type": "text", "maxlength": field.max_chars}
        case fields.Price():
            return {"type": "text", "inputmode": "decimal", "maxlength": 20}
    return {"type": "text", "maxlength": text.MAX_SHORT_CHARS}


def _list_control(plain: Control, field: fields.List, values: Values, errors: Errors) -> Control:
    child: Any = field.child
    if isinstance(child, Serializer):
        return replace(plain, kind="lines", lines=list(_lines(plain, child, values, errors)))
    plain = replace(plain, errors=[*plain.errors, *_item_errors(plain.name, errors)])
    if isinstance(child, fields.Choice):
        chosen = values.texts(plain.name)
        options = [Option(value=word, label=word, is_chosen=word in chosen) for word in child.choices]
        return replace(plain, kind="checkboxes", options=options)
    hint = f"{plain.hint} One on a line.".strip()
    value = "\n".join(values.texts(plain.name))
    return replace(plain, kind="textarea", hint=hint, value=value, attributes={"rows": 3, "maxlength": MAX_LINES_CHARS})


def _item_errors(name: str, errors: Errors) -> Iterator[str]:
    for pointer, messages in errors.items():
        if pointer.startswith(f"/{name}/"):
            yield from messages


def _lines(plain: Control, child: Serializer[Any], values: Values, errors: Errors) -> Iterator[Sequence[Control]]:
    """Yield the controls of each line that was sent, and of empty ones behind them."""
    names = [name for name in map(str, child.fields) if name != "product"]
    columns = {name: values.texts(f"{plain.name}.{name}") for name in names}
    rows = [texts for texts in zip(*columns.values(), strict=False) if any(texts)][:MAX_FORM_LINES]
    blank = ("",) * len(names)
    for index in range(max(len(rows), MIN_FORM_LINES)):
        texts = rows[index] if index < len(rows) else blank
        line_errors = _errors_below(f"/{plain.name}/{index}", errors)
        yield [
            _line_control(f"{plain.id}-{index}", name, child.fields[name], plain.name, text, line_errors)
            for name, text in zip(names, texts, strict=True)
        ]


def _line_control(id: str, name: str, field: Any, outer: str, value: str, errors: Errors) -> Control:
    # `one_of` reports at the first of its fields, which has no control here.
    messages = [*errors.get(f"/{name}", ()), *(errors.get("/product", ()) if name == "sku" else ())]
    plain = Control(
        kind="input", name=f"{outer}.{name}", id=f"{id}-{name}", label=label_of(name), errors=messages or ()
    )
    typed = _typed(plain, field, value)
    attributes = {key: each for key, each in typed.attributes.items() if key != "required"}
    return replace(typed, attributes=attributes | ({"data-picker": PRODUCTS_URL} if name == "sku" else {}))


def _errors_below(pointer: str, errors: Errors) -> Errors:
    return {key.removeprefix(pointer): each for key, each in errors.items() if key.startswith(f"{pointer}/")}


def _options(words: Sequence[str], chosen: str, blank: str) -> Sequence[Option]:
    options = [Option(value=word, label=_option_label(word), is_chosen=word == chosen) for word in words]
    return [Option(value="", label=blank, is_chosen=not chosen), *options] if blank else options


def _option_label(word: str) -> str:
    if word in ("true", "false"):
        return "Yes" if word == "true" else "No"
    if word.isupper():
        return word
    direction = ", descending" if word.startswith("-") else ""
    return f"{label_of(word.removeprefix('-'))}{direction}"
