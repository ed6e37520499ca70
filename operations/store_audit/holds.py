"""The holds of each product: they add up to what its record says, and never to more than its stock."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from operations.backup.snapshot import Snapshot, ids
from shop.domain.stock_invariant import Violation
from shop.repositories.keys import Keys

#: Products whose holds are read at once: each has 1,000 at most.
MAX_PRODUCTS = 100


class HoldAudit:
    """Compares the holds of products with their records; first every record is added."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        #: Of products that carts have held: the units that are held, and the stock.
        self._held: dict[str, tuple[int, int]] = {}

    def add_product(self, id: str, record: Mapping[str, str]) -> None:
        """Add the record of a product. Raises: KeyError, ValueError."""
        if "held" in record:
            self._held[id] = int(record["held"]), int(record["stock"])

    def violations(self, snapshot: Snapshot, names: frozenset[str]) -> Iterator[Violation]:
        """Yield what is wrong with the holds of the snapshot, which has keys of these names."""
        unseen, listed = dict(self._held), iter(ids(names, self._keys.holds_prefix))
        while some := list(islice(listed, MAX_PRODUCTS)):
            yield from self._violations(snapshot, some, unseen)
        for id, expected in unseen.items():
            yield from _differences(id, expected, 0)

    def _violations(
        self, snapshot: Snapshot, products: Sequence[str], unseen: dict[str, tuple[int, int]]
    ) -> Iterator[Violation]:
        replies = snapshot.replies(("ZRANGE", self._keys.holds(id), 0, -1) for id in products)
        for id, members in zip(products, replies, strict=True):
            expected = unseen.pop(id, (0, 0))
            try:
                units = _sum(members)
            except (ValueError, TypeError):
                yield Violation(code="unreadable", subject=f"product {id}", detail="its holds cannot be read")
            else:
                yield from _differences(id, expected, units)


def _sum(members: Iterable[bytes]) -> int:
    """Raises: TypeError where the members are an error reply; ValueError."""
    return sum(int(member.rpartition(b":")[2]) for member in members)


def _differences(id: str, expected: tuple[int, int], units: int) -> Iterator[Violation]:
    held, stock = expected
    if held != units:
        yield _violation(id, f"its holds add up to {units}, and the record says {held}")
    if held > stock:
        yield _violation(id, f"{held} units are held, and its stock is {stock}")


def _violation(id: str, detail: str) -> Violation:
    return Violation(code="hold-law", subject=f"product {id}", detail=detail)
