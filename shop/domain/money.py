"""Amounts of money: integer minor units of an ISO 4217 currency, decimal strings at the edges."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from shop.domain.errors import FieldError, Invalid

MOST_DIGITS = 12
#: Digits behind the point that hold every currency's minor unit, so that amounts of all currencies compare.
SCALE = 4

_PLAIN = re.compile(rf"[0-9]{{1,{MOST_DIGITS + SCALE}}}(\.[0-9]{{1,{SCALE}}})?")

_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
    "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN "
    "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG"
)
_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: _TWO,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
#: ISO 4217 code -> digits of its minor unit.
CURRENCIES: dict[str, int] = {code: digits for digits, codes in _DIGITS.items() for code in codes.split()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """An amount in the currency's minor units."""

    minor: int
    currency: str

    def __str__(self) -> str:
        digits = CURRENCIES[self.currency]
        if not digits:
            return str(self.minor)
        text = str(self.minor).rjust(digits + 1, "0")
        return f"{text[:-digits]}.{text[-digits:]}"

    @property
    def scaled(self) -> int:
        """The amount in ten-thousandths of the major unit, whatever the currency's own digits."""
        return self.minor * int(10 ** (SCALE - CURRENCIES[self.currency]))

    @classmethod
    def parse(cls, text: str, currency: str) -> Self:
        """The amount a decimal string names.

        Raises:
            Invalid: an unknown currency (at /currency); or not a number, negative, too many digits (at /price).
        """
        if currency not in CURRENCIES:
            raise Invalid(FieldError("/currency", "invalid-currency", "Use a current ISO 4217 code, such as EUR."))
        digits = CURRENCIES[currency]
        value = _decimal(text)
        minor = value.scaleb(digits) if value is not None else None
        if minor is None or len(text.partition(".")[2]) > digits or minor >= 10**MOST_DIGITS:
            detail = f"Use a decimal string with at most {digits} decimals and {MOST_DIGITS} digits, not negative."
            raise Invalid(FieldError("/price", "invalid-price", detail))
        return cls(minor=int(minor), currency=currency)


def scaled_amount(text: str) -> int:
    """What a decimal string names, in ten-thousandths, as `Money.scaled` counts.

    Raises:
        ValueError: not a number, negative, or more digits than any price has.
    """
    value = _decimal(text)
    scaled = value.scaleb(SCALE) if value is not None else None
    if scaled is None or scaled >= 10 ** (MOST_DIGITS + SCALE):
        raise ValueError(text)
    return int(scaled)


def _decimal(text: str) -> Decimal | None:
    """None where the text is no plain decimal number: exponents, signs, blanks and other scripts' digits are not."""
    return Decimal(text) if _PLAIN.fullmatch(text) else None
