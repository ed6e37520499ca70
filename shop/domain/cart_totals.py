"""What a cart costs: its items, less what its voucher takes off, and shipping."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shop.domain.money import Money
from shop.domain.shipping_methods import ShippingMethod
from shop.domain.vouchers import Voucher, VoucherObstacle, VoucherUse, discount_of, obstacle_of


class ShippingObstacle(StrEnum):
    """Why a cart cannot be sent by its shipping method, or not at the price that it has shown."""

    UNAVAILABLE = "shipping-unavailable"
    PRICE_CHANGED = "shipping-price-changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class CartShipping:
    """The shipping method of a cart: its price when it was chosen, in minor units, and what it is now; None where it
    is deleted."""

    code: str
    seen_price: int
    method: ShippingMethod | None

    def obstacle(self, currency: str, country: str | None) -> ShippingObstacle | None:
        """Return what is wrong with it for a cart in this currency, to be sent to this country, if that is known.
        lua/parts/checkout_totals.lua decides the same."""
        method = self.method
        if method is None or not method.is_active or method.price.currency != currency:
            return ShippingObstacle.UNAVAILABLE
        if country is not None and not method.reaches(country):
            return ShippingObstacle.UNAVAILABLE
        return ShippingObstacle.PRICE_CHANGED if method.price.minor != self.seen_price else None

    def price(self, currency: str) -> int:
        """What it costs now, in minor units; 0 where it cannot be had."""
        method = self.method
        return method.price.minor if method is not None and method.price.currency == currency else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class CartVoucher:
    """The voucher of a cart: its kind and value when it was put there, and what it is now; None where it is deleted.
    `times_before` is how often the cart's customer has redeemed it, `at` when that was looked up."""

    code: str
    seen_terms: str
    voucher: Voucher | None
    times_before: int
    at: datetime

    def obstacle(self, items: Money) -> VoucherObstacle | None:
        """Return why it does not apply to items at this price."""
        obstacle = obstacle_of(self.voucher, VoucherUse(items=items, at=self.at, times_before=self.times_before))
        if obstacle is None and self.voucher is not None and terms_text(self.voucher) != self.seen_terms:
            return VoucherObstacle.CHANGED
        return obstacle

    def discount(self, items: Money, shipping: int) -> int:
        """What it takes off, in minor units; nothing where it does not apply."""
        if self.voucher is None or self.obstacle(items):
            return 0
        return discount_of(self.voucher.kind, self.voucher.value, items.minor, shipping)


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """What a cart or a purchase costs: `total` is the items less the discount, and shipping."""

    items: Money
    discount: Money
    shipping: Money

    @property
    def total(self) -> Money:
        minor = self.items.minor - self.discount.minor + self.shipping.minor
        return Money(minor=minor, currency=self.items.currency)


def terms_text(voucher: Voucher) -> str:
    """What a voucher takes off, as a cart remembers it. lua/parts/vouchers.lua makes the same text."""
    return f"{voucher.kind} {voucher.value}"


def totals_of(items: Money, shipping: CartShipping | None, voucher: CartVoucher | None) -> Totals:
    """Return what items at this price cost with this shipping and voucher."""
    currency = items.currency
    price = shipping.price(currency) if shipping else 0
    discount = voucher.discount(items, price) if voucher else 0
    return Totals(
        items=items,
        discount=Money(minor=discount, currency=currency),
        shipping=Money(minor=price, currency=currency),
    )
