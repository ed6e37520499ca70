"""Query parameters of the lists: each parses and describes its own values, in errors and in the OpenAPI document."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.http import QueryDict

from shop.domain import text
from shop.domain.errors import FieldError, Invalid
from shop.domain.money import STORED_CURRENCIES, scaled_amount

_CLEAN = r"^[^\u0000-\u001f\u007f-\u009f]+$"
_AMOUNT = r"[0-9]{1,12}(\.[0-9]{1,4})?"
_MARKS = f" Use at most {text.MAX_MARKS_IN_A_ROW} combining marks in a row."


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A query parameter. `parse` turns text into a value or raises ValueError; `expected` says what to send."""

    name: str
    description: str
    expected: str
    schema: Mapping[str, Any]
    parse: Callable[[str], Any]
    code: str = "invalid"
    #: Name of its component in the OpenAPI document, where lists share it.
    component: str = ""
    #: The words of which a client sends one; none where it sends something else.
    choices: tuple[str, ...] = ()

    def field_error(self) -> FieldError:
        """The error of a value that `parse` refuses."""
        return FieldError(self.name, self.code, self.expected)


def parse_query(parameters: Sequence[Parameter], query: QueryDict) -> dict[str, Any]:
    """Parse the parameters that the query has.

    Raises:
        Invalid: with an error for each parameter that is unknown, repeated or unusable.
    """
    if not query:
        return {}
    known = {parameter.name: parameter for parameter in parameters}
    values, field_errors = {}, []
    for name, texts in query.lists():
        if name not in known:
            field_errors.append(FieldError(name[: text.MAX_SHORT_CHARS], "unknown-field", _unknown(known)))
            continue
        try:
            values[name] = known[name].parse(_single(texts))
        except ValueError:
            field_errors.append(known[name].field_error())
    if field_errors:
        raise Invalid(*field_errors)
    return values


def _unknown(known: Iterable[str]) -> str:
    names = ", ".join(known)
    return f"No such parameter. There are: {names}." if names else "No such parameter: there are none here."


def text_parameter(name: str, description: str) -> Parameter:
    """Make a parameter for text without control characters."""
    return Parameter(
        name=name,
        description=description,
        expected=f"Use 1 to {text.MAX_SHORT_CHARS} characters, without control characters.{_MARKS}",
        schema={"type": "string", "minLength": 1, "maxLength": text.MAX_SHORT_CHARS, "pattern": _CLEAN},
        parse=_clean_text,
    )


def amount_parameter(name: str, description: str) -> Parameter:
    """Make a parameter for an amount of money in any currency; its value is in ten-thousandths of the major unit."""
    return Parameter(
        name=name,
        description=description,
        expected="Use a decimal number, such as 19.99.",
        schema={"type": "string", "pattern": f"^{_AMOUNT}$"},
        parse=_amount,
    )


def choice_parameter(
    name: str, choices: Mapping[str, Any], description: str, expected: str = "", enumeration: str = ""
) -> Parameter:
    """Make a parameter for one of several words; its value is the one that the word maps to. `enumeration` is the name
    of the component of the OpenAPI document that has these words."""
    return Parameter(
        name=name,
        description=description,
        expected=expected or f"Use one of: {', '.join(choices)}.",
        schema=(
            {"$ref": f"#/components/schemas/{enumeration}"} if enumeration else {"type": "string", "enum": [*choices]}
        ),
        parse=lambda word: _choice(choices, word),
        choices=(*choices,),
    )


def ordering_parameter(orders: type[StrEnum] | Sequence[str], default: str) -> Parameter:
    """Make the parameter `ordering`; its value is the order, and whether it is descending."""
    choices = {f"{sign}{order}": (order, bool(sign)) for order in orders for sign in ("", "-")}
    return choice_parameter("ordering", choices, f"Sort order; a minus reverses it. Default: {default}.")


def search_parameter(description: str) -> Parameter:
    """Make the parameter `search`; its value is the set of folded words."""
    return Parameter(
        name="search",
        description=description,
        expected=f"Use at most {text.MAX_SHORT_CHARS} characters, at least one of them a letter or digit.{_MARKS}",
        schema={"type": "string", "minLength": 1, "maxLength": text.MAX_SHORT_CHARS, "pattern": _CLEAN},
        parse=_words,
    )


CURRENCY = choice_parameter(
    "currency",
    {code: code for code in sorted(STORED_CURRENCIES)},
    "Prices in this currency.",
    expected="Use an ISO 4217 code, such as EUR.",
    enumeration="StoredCurrency",
)


def _single(texts: Sequence[str]) -> str:
    if len(texts) != 1:
        raise ValueError(texts)
    return texts[0]


def _clean_text(raw: str) -> str:
    value = text.normalize(raw, text.MAX_SHORT_CHARS)
    if not value or not text.is_clean(value):
        raise ValueError(raw)
    return value


def _amount(raw: str) -> int:
    if not re.fullmatch(_AMOUNT, raw, re.ASCII):
        raise ValueError(raw)
    return scaled_amount(raw)


def _words(raw: str) -> frozenset[str]:
    words = text.words(_clean_text(raw))
    if not words:
        raise ValueError(raw)
    return words


def _choice(choices: Mapping[str, Any], word: str) -> Any:
    if word not in choices:
        raise ValueError(word)
    return choices[word]
