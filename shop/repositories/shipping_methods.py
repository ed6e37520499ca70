"""Shipping methods in Redis."""

from collections.abc import Callable

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
from shop.domain.audit import differences
from shop.domain.errors import NotFound, PreconditionFailed, ShippingMethodTaken, TooManyShippingMethods
from shop.domain.pages import Page, Position
from shop.domain.shipping_methods import MAX_SHIPPING_METHODS, ShippingMethod, ShippingMethodRepository
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window


def _method(reply: Reply) -> ShippingMethod:
    return records.SHIPPING_METHOD.read_flat(reply.values)


_PRECONDITION_FAILED = refuses(lambda reply: PreconditionFailed(int(reply.values[0])))
_NOT_FOUND = fails(lambda reply: NotFound("shipping method", reply.about))

CREATE = WriteDeclaration(
    script="shipping_method_create",
    kind="shipping_method",
    keys=("shipping_method", "shipping_methods"),
    args=("code", "fields", "max_methods"),
    replies={
        "CREATED": returns(_method),
        "CODE_TAKEN": refuses(lambda reply: ShippingMethodTaken("Another shipping method has this code.")),
        "TOO_MANY": refuses(
            lambda reply: TooManyShippingMethods(f"The shop has {MAX_SHIPPING_METHODS} shipping methods.")
        ),
    },
)
UPDATE = WriteDeclaration(
    script="shipping_method_update",
    kind="shipping_method",
    keys=("shipping_method",),
    args=("code", "base", "if_match", "fields"),
    replies={"UPDATED": returns(_method), "PRECONDITION_FAILED": _PRECONDITION_FAILED, "NOT_FOUND": _NOT_FOUND},
    is_optimistic=True,
)
DELETE: WriteDeclaration[None] = WriteDeclaration(
    script="shipping_method_delete",
    kind="shipping_method",
    keys=("shipping_method", "shipping_methods"),
    args=("code", "if_match"),
    replies={
        "DELETED": returns(lambda reply: None),
        "PRECONDITION_FAILED": _PRECONDITION_FAILED,
        "NOT_FOUND": _NOT_FOUND,
    },
)


class RedisShippingMethodRepository(ShippingMethodRepository):
    """Stores each shipping method in a hash under its code, and the codes in an ordered set."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def get(self, code: str) -> ShippingMethod:
        return self._get(code, Consistency.CAUSAL)

    def page(self, size: int, position: Position | None) -> Page[ShippingMethod]:
        window = Window(size=size, position=position, descending=False)
        found = self._store.read_script(
            "shipping_method_page",
            keys={"shipping_methods": self._keys.shipping_methods},
            args={**window.args(), "shipping_method_prefix": self._keys.shipping_method_prefix},
            consistency=Consistency.CAUSAL,
        )
        methods = [records.SHIPPING_METHOD.read_flat(flat) for flat in found]
        return window.page([(method.code, method) for method in methods])

    def create(self, request: WriteRequest, method: ShippingMethod) -> WriteResult[ShippingMethod]:
        call = CREATE.call(
            request,
            keys={
                "shipping_method": self._keys.shipping_method(method.code),
                "shipping_methods": self._keys.shipping_methods,
            },
            args={
                "code": method.code,
                "fields": records.SHIPPING_METHOD.creation(method),
                "max_methods": MAX_SHIPPING_METHODS,
            },
            about=method.code,
            changes=[*differences({}, method.values())],
        )
        return self._store.write(call)

    def update(
        self,
        request: WriteRequest,
        code: str,
        change: Callable[[ShippingMethod], ShippingMethod],
        if_match: int | None,
    ) -> WriteResult[ShippingMethod]:
        def prepare() -> WriteCall[ShippingMethod]:
            method = self._get(code, Consistency.LINEARIZABLE)
            changed = change(method) if if_match in (None, method.version) else method
            return self._put(request, method, changed, if_match)

        return self._store.write_optimistic(UPDATE, request, prepare)

    def delete(self, request: WriteRequest, code: str, if_match: int | None) -> WriteResult[None]:
        call = DELETE.call(
            request,
            keys={
                "shipping_method": self._keys.shipping_method(code),
                "shipping_methods": self._keys.shipping_methods,
            },
            args={"code": code, "if_match": "" if if_match is None else if_match},
            about=code,
        )
        return self._store.write(call)

    def _get(self, code: str, consistency: Consistency) -> ShippingMethod:
        record = records.pairs(self._store.read(("HGETALL", self._keys.shipping_method(code)), consistency))
        if not record:
            raise NotFound("shipping method", code)
        return records.SHIPPING_METHOD.read(record)

    def _put(
        self, request: WriteRequest, old: ShippingMethod, new: ShippingMethod, if_match: int | None
    ) -> WriteCall[ShippingMethod]:
        return UPDATE.call(
            request,
            keys={"shipping_method": self._keys.shipping_method(old.code)},
            args={
                "code": old.code,
                "base": old.version,
                "if_match": "" if if_match is None else if_match,
                "fields": records.SHIPPING_METHOD.update(new),
            },
            about=old.code,
            changes=[*differences(old.values(), new.values())],
        )
