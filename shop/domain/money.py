"""Amounts of money: integer minor units of an ISO 4217 currency inside, decimal strings outside."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from iso4217 import Currency

from shop.domain.errors import FieldError, Invalid

MAX_DIGITS = 12
#: Decimals that hold the minor unit of every currency, so that amounts of all currencies compare.
SCALE = 4

_PLAIN = re.compile(rf"[0-9]{{1,{MAX_DIGITS + SCALE}}}(\.[0-9]{{1,{SCALE}}})?")

#: Current ISO 4217 code -> digits of its minor unit. Metals and test codes have no minor unit, and no price.
CURRENCIES: Mapping[str, int] = {
    currency.code: currency.exponent for currency in Currency if currency.exponent is not None
}
#: Withdrawn from ISO 4217 after shops had prices in them: what is stored stays readable, new prices are refused.
WITHDRAWN_CURRENCIES: Mapping[str, int] = {"ANG": 2, "BGN": 2}
#: Every currency that a stored amount can have.
STORED_CURRENCIES: Mapping[str, int] = {**WITHDRAWN_CURRENCIES, **CURRENCIES}

_SCALE_FACTORS: Mapping[str, int] = {code: 10 ** (SCALE - digits) for code, digits in STORED_CURRENCIES.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """An amount in the currency's minor units."""

    minor: int
    currency: str

    def __str__(self) -> str:
        return decimal_text(str(self.minor), self.currency)

    @property
    def scaled(self) -> int:
        """The amount in ten-thousandths of the major unit, comparable across currencies."""
        return self.minor * _SCALE_FACTORS[self.currency]

    @classmethod
    def parse(cls, text: str, currency: str) -> Self:
        """Parse a decimal string into an amount.

        Raises:
            Invalid: no current currency (at /currency); or not a number, negative, too many digits (at /price).
        """
        if currency not in CURRENCIES:
            raise Invalid(FieldError("/currency", "invalid-currency", "Use a current ISO 4217 code, such as EUR."))
        digits = CURRENCIES[currency]
        value = _decimal(text)
        minor = value.scaleb(digits) if value is not None else None
        if minor is None or len(text.partition(".")[2]) > digits or minor >= 10**MAX_DIGITS:
            detail = f"Use a decimal string with at most {digits} decimals and {MAX_DIGITS} digits, not negative."
            raise Invalid(FieldError("/price", "invalid-price", detail))
        return cls(minor=int(minor), currency=currency)


def decimal_text(minor: str, currency: str) -> str:
    """The decimal string of an amount whose minor units are these digits."""
    digits = STORED_CURRENCIES[currency]
    if not digits:
        return minor
    text = minor.rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}"


def scaled_amount(text: str) -> int:
    """Parse a decimal string into ten-thousandths, the unit of `Money.scaled`.

    Raises:
        ValueError: not a number, negative, or more digits than any price has.
    """
    value = _decimal(text)
    scaled = value.scaleb(SCALE) if value is not None else None
    if scaled is None or scaled >= 10 ** (MAX_DIGITS + SCALE):
        raise ValueError(text)
    return int(scaled)


def _decimal(text: str) -> Decimal | None:
    """Parse a plain decimal number; None for signs, exponents, blanks and digits other than 0 to 9."""
    return Decimal(text) if _PLAIN.fullmatch(text) else None
