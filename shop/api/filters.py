"""Query parameters: each says what it takes, and that is what the schema says too."""

import re
from collections.abc import Callable, Mapping, Sequence
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
    """A query parameter. `parse` makes its value of the text, or raises ValueError; `expected` says what it takes."""

    name: str
    description: str
    expected: str
    schema: Mapping[str, Any]
    parse: Callable[[str], Any]
    code: str = "invalid"

    def fault(self) -> FieldError:
        """What is wrong where `parse` failed."""
        return FieldError(self.name, self.code, self.expected)


def parsed(parameters: Sequence[Parameter], query: QueryDict) -> dict[str, Any]:
    """The values of the parameters that are there.

    Raises:
        Invalid: some are unknown, there twice, or have values that cannot be used; all are named.
    """
    if not query:
        return {}
    known = {parameter.name: parameter for parameter in parameters}
    values, faults = {}, []
    for name, given in query.lists():
        if name not in known:
            faults.append(FieldError(name[: text.SHORT], "unknown-field", "There is no such parameter."))
            continue
        try:
            values[name] = known[name].parse(_one(given))
        except ValueError:
            faults.append(known[name].fault())
    if faults:
        raise Invalid(*faults)
    return values


def named(name: str, description: str) -> Parameter:
    """A parameter that takes some clean text."""
    return Parameter(
        name=name,
        description=description,
        expected=f"Use 1 to {text.SHORT} characters, without control characters.{_MARKS}",
        schema={"type": "string", "minLength": 1, "maxLength": text.SHORT, "pattern": _CLEAN},
        parse=_clean,
    )


def amount(name: str, description: str) -> Parameter:
    """A parameter that takes an amount of money, of whatever currency; its value is in ten-thousandths."""
    return Parameter(
        name=name,
        description=description,
        expected="Use a decimal number, such as 19.99.",
        schema={"type": "string", "pattern": f"^{_AMOUNT}$"},
        parse=_amount,
    )


def one_of(name: str, words: Mapping[str, Any], description: str) -> Parameter:
    """A parameter that takes one of some words; its value is what the word stands for."""
    listed = ", ".join(words) if len(words) < 20 else "a current ISO 4217 code, such as EUR"
    return Parameter(
        name=name,
        description=description,
        expected=f"Use one of: {listed}.",
        schema={"type": "string", "enum": list(words)},
        parse=lambda given: _listed(words, given),
    )


def ordering(orders: type[StrEnum] | Sequence[str], default: str) -> Parameter:
    """The parameter `ordering`; its value is the order, and whether it is reversed."""
    words = {f"{sign}{order}": (order, bool(sign)) for order in orders for sign in ("", "-")}
    return one_of("ordering", words, f"The order; with a minus reversed. Without it: {default}.")


def search(description: str) -> Parameter:
    """The parameter `search`, over words; its value is the words."""
    return Parameter(
        name="search",
        description=description,
        expected=f"Use at most {text.SHORT} characters, at least one of them a letter or digit.{_MARKS}",
        schema={"type": "string", "minLength": 1, "maxLength": text.SHORT, "pattern": _CLEAN},
        parse=_words,
    )


CURRENCY = one_of("currency", {code: code for code in sorted(STORED_CURRENCIES)}, "Only prices in this currency.")


def _one(given: Sequence[str]) -> str:
    if len(given) != 1:
        raise ValueError(given)
    return given[0]


def _clean(given: str) -> str:
    value = text.normalised(given, text.SHORT)
    if not value or not text.is_clean(value):
        raise ValueError(given)
    return value


def _amount(given: str) -> int:
    if not re.fullmatch(_AMOUNT, given, re.ASCII):
        raise ValueError(given)
    return scaled_amount(given)


def _words(given: str) -> frozenset[str]:
    found = text.words(_clean(given))
    if not found:
        raise ValueError(given)
    return found


def _listed(words: Mapping[str, Any], given: str) -> Any:
    if given not in words:
        raise ValueError(given)
    return words[given]
