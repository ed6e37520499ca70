"""The law of stock: what there is of a product is what there was at first, and all adjustments, less the units of every
purchase that still has them."""

from collections.abc import Iterator
from dataclasses import dataclass

from shop.domain.purchases import Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """Something that is not as it should be: what kind of wrong, about what, and in which way."""

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
    """Adds up a whole shop: first every product, withdrawn ones too, then every purchase."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def stocked(self, product: str, *, opening: int, adjusted: int, stock: int) -> None:
        """A product's own figures, in units."""
        self._accounts[product] = _Account(opening=opening, adjusted=adjusted, stock=stock)

    def sold(self, product: str, units: int) -> bool:
        """Units that a purchase has; False where there is no such product."""
        account = self._accounts.get(product)
        if account is None:
            return False
        account.sold += units
        return True

    def violations(self) -> Iterator[Violation]:
        """Every product of which the law does not hold."""
        for product, account in self._accounts.items():
            if account.stock < 0:
                yield Violation(
                    code="negative-stock", subject=f"product {product}", detail=f"its stock is {account.stock}"
                )
            right = account.opening + account.adjusted - account.sold
            if account.stock != right:
                detail = (
                    f"its stock is {account.stock}, but {account.opening} at first, {account.adjusted:+} adjusted "
                    f"and {account.sold} sold make {right}"
                )
                yield Violation(code="stock-law", subject=f"product {product}", detail=detail)


def has_units(status: Status, *, restocked: bool) -> bool:
    """Whether a purchase still has its units, or they went back into stock."""
    return status is not Status.CANCELLED and not (status is Status.REFUNDED and restocked)
