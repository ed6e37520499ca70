"""The ledger of a product in Redis: a stream of movements, written by the scripts that change its stock."""

from collections.abc import Iterator, Sequence

from exactly_once import Consistency, Store
from shop.domain.errors import NotFound
from shop.domain.movements import Movement, MovementKind
from shop.domain.pages import Page, Position
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window

#: Of the movement that stands for those before the stream: smaller than every id of the stream.
FIRST_ID = "0-1"


class RedisMovements:
    """Reads movements, the newest first."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def movements(self, product: str, size: int, position: Position | None) -> Page[Movement]:
        window = Window(size=size, position=position, descending=True)
        edge = f"({position.key}" if position else "+"
        verb, first, last = ("XREVRANGE", edge, "-") if window.is_reversed else ("XRANGE", edge, "+")
        fields, rows = self._store.read_script(
            "product_movements",
            keys={"product": self._keys.product(product), "movements": self._keys.movements(product)},
            args={"verb": verb, "first": first, "last": last, "wanted": size + 1},
            consistency=Consistency.CAUSAL,
        )
        if fields[0] is None:
            raise NotFound("product", product)
        found = [(id, _movement(id, flat)) for id, flat in rows]
        if window.is_reversed and len(rows) <= size and not (position and position.key == FIRST_ID):
            found += [(FIRST_ID, movement) for movement in _before_the_stream(product, *fields)]
        return window.page(found)


def _movement(id: str, flat: Sequence[str]) -> Movement:
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return Movement(
        id=id,
        at=records.instant(int(id.partition("-")[0])),
        kind=MovementKind(fields["kind"]),
        quantity=int(fields["quantity"]),
        reference=fields["reference"],
        by=fields["by"] or None,
    )


def _before_the_stream(
    product: str, stock: str, created_at: str, ledger: str | None, carried: str | None
) -> Iterator[Movement]:
    """The movement that stands for what the stream does not have: all of the stock where nothing has moved yet, or the
    sum of what is too old to be listed."""
    if ledger is None:
        kind, quantity = MovementKind.OPENING, int(stock)
    elif carried is not None:
        kind, quantity = MovementKind.CARRIED, int(carried)
    else:
        return
    at = records.instant(int(created_at))
    yield Movement(id=FIRST_ID, at=at, kind=kind, quantity=quantity, reference=product, by=None)
