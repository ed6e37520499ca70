"""The records of a data node, as the checker looks at them."""

from collections import Counter
from collections.abc import Iterable, Mapping

import orjson

from chaos.contents import (
    EventContents,
    PaymentContents,
    ProductContents,
    PurchaseContents,
    RefundContents,
    ReturnContents,
    VoucherContents,
)
from exactly_once.replies import parse_pairs


def product(id: str, fields: Mapping[str, str], movements: Iterable[Mapping[str, str]] | None) -> ProductContents:
    """A product, with its movements; None where it has no ledger."""
    opening, carried = int(fields["opening"]), int(fields.get("carried", 0))
    # A product that has not moved has no ledger: its stock is its first movement.
    moved = Counter({id: int(fields["stock"]) if movements is None else carried})
    for movement in movements or ():
        moved[movement["reference"]] += int(movement["quantity"])
    return ProductContents(
        stock=int(fields["stock"]),
        opening=opening,
        adjusted=int(fields.get("adjusted", 0)),
        moved=moved,
        is_cut="carried" in fields,
        held=int(fields.get("held", 0)),
    )


def event(id: str, flat: list[str]) -> EventContents:
    """An entry of the stream of events."""
    fields = parse_pairs(flat)
    units = int(orjson.loads(fields["data"]).get("delta", 0))
    return EventContents(type=fields["type"], object=fields["object"], units=units, id=id)


def purchase(fields: Mapping[str, str]) -> PurchaseContents:
    """A purchase."""
    has_voucher = "voucher_id" in fields and "voucher_returned" not in fields
    return PurchaseContents(
        user=fields.get("user", ""),
        status=fields["status"],
        lines=[(item[0], int(item[4])) for item in orjson.loads(fields["items"])],
        history=[step[0] for step in orjson.loads(fields["history"])],
        has_units=fields["status"] != "cancelled" and not fields.get("restocked"),
        cart=fields.get("cart", ""),
        restocked=orjson.loads(fields.get("restocked_units", "{}")),
        total=int(fields["total"]),
        voucher=fields["voucher"] if has_voucher else "",
        customer=fields.get("voucher_customer", "") if has_voucher else "",
    )


def payment(fields: Mapping[str, str]) -> PaymentContents:
    """A payment."""
    rows = orjson.loads(fields.get("refunds") or "[]")
    return PaymentContents(
        purchase=fields["purchase"],
        provider=fields["provider"],
        amount=int(fields["amount"]),
        authorized=int(fields["authorized"]),
        captured=int(fields["captured"]),
        refunded=int(fields["refunded"]),
        refunds=[RefundContents(id=row[0], amount=int(row[1]), status=row[2]) for row in rows],
    )


def returned(fields: Mapping[str, str]) -> ReturnContents:
    """A return."""
    return ReturnContents(purchase=fields["purchase"], status=fields["status"])


def voucher(fields: Mapping[str, str]) -> VoucherContents:
    """A voucher."""
    return VoucherContents(
        limit=_limit(fields.get("limit", "")),
        limit_per_customer=_limit(fields.get("limit_per_customer", "")),
        redeemed=int(fields["redeemed"]),
    )


def _limit(text: str) -> int | None:
    return int(text) if text else None
