"""Purchases in Redis."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from exactly_once import Reply, Store, WriteCall, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from exactly_once.declarations import Value
from exactly_once.reads import Consistency
from shop.domain.callers import Caller
from shop.domain.errors import (
    FieldError,
    InsufficientStock,
    Invalid,
    MixedCurrencies,
    NotFound,
    Shortage,
    TooManyOpenPurchases,
    UnknownProduct,
)
from shop.domain.pages import Page, Position
from shop.domain.payments import last_refund_id
from shop.domain.ports import PurchaseRepository
from shop.domain.purchases import (
    MAX_SHIPMENTS,
    Event,
    Line,
    Purchase,
    PurchaseQuery,
    Sales,
    Shipment,
    Status,
    merge_lines,
    sources,
)
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window
from shop.repositories.purchase_transitions import RESTOCK_ARGS, TRANSITION_ARGS, TRANSITION_KEYS, named
from shop.repositories.records.returns import lines_text
from shop.repositories.unpaid_purchases import (
    MOVE,
    MOVE_KEYS,
    MOVE_PREFIXES,
    SHIP,
    RedisUnpaidPurchases,
    first_id,
    purchase_of,
)

#: The largest total, in minor units: what a script can add up exactly.
MAX_TOTAL_MINOR = 2**53 - 1
PLACED_ONLY = (Status.PLACED,)
#: Ids are hexadecimal.
_AFTER_EVERY_ID = "g"


def _refused_lines(reply: Reply) -> tuple[Sequence[Any], Sequence[Any]]:
    """What the script has recorded, and the lines of the request: the record names them by their places, so that it is
    small, and a repeat has the same lines."""
    return orjson.loads(reply.values[0]), orjson.loads(str(reply.args["lines"]))


def _insufficient_stock(reply: Reply) -> InsufficientStock:
    rows, lines = _refused_lines(reply)
    # An earlier version recorded the product, and the requested and available units.
    whole = [row if len(row) == 3 else [*lines[row[0] - 1], row[1]] for row in rows]
    return InsufficientStock([Shortage(product=row[0], requested=row[1], available=row[2]) for row in whole])


def _unknown_product(reply: Reply) -> UnknownProduct:
    places, lines = _refused_lines(reply)
    # An earlier version recorded the products.
    unknown = [[place] if isinstance(place, str) else lines[place - 1] for place in places]
    return UnknownProduct(
        [line[0] for line in unknown if len(line) != 3], [line[0] for line in unknown if len(line) == 3]
    )


def _line(line: Line) -> Sequence[Any]:
    """A line as the script has it; a third element marks a SKU."""
    return [line.sku, line.quantity, True] if line.sku else [line.product, line.quantity]


def _ids_within(query: PurchaseQuery) -> tuple[str, str]:
    """The ids of purchases placed within the times of the query: from the first, to below the second."""
    low = first_id(query.since) if query.since else ""
    return low, first_id(query.until) if query.until else _AFTER_EVERY_ID


def _first_bound(query: PurchaseQuery, low: str, high: str) -> dict[str, Value]:
    """Where the first page of a list begins that has a limit of time there."""
    if query.descending:
        return {"bound": f"({high}"} if query.until else {}
    return {"bound": f"[{low}"} if query.since else {}


def total_too_large(_: Reply) -> Invalid:
    """The error of a total that is more than MAX_TOTAL_MINOR."""
    detail = f"The total may be at most {MAX_TOTAL_MINOR} minor units."
    return Invalid(FieldError("/items", "total-too-large", detail))


PLACE = WriteDeclaration(
    script="purchase_place",
    kind="purchase",
    keys=(
        "purchase",
        "user",
        "skus",
        "in_stock",
        "sold_out",
        "purchases",
        "purchases_of_status",
        "user_purchases",
        "user_purchases_of_status",
        "user_placed",
    ),
    args=(
        "id",
        "buyer",
        "fields",
        "lines",
        "product_prefix",
        "movements_prefix",
        "holds_prefix",
        "max_total",
        "user_prefix",
        "max_open",
    ),
    replies={
        "PLACED": returns(purchase_of),
        "TOO_MANY_OPEN": refuses(lambda reply: TooManyOpenPurchases(int(reply.values[0]))),
        "UNKNOWN_PRODUCT": refuses(_unknown_product),
        "MIXED_CURRENCIES": refuses(lambda reply: MixedCurrencies(orjson.loads(reply.values[0]))),
        "INSUFFICIENT_STOCK": refuses(_insufficient_stock),
        "TOTAL_TOO_LARGE": fails(total_too_large),
        "NO_SUCH_USER": fails(lambda reply: NotFound("user", "who buys: they have been erased")),
    },
    subject="buyer",
)


def _new_purchase(id: str, user: str, at: datetime, path: Sequence[Status]) -> str:
    """What is known of a purchase before the script adds up its lines."""
    return records.PURCHASE.creation_of(
        {
            "id": id,
            "user": user,
            "status": path[-1],
            "created_at": at,
            "updated_at": at,
            "version": len(path),
            "history": tuple(Event(status=status, at=at, by=user) for status in path),
        }
    )


class RedisPurchaseRepository(RedisUnpaidPurchases, PurchaseRepository):
    """Stores each purchase in a hash, and its id in sets ordered by creation."""

    def __init__(self, store: Store, keys: Keys, max_open: int = 0) -> None:
        super().__init__(store, keys)
        self._max_open = max_open

    def get(self, id: str, owner: str | None) -> Purchase:
        found = self._store.read_script(
            "purchase_get", keys={"purchase": self._keys.purchase(id)}, args={"user_prefix": self._keys.user_prefix}
        )
        record = records.pairs(found)
        if not record or (owner is not None and record["user"] != owner):
            raise NotFound("purchase", id)
        return records.PURCHASE.read(record)

    def page(self, query: PurchaseQuery, size: int, position: Position | None) -> Page[Purchase]:
        window = Window(size=size, position=position, descending=query.descending)
        low, high = _ids_within(query)
        is_cut, found = self._store.read_script(
            "purchase_page",
            keys={"index": self._keys.purchase_index(query.user, query.status)},
            args={
                **window.args(),
                **({} if position else _first_bound(query, low, high)),
                "purchase_prefix": self._keys.purchase_prefix,
                "user_prefix": self._keys.user_prefix,
            },
        )
        purchases = [records.PURCHASE.read_flat(flat) for flat in found]
        within = [(purchase.id, purchase) for purchase in purchases if low <= purchase.id < high]
        # What is beyond a limit of time is no part of the list: it ends there.
        return window.page(within, is_cut=bool(is_cut) and len(within) == len(purchases))

    def sales(self, since: datetime) -> Sales:
        recent = ("ZLEXCOUNT", self._keys.purchases, f"[{first_id(since)}", "+")
        return Sales(
            total=int(self._store.read(("ZCARD", self._keys.purchases), Consistency.CAUSAL)),
            recent=int(self._store.read(recent, Consistency.CAUSAL)),
        )

    def place(
        self, request: WriteRequest, id: str, user: str, lines: Sequence[Line], at: datetime
    ) -> WriteResult[Purchase]:
        return self._store.write(self._placement(request, id, user, lines, at, self._max_open))

    def place_all(
        self,
        purchases: Sequence[tuple[WriteRequest, str, str, Sequence[Line], datetime]],
        path: Sequence[Status] = PLACED_ONLY,
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        return self._store.write_all([self._placement(*purchase, max_open=0, path=path) for purchase in purchases])

    def move(
        self, request: WriteRequest, id: str, target: Status, *, by: Caller, restock: bool, at: datetime
    ) -> WriteResult[Purchase]:
        call = MOVE.call(
            request,
            keys={"purchase": self._keys.purchase(id), **named(self._keys, *MOVE_KEYS)},
            args={
                "id": id,
                "target": target,
                "sources": f" {' '.join(sources(target))} ",
                "owner": "" if by.reaches_all else by.id,
                "by": by.id,
                "at": records.milliseconds(at),
                "restock_all": int(restock),
                "refund_id": last_refund_id(id),
                **named(self._keys, *MOVE_PREFIXES),
            },
            about=id,
        )
        return self._store.write(call)

    def ship(self, request: WriteRequest, id: str, shipment: Shipment, *, by: Caller) -> WriteResult[Purchase]:
        call = SHIP.call(
            request,
            keys={"purchase": self._keys.purchase(id), **named(self._keys, *TRANSITION_KEYS)},
            args={
                "id": id,
                "by": by.id,
                "at": records.milliseconds(shipment.at),
                "lines": lines_text(shipment.lines),
                "carrier": shipment.carrier,
                "tracking": shipment.tracking,
                "max_shipments": MAX_SHIPMENTS,
                **named(self._keys, *TRANSITION_ARGS, "payment_prefix"),
            },
            about=id,
        )
        return self._store.write(call)

    def _placement(
        self,
        request: WriteRequest,
        id: str,
        user: str,
        lines: Sequence[Line],
        at: datetime,
        max_open: int,
        path: Sequence[Status] = PLACED_ONLY,
    ) -> WriteCall[Purchase]:
        return PLACE.call(
            request,
            keys={
                "purchase": self._keys.purchase(id),
                "user": self._keys.user(user),
                "skus": self._keys.skus,
                "in_stock": self._keys.in_stock,
                "sold_out": self._keys.sold_out,
                "purchases": self._keys.purchase_index(None, None),
                "purchases_of_status": self._keys.purchase_index(None, path[-1]),
                "user_purchases": self._keys.purchase_index(user, None),
                "user_placed": self._keys.purchase_index(user, Status.PLACED),
                "user_purchases_of_status": self._keys.purchase_index(user, path[-1]),
            },
            args={
                "id": id,
                "buyer": user,
                "fields": _new_purchase(id, user, at, path),
                "lines": orjson.dumps([_line(line) for line in merge_lines(lines)]).decode(),
                **named(self._keys, *RESTOCK_ARGS, "holds_prefix", "user_prefix"),
                "max_total": MAX_TOTAL_MINOR,
                "max_open": max_open,
            },
            about=id,
        )
