"""The ledger of each product: its movements add up to its stock."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from operations.backup.snapshot import Snapshot, ids
from shop.domain.stock_invariant import Violation
from shop.repositories.keys import Keys

#: Products whose movements are read at once: a ledger has at most 10,000 entries.
MAX_PRODUCTS = 20


class MovementAudit:
    """Compares the movements of products with their records; first every record is added."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        #: Of products that have moved: stock, the sum of all movements, and of those that are no longer listed.
        self._sums: dict[str, tuple[int, int, int]] = {}

    def add_product(self, id: str, record: Mapping[str, str]) -> None:
        """Add the record of a product. Raises: KeyError, ValueError."""
        if "ledger" in record:
            self._sums[id] = int(record["stock"]), int(record["ledger"]), int(record.get("carried", 0))

    def violations(self, snapshot: Snapshot, names: frozenset[str]) -> Iterator[Violation]:
        """Yield what is wrong with the ledgers of the snapshot, which has keys of these names."""
        unseen, listed = dict(self._sums), iter(ids(names, self._keys.movements_prefix))
        while some := list(islice(listed, MAX_PRODUCTS)):
            yield from self._violations(snapshot, some, unseen)
        for id, expected in unseen.items():
            yield from _differences(id, expected, 0)

    def _violations(
        self, snapshot: Snapshot, products: Sequence[str], unseen: dict[str, tuple[int, int, int]]
    ) -> Iterator[Violation]:
        replies = snapshot.replies(("XRANGE", self._keys.movements(id), "-", "+") for id in products)
        for id, entries in zip(products, replies, strict=True):
            expected = unseen.pop(id, None)
            try:
                listed = _sum(entries)
            except (ValueError, TypeError, IndexError):
                yield Violation(code="unreadable", subject=f"product {id}", detail="its movements cannot be read")
            else:
                yield from _differences(id, expected, listed)


def _sum(entries: Iterable[tuple[bytes, Any]]) -> int:
    """Raises: TypeError where the entries are an error reply; ValueError, IndexError."""
    return sum(int(fields[fields.index(b"quantity") + 1]) for _, fields in entries)


def _differences(id: str, expected: tuple[int, int, int] | None, listed: int) -> Iterator[Violation]:
    if expected is None:
        yield _violation(id, "it has movements, and no record says so")
        return
    stock, ledger, carried = expected
    if ledger != stock:
        yield _violation(id, f"its stock is {stock}, and the sum of its movements is recorded as {ledger}")
    if carried + listed != ledger:
        detail = f"its movements add up to {carried + listed}, {carried} of them no longer listed, and not to {ledger}"
        yield _violation(id, detail)


def _violation(id: str, detail: str) -> Violation:
    return Violation(code="movement-law", subject=f"product {id}", detail=detail)
