"""Transitions of purchases in Redis, and those that the shop makes itself: it cancels what is not paid in time."""

from collections.abc import Sequence
from datetime import datetime

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
from shop.domain.errors import InvalidTransition, NotFound
from shop.domain.purchases import SYSTEM, TRANSITIONS, Purchase, Status
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.purchase_transitions import RESTOCK_ARGS, RESTOCK_KEYS, TRANSITION_ARGS, TRANSITION_KEYS, named


def purchase_of(reply: Reply) -> Purchase:
    """The purchase that a script replied."""
    return records.PURCHASE.read_flat(reply.values)


def _invalid_transition(reply: Reply) -> InvalidTransition:
    source = Status(reply.values[0])
    return InvalidTransition(source, str(reply.args["target"]), TRANSITIONS[source])


MOVE = WriteDeclaration(
    script="purchase_move",
    kind="purchase",
    keys=("purchase", *TRANSITION_KEYS, *RESTOCK_KEYS),
    args=("id", "target", "sources", "owner", "by", "at", "restock_all", *RESTOCK_ARGS, *TRANSITION_ARGS),
    replies={
        "MOVED": returns(purchase_of),
        "INVALID_TRANSITION": refuses(_invalid_transition),
        "NOT_FOUND": fails(lambda reply: NotFound("purchase", reply.about)),
    },
    subject="buyer",
)


def first_id(at: datetime) -> str:
    """What the ids of purchases placed at this instant or later begin with, or come after: an id begins with the
    millisecond of its making, so an index ordered by ids is one by time."""
    digits = f"{records.milliseconds(at):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _placed_at(id: str) -> datetime:
    return records.instant(int(id.replace("-", "")[:12], 16))


class RedisUnpaidPurchases:
    """Finds unpaid purchases in the index of those that are placed, which is one by time, and cancels them."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def unpaid(self, placed_before: datetime, max_purchases: int) -> Sequence[str]:
        index, bound = self._keys.purchase_index(None, Status.PLACED), f"({first_id(placed_before)}"
        found: Sequence[str] = self._store.read(("ZRANGE", index, "-", bound, "BYLEX", "LIMIT", 0, max_purchases))
        return found

    def oldest_unpaid_at(self) -> datetime | None:
        index = self._keys.purchase_index(None, Status.PLACED)
        first = self._store.read(("ZRANGE", index, 0, 0), Consistency.CAUSAL)
        return _placed_at(first[0]) if first else None

    def expire_all(
        self, purchases: Sequence[tuple[WriteRequest, str]], at: datetime
    ) -> Sequence[WriteResult[Purchase] | Exception]:
        open_statuses = (Status.PLACED,)
        return self._store.write_all(
            [
                self._move(request, id, Status.CANCELLED, open_statuses, "", SYSTEM, restock=True, at=at)
                for request, id in purchases
            ]
        )

    def _move(
        self,
        request: WriteRequest,
        id: str,
        target: Status,
        allowed: Sequence[Status],
        owner: str,
        by: str,
        restock: bool,
        at: datetime,
    ) -> WriteCall[Purchase]:
        return MOVE.call(
            request,
            keys={
                "purchase": self._keys.purchase(id),
                **named(self._keys, *TRANSITION_KEYS, *RESTOCK_KEYS),
            },
            args={
                "id": id,
                "target": target,
                "sources": f" {' '.join(allowed)} ",
                "owner": owner,
                "by": by,
                "at": records.milliseconds(at),
                "restock_all": int(restock),
                **named(self._keys, *RESTOCK_ARGS, *TRANSITION_ARGS),
            },
            about=id,
        )
