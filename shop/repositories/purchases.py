"""Purchases in Redis."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from exactly_once.reads import Reader
from exactly_once.writes import Reply, Write, Writer, each, refused
from shop.domain.errors import (
    Fault,
    InsufficientStock,
    Invalid,
    InvalidTransition,
    MixedCurrencies,
    NotFound,
    ShopError,
    Shortage,
    UnknownProduct,
)
from shop.domain.pages import Page, Position
from shop.domain.ports import PurchaseRepository
from shop.domain.purchases import TRANSITIONS, Line, Purchase, PurchaseQuery, Sales, Status, sources, summed
from shop.domain.requests import Caller, Done, WriteRequest
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window

#: The largest total, in minor units: what a script can add up exactly.
MOST_MONEY = 2**53 - 1


class RedisPurchaseRepository(PurchaseRepository):
    """Keeps each purchase in a hash, and its id in sets ordered by creation."""

    def __init__(self, reader: Reader, writer: Writer, keys: Keys) -> None:
        self._reader = reader
        self._writer = writer
        self._keys = keys

    def get(self, id: str, owner: str | None) -> Purchase:
        record = records.fields(self._reader.own(("HGETALL", self._keys.purchase(id))))
        if not record or (owner is not None and record["user"] != owner):
            raise NotFound("purchase", id)
        return records.purchase(record)

    def page(self, query: PurchaseQuery, size: int, position: Position | None) -> Page[Purchase]:
        window = Window(size=size, position=position, descending=query.descending)
        found = self._reader.own_script(
            "purchase_page",
            {"index": self._keys.purchase_index(query.user, query.status)},
            {**window.argv(), "purchase_prefix": self._keys.purchase_prefix},
        )
        purchases = [records.purchase(records.fields(flat)) for flat in found]
        return window.page([(purchase.id, purchase) for purchase in purchases])

    def sales(self, since: datetime) -> Sales:
        # Ids begin with the millisecond of their making, so the index of all purchases is one by time.
        first = f"{records.milliseconds(since):012x}"
        recent = ("ZLEXCOUNT", self._keys.purchases, f"[{first[:8]}-{first[8:]}", "+")
        return Sales(
            total=int(self._reader.catalogue(("ZCARD", self._keys.purchases))),
            recent=int(self._reader.catalogue(recent)),
        )

    def place(self, request: WriteRequest, id: str, user: str, lines: Sequence[Line], at: datetime) -> Done[Purchase]:
        return _placed(self._writer.write(self._placement(request, id, user, lines, at)))

    def place_all(
        self, purchases: Sequence[tuple[WriteRequest, str, str, Sequence[Line], datetime]]
    ) -> Sequence[Done[Purchase] | ShopError]:
        return each(self._writer.write_all([self._placement(*purchase) for purchase in purchases]), _placed)

    def move(
        self, request: WriteRequest, id: str, target: Status, *, by: Caller, restock: bool, at: datetime
    ) -> Done[Purchase]:
        reply = self._writer.write(
            Write(
                script="purchase_move",
                request=request,
                keys={
                    "purchase": self._keys.purchase(id),
                    "purchases": self._keys.purchases,
                    "in_stock": self._keys.in_stock,
                    "sold_out": self._keys.sold_out,
                },
                argv={
                    "id": id,
                    "target": target,
                    "sources": f" {' '.join(sources(target))} ",
                    "owner": "" if by.is_staff else by.id,
                    "by": by.id,
                    "at": records.milliseconds(at),
                    "restock": int(restock),
                    "product_prefix": self._keys.product_prefix,
                    "user_prefix": self._keys.user_prefix,
                },
            )
        )
        if reply.tag == "MOVED":
            return _done(reply)
        if reply.tag == "INVALID_TRANSITION":
            source = Status(reply.values[0])
            raise refused(InvalidTransition(source, target, TRANSITIONS[source]), reply)
        raise NotFound("purchase", id)

    def _placement(self, request: WriteRequest, id: str, user: str, lines: Sequence[Line], at: datetime) -> Write:
        return Write(
            script="purchase_place",
            request=request,
            keys={
                "purchase": self._keys.purchase(id),
                "user": self._keys.user(user),
                "in_stock": self._keys.in_stock,
                "sold_out": self._keys.sold_out,
                "purchases": self._keys.purchase_index(None, None),
                "placed": self._keys.purchase_index(None, Status.PLACED),
                "mine": self._keys.purchase_index(user, None),
                "mine_placed": self._keys.purchase_index(user, Status.PLACED),
            },
            argv={
                "id": id,
                "buyer": user,
                "at": records.milliseconds(at),
                "lines": orjson.dumps([[line.product, line.quantity] for line in summed(lines)]).decode(),
                "product_prefix": self._keys.product_prefix,
                "currency_most": MOST_MONEY,
            },
        )


def _done(reply: Reply) -> Done[Purchase]:
    return Done(value=records.purchase(records.fields(reply.values)), carried_out_by=reply.carried_out_by)


def _placed(reply: Reply) -> Done[Purchase]:
    if reply.tag == "PLACED":
        return _done(reply)
    raise _place_refusal(reply)


def _place_refusal(reply: Reply) -> Exception:
    if reply.tag == "NO_SUCH_USER":
        return NotFound("user", "who buys: they have been erased")
    if reply.tag == "TOTAL_TOO_LARGE":
        return Invalid(Fault("/items", "total-too-large", f"The total may be at most {MOST_MONEY} minor units."))
    found = orjson.loads(reply.values[0])
    if reply.tag == "UNKNOWN_PRODUCT":
        return refused(UnknownProduct(found), reply)
    if reply.tag == "MIXED_CURRENCIES":
        return refused(MixedCurrencies(found), reply)
    shortages = [Shortage(product=product, requested=wanted, available=left) for product, wanted, left in found]
    return refused(InsufficientStock(shortages), reply)
