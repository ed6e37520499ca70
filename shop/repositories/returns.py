"""Returns in Redis."""

from collections.abc import Sequence
from datetime import datetime

from exactly_once import Reply, Store, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from exactly_once.declarations import Value
from shop.domain.callers import Caller
from shop.domain.errors import InvalidTransition, NotFound, TooManyReturns
from shop.domain.pages import Page, Position
from shop.domain.purchases import Units
from shop.domain.returns import (
    MAX_RETURNS,
    RETURN_TRANSITIONS,
    Return,
    ReturnQuery,
    ReturnRepository,
    ReturnStatus,
)
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window
from shop.repositories.purchase_transitions import RESTOCK_ARGS, RESTOCK_KEYS, named, units_exceeded
from shop.repositories.records.returns import lines_text

_PREFIXES = ("purchase_prefix", "user_prefix", "return_prefix")


def _return_of(reply: Reply) -> Return:
    return records.RETURN.read_flat(reply.values)


def _not_found(reply: Reply) -> NotFound:
    return NotFound("return", reply.about)


def _refused_as(target: ReturnStatus, reply: Reply) -> InvalidTransition:
    source = ReturnStatus(reply.values[0])
    return InvalidTransition(source, target, RETURN_TRANSITIONS[source], "return")


REQUEST = WriteDeclaration(
    script="return_request",
    kind="return",
    keys=("record", "purchase_returns", "returns"),
    args=("id", "purchase_id", "owner", "lines", "fields", *_PREFIXES),
    replies={
        "REQUESTED": returns(_return_of),
        "UNITS_EXCEEDED": refuses(units_exceeded),
        "TOO_MANY_RETURNS": refuses(lambda reply: TooManyReturns(MAX_RETURNS)),
        "NOT_FOUND": fails(lambda reply: NotFound("purchase", str(reply.args["purchase_id"]))),
    },
    subject="buyer",
)
MOVE = WriteDeclaration(
    script="return_move",
    kind="return",
    keys=("record", "returns"),
    args=("id", "target", "sources", "at", *_PREFIXES),
    replies={
        "MOVED": returns(_return_of),
        "INVALID_TRANSITION": refuses(lambda reply: _refused_as(ReturnStatus(str(reply.args["target"])), reply)),
        "NOT_FOUND": fails(_not_found),
    },
    subject="buyer",
)
RECEIVE = WriteDeclaration(
    script="return_receive",
    kind="return",
    keys=("record", "returns", *RESTOCK_KEYS),
    args=("id", "lines", "restock_units", "by", "at", *RESTOCK_ARGS, *_PREFIXES),
    replies={
        "RECEIVED": returns(_return_of),
        "INVALID_TRANSITION": refuses(lambda reply: _refused_as(ReturnStatus.RECEIVED, reply)),
        "UNITS_EXCEEDED": refuses(units_exceeded),
        "NOT_FOUND": fails(_not_found),
    },
    subject="buyer",
)


class RedisReturnRepository(ReturnRepository):
    """Stores each return in a hash, and its id in sets ordered by creation: of all, by status, and by purchase."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def get(self, id: str, owner: str | None) -> Return:
        buyer, flat = self._store.read_script(
            "return_get", keys={"record": self._keys.return_record(id)}, args={"id": id, **self._prefixes()}
        )
        if not flat or owner not in (None, buyer):
            raise NotFound("return", id)
        return records.RETURN.read_flat(flat)

    def page(self, query: ReturnQuery, owner: str | None, size: int, position: Position | None) -> Page[Return]:
        window = Window(size=size, position=position, descending=True)
        found = self._store.read_script(
            "return_page",
            keys={"index": self._index(query)},
            args={
                **window.args(),
                "purchase_id": query.purchase or "",
                "owner": owner or "",
                **self._prefixes(),
            },
        )
        if found is None:
            raise NotFound("purchase", str(query.purchase))
        return window.page([(each.id, each) for each in map(records.RETURN.read_flat, found)])

    def request(
        self,
        request: WriteRequest,
        id: str,
        purchase: str,
        lines: Sequence[Units],
        reason: str,
        *,
        by: Caller,
        at: datetime,
    ) -> WriteResult[Return]:
        made = Return(
            id=id,
            purchase=purchase,
            status=ReturnStatus.REQUESTED,
            lines=lines,
            reason=reason,
            created_at=at,
            updated_at=at,
            version=1,
        )
        call = REQUEST.call(
            request,
            keys={
                "record": self._keys.return_record(id),
                "purchase_returns": self._keys.purchase_returns(purchase),
                "returns": self._keys.returns,
            },
            args={
                "id": id,
                "purchase_id": purchase,
                "owner": "" if by.reaches_all else by.id,
                "lines": lines_text(lines),
                "fields": records.RETURN.creation(made),
                **self._prefixes(),
            },
            about=id,
        )
        return self._store.write(call)

    def approve(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[Return]:
        return self._move(request, id, ReturnStatus.APPROVED, at)

    def refuse(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[Return]:
        return self._move(request, id, ReturnStatus.REFUSED, at)

    def receive(
        self, request: WriteRequest, id: str, lines: Sequence[Units], *, restock: bool, by: Caller, at: datetime
    ) -> WriteResult[Return]:
        call = RECEIVE.call(
            request,
            keys={
                "record": self._keys.return_record(id),
                "returns": self._keys.returns,
                **named(self._keys, *RESTOCK_KEYS),
            },
            args={
                "id": id,
                "lines": lines_text(lines),
                "restock_units": int(restock),
                "by": by.id,
                "at": records.milliseconds(at),
                **named(self._keys, *RESTOCK_ARGS),
                **self._prefixes(),
            },
            about=id,
        )
        return self._store.write(call)

    def _move(self, request: WriteRequest, id: str, target: ReturnStatus, at: datetime) -> WriteResult[Return]:
        sources = [source for source, targets in RETURN_TRANSITIONS.items() if target in targets]
        call = MOVE.call(
            request,
            keys={"record": self._keys.return_record(id), "returns": self._keys.returns},
            args={
                "id": id,
                "target": target,
                "sources": f" {' '.join(sources)} ",
                "at": records.milliseconds(at),
                **self._prefixes(),
            },
            about=id,
        )
        return self._store.write(call)

    def _index(self, query: ReturnQuery) -> str:
        if query.purchase is not None:
            return self._keys.purchase_returns(query.purchase)
        if query.user is not None:
            return self._keys.user_returns(query.user)
        return self._keys.return_index(query.status)

    def _prefixes(self) -> dict[str, Value]:
        return {**named(self._keys, *_PREFIXES)}
