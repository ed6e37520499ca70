"""Documents of the API, as the checker looks at them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from chaos.contents import (
    PaymentContents,
    ProductContents,
    PurchaseContents,
    RefundContents,
    ReturnContents,
    VoucherContents,
)
from shop.domain.money import Money

#: A purchase that was one of these at last has given everything back.
_ENDED = ("cancelled", "expired")


def product(
    id: str,
    document: Mapping[str, Any],
    opening: int,
    movements: Iterable[Mapping[str, Any]],
    purchases: Iterable[PurchaseContents],
) -> ProductContents:
    """A product that was created with the stock `opening`, which has these movements and purchases."""
    stock, moved, kinds = int(document["stock"]), Counter[str](), set[str]()
    for movement in movements:
        moved[movement["reference"]] += movement["quantity"]
        kinds.add(movement["kind"])
    sold = sum(
        quantity - each.restocked.get(id, 0)
        for each in purchases
        if each.has_units
        for product, quantity in each.lines
        if product == id
    )
    return ProductContents(
        stock=stock, opening=opening, adjusted=stock + sold - opening, moved=moved, is_cut="carried" in kinds
    )


def purchase(
    document: Mapping[str, Any], payments: Iterable[Mapping[str, Any]], returns: Iterable[Mapping[str, Any]]
) -> PurchaseContents:
    """A purchase, of which these are the payments and the returns."""
    # A refund brings units back once all of the money is back.
    refunds = [refund for payment in payments if payment["status"] == "refunded" for refund in payment["refunds"]]
    is_restocked = any(refund["restock"] and refund["status"] == "succeeded" for refund in refunds)
    restocked = Counter[str]()
    for line in (line for each in returns for line in each["restocked"]):
        restocked[line["product"]] += line["quantity"]
    status, is_ended = document["status"], document["status"] in _ENDED
    return PurchaseContents(
        user=document["user"] or "",
        status=status,
        lines=[(item["product"], item["quantity"]) for item in document["items"]],
        history=[step["status"] for step in document["history"]],
        has_units=not (is_ended or is_restocked),
        cart=document.get("cart") or "",
        restocked=restocked,
        total=_minor(document["total"], document["currency"]),
        voucher="" if is_ended else document["voucher"] or "",
        customer=document["user"] or "",
    )


def payment(document: Mapping[str, Any]) -> PaymentContents:
    """A payment."""
    currency = document["currency"]
    return PaymentContents(
        purchase=document["purchase"],
        provider=document["provider"],
        amount=_minor(document["amount"], currency),
        authorized=_minor(document["authorized"], currency),
        captured=_minor(document["captured"], currency),
        refunded=_minor(document["refunded"], currency),
        refunds=[
            RefundContents(id=each["id"], amount=_minor(each["amount"], currency), status=each["status"])
            for each in document["refunds"]
        ],
    )


def returned(document: Mapping[str, Any]) -> ReturnContents:
    """A return."""
    return ReturnContents(purchase=document["purchase"], status=document["status"])


def voucher(document: Mapping[str, Any]) -> VoucherContents:
    """A voucher."""
    return VoucherContents(
        limit=document["limit"], limit_per_customer=document["limit_per_customer"], redeemed=document["redeemed"]
    )


def _minor(amount: str, currency: str) -> int:
    return Money.parse(amount, currency).minor
