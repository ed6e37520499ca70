"""Returns, the units that are in them, and the indexes they are in; and of each purchase the units that were sent,
beside those that went back into stock."""

from collections import Counter
from collections.abc import Iterator, Mapping

from operations.store_audit.indexes import Indexes
from shop.domain.purchases import Purchase, Status, units_of
from shop.domain.returns import Return, ReturnStatus
from shop.domain.stock_invariant import Violation
from shop.repositories import records
from shop.repositories.keys import Keys

#: Stages in which units are sent still: what goes back into stock by another way than a return is no more to be sent.
_SENDING = (Status.PAID, Status.PARTIALLY_SHIPPED)


class ReturnAudit:
    """Goes through the returns, one by one, once all purchases are known."""

    def __init__(self, keys: Keys, indexes: Indexes) -> None:
        self._keys = keys
        self._indexes = indexes
        #: Of each purchase, units by product that are in none of its returns so far.
        self._left: dict[str, Counter[str]] = {}
        #: Of each purchase that is being sent, units by product that are back in stock and that no return has brought.
        self._restocked: dict[str, Counter[str]] = {}
        #: Of each of these, units by product that were not sent.
        self._unsent: dict[str, Counter[str]] = {}
        #: The buyers that are users, by purchase.
        self._buyers: dict[str, str] = {}

    def add_purchase(self, purchase: Purchase, buyer: str | None, restocked: Mapping[str, int]) -> None:
        """Add a purchase, whose units may come back, its buyer, None where they are no user, and its units that are in
        stock again."""
        if buyer is not None:
            self._buyers[purchase.id] = buyer
        sold = Counter({item.product: item.quantity for item in purchase.items})
        self._left[purchase.id] = sold
        if purchase.stage in _SENDING and restocked:
            sent = units_of([line for shipment in purchase.shipments for line in shipment.lines])
            self._restocked[purchase.id], self._unsent[purchase.id] = Counter(restocked), sold - Counter(sent)

    def check(self, id: str, record: Mapping[str, str]) -> Iterator[Violation]:
        """What is wrong with this return.

        Raises:
            KeyError, ValueError: it cannot be read.
        """
        found = records.RETURN.read(record)
        for index in (None, found.status):
            self._indexes.expect(self._keys.return_index(index), id)
        self._indexes.expect(self._keys.purchase_returns(found.purchase), id)
        if buyer := self._buyers.get(found.purchase):
            self._indexes.expect(self._keys.user_returns(buyer), id)
        if found.purchase in self._restocked:
            self._restocked[found.purchase].subtract(units_of(found.restocked))
        for fault in (*_own(id, found), *self._taken(found)):
            yield Violation(code="return-record", subject=f"return {id}", detail=fault)

    def violations(self) -> Iterator[Violation]:
        """Yield each purchase of which units went back into stock that were sent, once every return is known."""
        for id, restocked in self._restocked.items():
            if not +restocked <= self._unsent[id]:
                detail = "more units of it were sent and went back into stock without a return than it sold"
                yield Violation(code="shipment-law", subject=f"purchase {id}", detail=detail)

    def _taken(self, found: Return) -> Iterator[str]:
        left = self._left.get(found.purchase)
        if left is None:
            yield f"there is no purchase {found.purchase}"
        elif found.status is not ReturnStatus.REFUSED:
            left.subtract(units_of(found.received or found.lines))
            if min(left.values()) < 0:
                yield f"more units are in returns than the purchase {found.purchase} sold"


def _own(id: str, found: Return) -> Iterator[str]:
    asked, received, restocked = map(units_of, (found.lines, found.received, found.restocked))
    if found.id != id:
        yield f"its field `id` is {found.id}"
    if not Counter(received) <= Counter(asked):
        yield "more was received than was asked for"
    if not Counter(restocked) <= Counter(received):
        yield "more went back into stock than was received"
    if bool(received) != (found.status in (ReturnStatus.RECEIVED, ReturnStatus.REFUNDED)):
        yield f"it is {found.status}, and {'something' if received else 'nothing'} was received"
