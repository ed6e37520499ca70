"""Addresses of users in memory."""

from collections.abc import Callable
from dataclasses import replace

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.addresses import MAX_ADDRESSES, Address, AddressRepository
from shop.domain.errors import NotFound, PreconditionFailed, TooManyAddresses
from shop.domain.events import EventType
from shop.domain.pages import Page, Position
from tests.fakes.paging import SortKey, page_of
from tests.fakes.store import FakeStore


class FakeAddresses(AddressRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def get(self, user: str, id: str) -> Address:
        with self._store.reading():
            return self._found(user, id)

    def page(self, user: str, size: int, position: Position | None) -> Page[Address]:
        with self._store.reading():
            every = [self._found(user, id) for id in self._store.addresses.get(user, {})]
            return page_of(every, _creation, descending=True, size=size, position=position)

    def create(self, request: WriteRequest, user: str, address: Address) -> WriteResult[Address]:
        def effect() -> Address:
            if user not in self._store.users:
                raise NotFound("user", user)
            theirs = self._store.addresses.setdefault(user, {})
            if len(theirs) >= MAX_ADDRESSES:
                raise TooManyAddresses
            if address.is_default or not theirs:
                self._store.default_addresses[user] = address.id
            return self._put(user, address)

        return self._store.once(request, effect, lambda _: user)

    def update(
        self,
        request: WriteRequest,
        user: str,
        id: str,
        change: Callable[[Address], Address],
        if_match: int | None,
    ) -> WriteResult[Address]:
        return self._store.once(
            request, lambda: self._put(user, change(self._matching(user, id, if_match))), lambda _: user
        )

    def set_default(self, request: WriteRequest, user: str, id: str) -> WriteResult[Address]:
        def effect() -> Address:
            self._found(user, id)
            self._store.default_addresses[user] = id
            self._changed(user, id, "default_address")
            return self._found(user, id)

        return self._store.once(request, effect, lambda _: user)

    def delete(self, request: WriteRequest, user: str, id: str, if_match: int | None) -> WriteResult[None]:
        def effect() -> None:
            self._matching(user, id, if_match)
            del self._store.addresses[user][id]
            if self._store.default_addresses.get(user) == id:
                del self._store.default_addresses[user]
            self._changed(user, id, "address")

        return self._store.once(request, effect)

    def _put(self, user: str, address: Address) -> Address:
        self._store.addresses[user][address.id] = replace(address, is_default=False)
        self._changed(user, address.id, "address")
        return self._found(user, address.id)

    def _changed(self, user: str, id: str, field: str) -> None:
        self._store.note(f"user:{user}", (field, None, None))
        self._store.emit(EventType.USER_ADDRESSES_CHANGED, user, {"address": id})

    def _matching(self, user: str, id: str, if_match: int | None) -> Address:
        address = self._found(user, id)
        if if_match not in (None, address.version):
            raise PreconditionFailed(address.version)
        return address

    def _found(self, user: str, id: str) -> Address:
        address = self._store.addresses.get(user, {}).get(id)
        if address is None:
            raise NotFound("address", id)
        return replace(address, is_default=self._store.default_addresses.get(user) == id)


def _creation(address: Address) -> SortKey:
    return (address.id,)
