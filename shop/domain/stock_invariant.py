"""The stock invariant: the stock of a product is its opening stock plus all adjustments, less the units of every
purchase that holds them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """A violation of an invariant: its code, the record concerned, and the difference."""

    code: str
    subject: str
    detail: str


@dataclass(kw_only=True, slots=True)
class _Account:
    opening: int
    adjusted: int
    stock: int
    sold: int = 0


class Ledger:
    """Adds up a shop: first every product, withdrawn ones included, then every purchase."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def add_product(self, product: str, *, opening: int, adjusted: int, stock: int) -> None:
        """Add a product with its own figures, in units."""
        self._accounts[product] = _Account(opening=opening, adjusted=adjusted, stock=stock)

    def add_sale(self, product: str, units: int) -> bool:
        """Add the units that a purchase holds. False where there is no such product."""
        account = self._accounts.get(product)
        if account is None:
            return False
        account.sold += units
        return True

    def violations(self) -> Iterator[Violation]:
        """Yield each product for which the invariant does not hold."""
        for product, account in self._accounts.items():
            if account.stock < 0:
                yield Violation(
                    code="negative-stock", subject=f"product {product}", detail=f"its stock is {account.stock}"
                )
            expected = account.opening + account.adjusted - account.sold
            if account.stock != expected:
                detail = (
                    f"its stock is {account.stock}, but {account.opening} at first, {account.adjusted:+} adjusted "
                    f"and {account.sold} sold make {expected}"
                )
                yield Violation(code="stock-law", subject=f"product {product}", detail=detail)


def units_held(sold: Mapping[str, int], *, is_restocked: bool, restocked: Mapping[str, int]) -> Mapping[str, int]:
    """Return the units of each product that a purchase holds, of those that it sold: none where all have come back into
    stock, else all but those that have."""
    if is_restocked:
        return dict.fromkeys(sold, 0)
    return {product: units - restocked.get(product, 0) for product, units in sold.items()}
