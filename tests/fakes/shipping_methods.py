"""Shipping methods in memory."""

from collections.abc import Callable

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.audit import differences
from shop.domain.errors import NotFound, PreconditionFailed, ShippingMethodTaken, TooManyShippingMethods
from shop.domain.events import EventType
from shop.domain.pages import Page, Position
from shop.domain.shipping_methods import MAX_SHIPPING_METHODS, ShippingMethod, ShippingMethodRepository
from tests.fakes.paging import SortKey, page_of
from tests.fakes.store import FakeStore


class FakeShippingMethods(ShippingMethodRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def get(self, code: str) -> ShippingMethod:
        with self._store.reading():
            return self._found(code)

    def page(self, size: int, position: Position | None) -> Page[ShippingMethod]:
        with self._store.reading():
            methods = self._store.shipping_methods.values()
            return page_of(methods, _code, descending=False, size=size, position=position)

    def create(self, request: WriteRequest, method: ShippingMethod) -> WriteResult[ShippingMethod]:
        def effect() -> ShippingMethod:
            if method.code in self._store.shipping_methods:
                raise ShippingMethodTaken
            if len(self._store.shipping_methods) >= MAX_SHIPPING_METHODS:
                raise TooManyShippingMethods
            self._store.shipping_methods[method.code] = method
            self._store.note(f"shipping_method:{method.code}", *differences({}, method.values()))
            self._store.emit(EventType.SHIPPING_METHOD_CREATED, method.code, {"version": 1})
            return method

        return self._store.once(request, effect)

    def update(
        self,
        request: WriteRequest,
        code: str,
        change: Callable[[ShippingMethod], ShippingMethod],
        if_match: int | None,
    ) -> WriteResult[ShippingMethod]:
        def effect() -> ShippingMethod:
            present = self._matching(code, if_match)
            method = change(present)
            self._store.shipping_methods[code] = method
            self._store.note(f"shipping_method:{code}", *differences(present.values(), method.values()))
            self._store.emit(EventType.SHIPPING_METHOD_UPDATED, code, {"version": method.version})
            return method

        return self._store.once(request, effect)

    def delete(self, request: WriteRequest, code: str, if_match: int | None) -> WriteResult[None]:
        def effect() -> None:
            method = self._matching(code, if_match)
            del self._store.shipping_methods[code]
            self._store.note(f"shipping_method:{code}")
            self._store.emit(EventType.SHIPPING_METHOD_DELETED, code, {"version": method.version})

        return self._store.once(request, effect)

    def _matching(self, code: str, if_match: int | None) -> ShippingMethod:
        method = self._found(code)
        if if_match not in (None, method.version):
            raise PreconditionFailed(method.version)
        return method

    def _found(self, code: str) -> ShippingMethod:
        if code not in self._store.shipping_methods:
            raise NotFound("shipping method", code)
        return self._store.shipping_methods[code]


def _code(method: ShippingMethod) -> SortKey:
    return (method.code,)
