"""Transitions of purchases in Redis, and those that the shop makes itself: it ends what is not paid in time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from exactly_once import (
    Consistency,
    Reply,
    Store,
    WriteCall,
    WriteDeclaration,
    WriteRequest,
    WriteResult,
    fails,
    refuses,
    returns,
)
from exactly_once.declarations import Outcome
from shop.domain.batches import NotDue, Unpaid
from shop.domain.errors import InvalidTransition, NotFound, TooManyShipments
from shop.domain.purchases import SYSTEM, TRANSITIONS, Purchase, Status
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.purchase_transitions import (
    GIVE_BACK_ARGS,
    RESTOCK_ARGS,
    RESTOCK_KEYS,
    TRANSITION_ARGS,
    TRANSITION_KEYS,
    named,
    units_exceeded,
)


def purchase_of(reply: Reply) -> Purchase:
    """The purchase that a script replied."""
    return records.PURCHASE.read_flat(reply.values)


def _invalid_transition(reply: Reply, target: str) -> InvalidTransition:
    # An earlier version recorded the status alone.
    source, stage = Status(reply.values[0]), Status(reply.values[-1])
    return InvalidTransition(source, target, TRANSITIONS[stage])


_NOT_FOUND: Outcome[Any] = fails(lambda reply: NotFound("purchase", reply.about))
_MOVE_ARGS = (*RESTOCK_ARGS, *TRANSITION_ARGS, *GIVE_BACK_ARGS)
#: The keys that a transition takes beside the purchase, and the beginnings of others.
MOVE_KEYS, MOVE_PREFIXES = ("payments_open", *TRANSITION_KEYS, *RESTOCK_KEYS), ("payment_prefix", *_MOVE_ARGS)
MOVE = WriteDeclaration(
    script="purchase_move",
    kind="purchase",
    keys=("purchase", *MOVE_KEYS),
    args=("id", "target", "sources", "owner", "by", "at", "restock_all", "refund_id", *MOVE_PREFIXES),
    replies={
        "MOVED": returns(purchase_of),
        "INVALID_TRANSITION": refuses(lambda reply: _invalid_transition(reply, str(reply.args["target"]))),
        "NOT_FOUND": _NOT_FOUND,
    },
    subject="buyer",
)
EXPIRE = WriteDeclaration(
    script="purchase_expire",
    kind="purchase",
    keys=("purchase", *TRANSITION_KEYS, *RESTOCK_KEYS),
    args=("id", "by", "at", *_MOVE_ARGS, "payment_prefix"),
    replies={
        "MOVED": returns(purchase_of),
        "POSTPONED": returns(purchase_of),
        "INVALID_TRANSITION": refuses(lambda reply: _invalid_transition(reply, Status.EXPIRED)),
        "NOT_DUE": fails(lambda reply: NotDue(reply.about)),
        "NOT_FOUND": _NOT_FOUND,
    },
    subject="buyer",
)
SHIP = WriteDeclaration(
    script="purchase_ship",
    kind="purchase",
    keys=("purchase", *TRANSITION_KEYS),
    args=("id", "by", "at", "lines", "carrier", "tracking", "max_shipments", *TRANSITION_ARGS, "payment_prefix"),
    replies={
        # As purchase_move replied, which shipped in earlier versions: a repeat may have its record.
        "MOVED": returns(purchase_of),
        "INVALID_TRANSITION": refuses(lambda reply: _invalid_transition(reply, Status.SHIPPED)),
        "UNITS_EXCEEDED": refuses(units_exceeded),
        "TOO_MANY_SHIPMENTS": refuses(lambda reply: TooManyShipments(int(reply.values[0]))),
        "NOT_FOUND": _NOT_FOUND,
    },
    subject="buyer",
)

FORGET = WriteDeclaration(
    script="purchase_forget",
    kind="purchase",
    keys=("purchases_to_forget",),
    args=("at", "max_purchases", "purchase_prefix"),
    replies={"FORGOTTEN": returns(lambda reply: int(reply.values[0]))},
)


def first_id(at: datetime) -> str:
    """What the ids of purchases placed at this instant or later begin with, or come after: an id begins with the
    millisecond of its making, so an index ordered by ids is one by time."""
    digits = f"{records.milliseconds(at):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _bound(placed_before: datetime | None) -> str:
    return f"({first_id(placed_before)}" if placed_before else ""


def _placed_at(id: str) -> datetime:
    return records.instant(int(id.replace("-", "")[:12], 16))


class RedisUnpaidPurchases:
    """Finds purchases that were not paid in time, in the index of those that must be by an instant of their own, and in
    that of those that are placed, which is one by time; and ends them."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def unpaid(self, placed_before: datetime | None, max_purchases: int, start: str = "", skipped: int = 0) -> Unpaid:
        ids, next_start = self._store.read_script(
            "purchase_unpaid",
            keys=self._indexes(),
            args={
                "from": start,
                "bound": _bound(placed_before),
                "wanted": max_purchases,
                "skipped": skipped,
                **named(self._keys, "purchase_prefix"),
            },
        )
        return Unpaid(ids=ids, next_start=next_start)

    def overdue_for(self, placed_before: datetime | None) -> timedelta:
        overdue_ms, first = self._store.read_script(
            "purchase_overdue",
            keys=self._indexes(),
            args={"bound": _bound(placed_before), **named(self._keys, "purchase_prefix", "payment_prefix")},
            consistency=Consistency.CAUSAL,
        )
        by_age = placed_before - _placed_at(first) if placed_before and first else timedelta(0)
        return max(timedelta(milliseconds=int(overdue_ms)), by_age)

    def expire_all(
        self, purchases: Sequence[tuple[WriteRequest, str]], at: datetime
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        return self._store.write_all([self._expiry(request, id, at) for request, id in purchases])

    def has_guests_to_forget(self, at: datetime) -> bool:
        until = records.milliseconds(at)
        return bool(self._store.read(("ZCOUNT", self._keys.purchases_to_forget, "-inf", until)))

    def forget_guests(self, request: WriteRequest, at: datetime, max_purchases: int) -> WriteResult[int]:
        call = FORGET.call(
            request,
            keys=named(self._keys, "purchases_to_forget"),
            args={
                "at": records.milliseconds(at),
                "max_purchases": max_purchases,
                **named(self._keys, "purchase_prefix"),
            },
            about="guests",
        )
        return self._store.write(call)

    def _expiry(self, request: WriteRequest, id: str, at: datetime) -> WriteCall[Purchase]:
        return EXPIRE.call(
            request,
            keys={"purchase": self._keys.purchase(id), **named(self._keys, *TRANSITION_KEYS, *RESTOCK_KEYS)},
            args={
                "id": id,
                "by": SYSTEM,
                "at": records.milliseconds(at),
                **named(self._keys, *_MOVE_ARGS, "payment_prefix"),
            },
            about=id,
        )

    def _indexes(self) -> dict[str, str]:
        return {
            "purchases_by_pay_by": self._keys.purchases_by_pay_by,
            "placed": self._keys.purchase_index(None, Status.PLACED),
        }
