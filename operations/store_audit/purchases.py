"""Purchases, the units they have, and the indexes they are in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from operations.store_audit.indexes import Indexes
from operations.store_audit.payments import PaymentAudit
from operations.store_audit.returns import ReturnAudit
from operations.store_audit.vouchers import VoucherAudit
from shop.domain.purchases import GUEST_RETENTION, Purchase, Status, units_of, unshipped
from shop.domain.stock_invariant import Ledger, Violation, units_held
from shop.repositories import records
from shop.repositories.keys import Keys


@dataclass(frozen=True, kw_only=True, slots=True)
class Related:
    """What purchases are compared with afterwards."""

    returns: ReturnAudit
    vouchers: VoucherAudit
    payments: PaymentAudit


class PurchaseAudit:
    """Goes through the purchases, one by one, once all users and products are known. `erased` are the users whose
    erasure is pending: steps to come take them out of their purchases."""

    def __init__(
        self,
        keys: Keys,
        indexes: Indexes,
        ledger: Ledger,
        related: Related,
        users: frozenset[str],
        erased: frozenset[str],
    ) -> None:
        self._keys = keys
        self._indexes = indexes
        self._ledger = ledger
        self._related = related
        self._users = users
        self._erased = erased

    def check(self, id: str, record: Mapping[str, str]) -> Iterator[Violation]:
        """What is wrong with this purchase.

        Raises:
            KeyError, ValueError: it cannot be read.
        """
        purchase = records.PURCHASE.read(record)
        buyer = purchase.user if purchase.user in self._users else None
        self._related.returns.add_purchase(purchase, buyer, _units_back(purchase, record))
        self._related.vouchers.add_purchase(record)
        self._related.payments.add_purchase(purchase, record)
        self._expect(id, purchase, record)
        faults = [*self._sold(purchase, record), *_own(id, purchase), *_goods(purchase, record)]
        if purchase.user is not None and purchase.user not in self._users and purchase.user not in self._erased:
            faults.append(f"there is no user {purchase.user}")
        for fault in faults:
            yield Violation(code="purchase-record", subject=f"purchase {id}", detail=fault)

    def _expect(self, id: str, purchase: Purchase, record: Mapping[str, str]) -> None:
        if "guest_customer" in record:
            self._expect_guest(id, purchase, record["guest_customer"])
        if purchase.pay_by and purchase.status is Status.PLACED:
            score = records.milliseconds(purchase.pay_by)
            self._indexes.expect_pair(self._keys.purchases_by_pay_by, id, f"score {score}")
        if purchase.user in self._erased:
            self._indexes.expect(self._keys.erasing_purchases(purchase.user), id)
        for user in {None, purchase.user} - self._erased:
            for status in (None, purchase.status):
                self._indexes.expect(self._keys.purchase_index(user, status), id)

    def _expect_guest(self, id: str, purchase: Purchase, customer: str) -> None:
        if purchase.status is Status.PLACED:
            self._indexes.expect(f"{self._keys.purchases}:{customer}", id)
        was_paid = any(event.status is Status.PAID for event in purchase.history)
        if purchase.status in (Status.EXPIRED, Status.CANCELLED) and not was_paid:
            score = records.milliseconds(purchase.history[-1].at + GUEST_RETENTION)
            self._indexes.expect_pair(self._keys.purchases_to_forget, id, f"score {score}")

    def _sold(self, purchase: Purchase, record: Mapping[str, str]) -> Iterator[str]:
        is_restocked, restocked = _restocked(purchase, record)
        sold = {item.product: item.quantity for item in purchase.items}
        for product, units in units_held(sold, is_restocked=is_restocked, restocked=restocked).items():
            if not self._ledger.add_sale(product, units):
                yield f"there is no product {product}"


def _restocked(purchase: Purchase, record: Mapping[str, str]) -> tuple[bool, Mapping[str, int]]:
    """Whether all units went back into stock, and otherwise how many of each product."""
    # A purchase that was cancelled before the field was there has given them back.
    is_restocked = record.get("restocked") == "1" or purchase.status is Status.CANCELLED
    return is_restocked, orjson.loads(record.get("restocked_units", "{}"))


def _units_back(purchase: Purchase, record: Mapping[str, str]) -> Mapping[str, int]:
    """The units of each product that went back into stock."""
    is_restocked, restocked = _restocked(purchase, record)
    return {item.product: item.quantity for item in purchase.items} if is_restocked else restocked


def _own(id: str, purchase: Purchase) -> Iterator[str]:
    if purchase.id != id:
        yield f"its field `id` is {purchase.id}"
    if not purchase.items or any(item.quantity < 1 for item in purchase.items):
        yield "it is of nothing"
    if any(item.unit_price.minor * item.quantity != item.line_total.minor for item in purchase.items):
        yield "a line is not its price times its quantity"
    if purchase.totals.total != purchase.total or purchase.discount < 0 or purchase.shipping < 0:
        yield f"its lines, discount and shipping do not make {purchase.total}"
    if len(purchase.history) != purchase.version or purchase.history[-1].status is not purchase.status:
        yield f"its history does not lead to version {purchase.version}, {purchase.status}"


def _goods(purchase: Purchase, record: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the units that were sent, and with those that came back."""
    sold = {item.product: item.quantity for item in purchase.items}
    is_restocked, restocked = _restocked(purchase, record)
    if (is_restocked or restocked) and purchase.status in (Status.PLACED, Status.PAID):
        yield f"units of it went back into stock, and it is {purchase.status}"
    if _is_beyond(restocked, sold):
        yield "more units of it went back into stock than it sold"
    if _is_beyond(units_of([line for shipment in purchase.shipments for line in shipment.lines]), sold):
        yield "more units of it were shipped than it sold"
    if purchase.shipments and purchase.stage is Status.PARTIALLY_SHIPPED and not any(unshipped(purchase).values()):
        yield f"all of it was shipped, and it is {purchase.status}"


def _is_beyond(units: Mapping[str, int], sold: Mapping[str, int]) -> bool:
    return any(not 0 < count <= sold.get(product, 0) for product, count in units.items())
