"""Vouchers: codes that take something off the price of a purchase."""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.errors import FieldError, Invalid
from shop.domain.money import Money, decimal_text
from shop.domain.pages import Page, Position
from shop.domain.users import email_key

#: Codes are stored in upper case, and found in any.
CODE_PATTERN = "[A-Za-z0-9][A-Za-z0-9_-]{2,31}"
#: A percentage is stored in basis points, hundredths of a percent.
BASIS_POINTS = 10_000
#: Hexadecimal digits of the hash that stands for a guest.
CUSTOMER_HASH_DIGITS = 32
_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")


class VoucherKind(StrEnum):
    """What a voucher takes off: a share of the items, an amount of the items, or the price of shipping."""

    PERCENT = "percent"
    AMOUNT = "amount"
    SHIPPING = "shipping"


class VoucherObstacle(StrEnum):
    """Why a voucher does not apply to a cart."""

    UNKNOWN = "unknown"
    PAUSED = "paused"
    NOT_STARTED = "not-started"
    ENDED = "ended"
    EXHAUSTED = "exhausted"
    EXHAUSTED_FOR_CUSTOMER = "exhausted-for-customer"
    OTHER_CURRENCY = "other-currency"
    BELOW_MINIMUM = "below-minimum"
    #: It takes off something else than when it was put into the cart.
    CHANGED = "changed"


#: Obstacles that come of what others, or the customer, have redeemed.
EXHAUSTION = frozenset({VoucherObstacle.EXHAUSTED, VoucherObstacle.EXHAUSTED_FOR_CUSTOMER})


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherTerms:
    """What staff set. `value` is in basis points (percent), in minor units of `currency` (amount), or 0 (shipping).
    `minimum` is what the items must cost at least, in minor units of `currency`. It is valid from `starts_at` to before
    `ends_at`. `limit` counts redemptions of all customers. None: no limit."""

    kind: VoucherKind
    value: int
    currency: str | None = None
    minimum: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    limit: int | None = None
    limit_per_customer: int | None = None

    def values(self) -> dict[str, Any]:
        """Each of these fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(VoucherTerms)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Voucher(VoucherTerms):
    """A voucher. `redeemed` counts the purchases that it is redeemed in, without those that gave it back. Another
    voucher may have the same code after this one is deleted, and never the same id. `version` counts edits, from 1."""

    id: str
    code: str
    is_paused: bool
    redeemed: int
    created_at: datetime
    updated_at: datetime
    version: int

    def edited_values(self) -> dict[str, Any]:
        """Each field that staff change, by name."""
        return {**self.values(), "is_paused": self.is_paused}

    def with_changes(self, *, at: datetime, **changes: Any) -> "Voucher":
        """Return the next version of the voucher, with these fields changed."""
        return replace(self, updated_at=at, version=self.version + 1, **changes)


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherUse:
    """What a voucher would be redeemed for: the price of the items, and by whom, at an instant. `times_before` is how
    often this customer has redeemed it."""

    items: Money
    at: datetime
    times_before: int = 0


def obstacle_of(voucher: Voucher | None, use: VoucherUse) -> VoucherObstacle | None:
    """Return why the voucher does not apply; the first reason, where there are more. lua/parts/vouchers.lua decides the
    same, in this order."""
    if voucher is None:
        return VoucherObstacle.UNKNOWN
    if voucher.is_paused:
        return VoucherObstacle.PAUSED
    return _obstacle_of_time(voucher, use.at) or _obstacle_of_limits(voucher, use) or _obstacle_of_price(voucher, use)


def _obstacle_of_time(voucher: Voucher, at: datetime) -> VoucherObstacle | None:
    if voucher.starts_at is not None and at < voucher.starts_at:
        return VoucherObstacle.NOT_STARTED
    return VoucherObstacle.ENDED if voucher.ends_at is not None and at >= voucher.ends_at else None


def _obstacle_of_limits(voucher: Voucher, use: VoucherUse) -> VoucherObstacle | None:
    if voucher.limit is not None and voucher.redeemed >= voucher.limit:
        return VoucherObstacle.EXHAUSTED
    if voucher.limit_per_customer is not None and use.times_before >= voucher.limit_per_customer:
        return VoucherObstacle.EXHAUSTED_FOR_CUSTOMER
    return None


def _obstacle_of_price(voucher: Voucher, use: VoucherUse) -> VoucherObstacle | None:
    if voucher.currency not in (None, use.items.currency):
        return VoucherObstacle.OTHER_CURRENCY
    return VoucherObstacle.BELOW_MINIMUM if use.items.minor < (voucher.minimum or 0) else None


def discount_of(kind: VoucherKind, value: int, items: int, shipping: int) -> int:
    """Return what a voucher takes off, in minor units: never more than what it is taken off. A fraction of a unit is
    dropped. lua/parts/discounts.lua computes the same."""
    match kind:
        case VoucherKind.PERCENT:
            return items * value // BASIS_POINTS
        case VoucherKind.AMOUNT:
            return min(value, items)
        case VoucherKind.SHIPPING:
            return shipping


def guest_customer(secret: bytes, email: str) -> str:
    """Return what stands for a guest among the customers of a voucher: an HMAC of the address, the same for spellings
    that are one user's."""
    key = hmac.digest(secret, b"shop.vouchers.guest", "sha256")
    return "guest:" + hmac.digest(key, email_key(email).encode(), "sha256").hex()[:CUSTOMER_HASH_DIGITS]


def voucher_code(text: str) -> str:
    """Return the stored spelling of a code."""
    return text.upper()


def percent_text(basis_points: int) -> str:
    """The decimal string of a percentage."""
    return f"{basis_points // 100}.{basis_points % 100:02}"


def value_text(terms: VoucherTerms) -> str | None:
    """The decimal string of the value; None where the kind has none."""
    match terms.kind:
        case VoucherKind.PERCENT:
            return percent_text(terms.value)
        case VoucherKind.AMOUNT:
            return decimal_text(str(terms.value), str(terms.currency))
        case VoucherKind.SHIPPING:
            return None


def minimum_text(terms: VoucherTerms) -> str | None:
    """The decimal string of the minimum; None without one."""
    return None if terms.minimum is None else decimal_text(str(terms.minimum), str(terms.currency))


def parse_terms(
    *,
    kind: VoucherKind,
    value: str | None,
    currency: str | None,
    minimum: str | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
    limit: int | None,
    limit_per_customer: int | None,
) -> VoucherTerms:
    """Return the terms that decimal strings describe.

    Raises:
        Invalid: a value does not fit the kind, an amount has no currency, or the voucher ends before it starts.
    """
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise Invalid(FieldError("/ends_at", "out-of-range", "Use an instant after `starts_at`."))
    return VoucherTerms(
        kind=kind,
        value=_VALUES[kind](value, currency),
        currency=currency,
        minimum=None if minimum is None else _amount("/minimum", minimum, currency),
        starts_at=starts_at,
        ends_at=ends_at,
        limit=limit,
        limit_per_customer=limit_per_customer,
    )


def _percentage(text: str | None, _: str | None) -> int:
    points = int(Decimal(text) * 100) if text is not None and _PERCENT.fullmatch(text) else 0
    if not 0 < points <= BASIS_POINTS:
        detail = "Use a decimal string from 0.01 to 100, with at most two decimals."
        raise Invalid(FieldError("/value", "invalid-percentage", detail))
    return points


def _positive_amount(text: str | None, currency: str | None) -> int:
    minor = 0 if text is None else _amount("/value", text, currency)
    if minor == 0:
        raise Invalid(FieldError("/value", "invalid-price", "Use an amount above zero."))
    return minor


def _no_value(text: str | None, _: str | None) -> int:
    if text is not None:
        raise Invalid(
            FieldError("/value", "out-of-range", "Leave it out: the voucher takes off the price of shipping.")
        )
    return 0


def _amount(pointer: str, text: str, currency: str | None) -> int:
    """An amount at this pointer, in minor units."""
    if currency is None:
        raise Invalid(FieldError("/currency", "required", "Name the currency of the amount."))
    try:
        return Money.parse(text, currency).minor
    except Invalid as invalid:
        raise Invalid(*(_moved(error, pointer) for error in invalid.errors)) from None


def _moved(error: FieldError, pointer: str) -> FieldError:
    return replace(error, pointer=pointer) if error.pointer == "/price" else error


_VALUES: Mapping[VoucherKind, Callable[[str | None, str | None], int]] = {
    VoucherKind.PERCENT: _percentage,
    VoucherKind.AMOUNT: _positive_amount,
    VoucherKind.SHIPPING: _no_value,
}


class VoucherRepository(Protocol):
    """Vouchers, by their codes in any case. Reads and writes as in ports.UserRepository."""

    def get(self, code: str) -> Voucher:
        """Raises: NotFound."""
        ...

    def page(self, size: int, position: Position | None) -> Page[Voucher]:
        """List the vouchers, by code."""
        ...

    def create(self, request: WriteRequest, voucher: Voucher) -> WriteResult[Voucher]:
        """Raises: VoucherCodeTaken."""
        ...

    def update(
        self, request: WriteRequest, code: str, change: Callable[[Voucher], Voucher], if_match: int | None
    ) -> WriteResult[Voucher]:
        """Raises: NotFound, PreconditionFailed, and what `change` raises."""
        ...

    def delete(self, request: WriteRequest, code: str, if_match: int | None) -> WriteResult[None]:
        """Delete the voucher, and what is known of who redeemed it. Purchases keep their discount.

        Raises: NotFound, PreconditionFailed."""
        ...
