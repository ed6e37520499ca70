"""The ledger of each product: what has moved adds up to the stock."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shop.domain.stock_invariant import Violation


class MovementAudit:
    """Compares the movements of products with their records; first every record is added."""

    def __init__(self) -> None:
        #: Of products that have moved: stock, the sum of all movements, and of those that are no longer listed.
        self._sums: dict[str, tuple[int, int, int]] = {}

    def add_product(self, id: str, record: Mapping[str, str]) -> None:
        """Add the record of a product. Raises: KeyError, ValueError."""
        if "ledger" in record:
            self._sums[id] = int(record["stock"]), int(record["ledger"]), int(record.get("carried", 0))

    def violations(self, ledgers: Iterable[tuple[str, Any]]) -> Iterator[Violation]:
        """Yield what is wrong with these ledgers: ids of products, and the replies of XRANGE."""
        unseen = dict(self._sums)
        for id, entries in ledgers:
            expected = unseen.pop(id, None)
            listed = sum(_quantity(fields) for _, fields in entries)
            yield from _differences(id, expected, listed)
        for id, expected in unseen.items():
            yield from _differences(id, expected, 0)


def _quantity(fields: Any) -> int:
    return int(fields[fields.index(b"quantity") + 1])


def _differences(id: str, expected: tuple[int, int, int] | None, listed: int) -> Iterator[Violation]:
    if expected is None:
        yield _violation(id, "it has movements, and no record says so")
        return
    stock, ledger, carried = expected
    if ledger != stock:
        yield _violation(id, f"its stock is {stock}, and the sum of its movements is said to be {ledger}")
    if carried + listed != ledger:
        detail = f"its movements add up to {carried + listed}, {carried} of them no longer listed, and not to {ledger}"
        yield _violation(id, detail)


def _violation(id: str, detail: str) -> Violation:
    return Violation(code="movement-law", subject=f"product {id}", detail=detail)
