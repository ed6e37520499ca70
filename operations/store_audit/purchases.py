"""Purchases, the units they have, and the indexes they are in."""

from collections.abc import Iterator, Mapping

from operations.store_audit.indexes import Indexes
from shop.domain.purchases import Purchase, Status
from shop.domain.stock_invariant import Ledger, Violation, has_units
from shop.repositories import records
from shop.repositories.keys import Keys


class PurchaseAudit:
    """Goes through the purchases, one by one, once all users and products are known. `erased` are the users whose
    erasure is pending: steps to come take them out of their purchases."""

    def __init__(
        self, keys: Keys, indexes: Indexes, ledger: Ledger, users: frozenset[str], erased: frozenset[str]
    ) -> None:
        self._keys = keys
        self._indexes = indexes
        self._ledger = ledger
        self._users = users
        self._erased = erased

    def check(self, id: str, record: Mapping[str, str]) -> Iterator[Violation]:
        """What is wrong with this purchase.

        Raises:
            KeyError, ValueError: it cannot be read.
        """
        purchase, restocked = records.PURCHASE.read(record), record.get("restocked") == "1"
        self._expect(id, purchase)
        faults = [*self._sold(purchase, restocked), *_own(id, purchase, restocked)]
        if purchase.user is not None and purchase.user not in self._users and purchase.user not in self._erased:
            faults.append(f"there is no user {purchase.user}")
        for fault in faults:
            yield Violation(code="purchase-record", subject=f"purchase {id}", detail=fault)

    def _expect(self, id: str, purchase: Purchase) -> None:
        if purchase.user in self._erased:
            self._indexes.expect(self._keys.erasing_purchases(purchase.user), id)
        for user in {None, purchase.user} - self._erased:
            for status in (None, purchase.status):
                self._indexes.expect(self._keys.purchase_index(user, status), id)

    def _sold(self, purchase: Purchase, restocked: bool) -> Iterator[str]:
        has = has_units(purchase.status, restocked=restocked)
        for item in purchase.items:
            if not self._ledger.add_sale(item.product, item.quantity if has else 0):
                yield f"there is no product {item.product}"


def _own(id: str, purchase: Purchase, restocked: bool) -> Iterator[str]:
    if purchase.id != id:
        yield f"it says that its id is {purchase.id}"
    if not purchase.items or any(item.quantity < 1 for item in purchase.items):
        yield "it is of nothing"
    if any(item.unit_price.minor * item.quantity != item.line_total.minor for item in purchase.items):
        yield "a line is not its price times its quantity"
    if purchase.totals.total != purchase.total or purchase.discount < 0 or purchase.shipping < 0:
        yield f"its lines, discount and shipping do not make {purchase.total}"
    if len(purchase.history) != purchase.version or purchase.history[-1].status is not purchase.status:
        yield f"its history does not lead to version {purchase.version}, {purchase.status}"
    if restocked and purchase.status not in (Status.CANCELLED, Status.REFUNDED):
        yield f"its units went back into stock, and it is {purchase.status}"
