"""The refusals of carts and checkouts."""

from collections.abc import Sequence
from dataclasses import dataclass

from shop.domain.errors import Refusal
from shop.domain.money import Money


class CartRefusal(Refusal):
    """A business rule refuses a write of a cart, or its checkout."""


class CartNotReady(CartRefusal):
    """The cart cannot be bought or held as it is. `problems` are JSON pointers into it, and codes."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"The cart is not ready: {', '.join(code for _, code in problems)}.")
        self.problems = tuple(problems)


class CartPurchased(CartRefusal):
    """The cart has been bought."""

    def __init__(self, purchase: str) -> None:
        super().__init__(f"The cart has become the purchase {purchase}.")
        self.purchase = purchase


class CurrencyMismatch(CartRefusal):
    """The price of a product is in another currency than those of the cart."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"The cart is in {currency}.")
        self.currency = currency


@dataclass(frozen=True, slots=True)
class PriceChange:
    """The price of a product that a cart has shown, and the present one."""

    product: str
    seen_price: Money
    unit_price: Money


class PriceChanged(CartRefusal):
    """Products have other prices than the cart has shown."""

    def __init__(self, changes: Sequence[PriceChange]) -> None:
        lines = "; ".join(f"{c.product} costs {c.unit_price}, and not {c.seen_price}" for c in changes)
        super().__init__(f"Prices have changed: {lines}.")
        self.changes = tuple(changes)


class TooManyLines(CartRefusal):
    """The cart has as many lines as a cart may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A cart may have at most {limit} lines.")
        self.limit = limit


class TooManyHolds(CartRefusal):
    """As many carts hold the product as may."""

    def __init__(self, product: str) -> None:
        super().__init__(f"Too many carts hold {product} now.")
        self.product = product


class UnknownShippingMethod(CartRefusal):
    """No shipping method with this code may be chosen."""

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no shipping method {code}.")
        self.code = code
