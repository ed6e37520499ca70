"""Addresses of users in Redis."""

from collections.abc import Callable

from exactly_once import Reply, Store, WriteCall, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from shop.domain.addresses import MAX_ADDRESSES, Address, AddressRepository
from shop.domain.errors import NotFound, PreconditionFailed, TooManyAddresses
from shop.domain.pages import Page, Position
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window
from shop.repositories.records.addresses import DEFAULT, read_address, stored_address


def _address(reply: Reply) -> Address:
    stored, default = reply.values
    return read_address(stored, default)


_PRECONDITION_FAILED = refuses(lambda reply: PreconditionFailed(int(reply.values[0])))
_NOT_FOUND = fails(lambda reply: NotFound("address", str(reply.args["address_id"])))

CREATE = WriteDeclaration(
    script="address_create",
    kind="user",
    keys=("user", "addresses"),
    args=("id", "address_id", "stored", "is_default", "max_addresses"),
    replies={
        "ADDRESS": returns(_address),
        "TOO_MANY": refuses(lambda reply: TooManyAddresses(f"The user has {MAX_ADDRESSES} addresses.")),
        "NOT_FOUND": fails(lambda reply: NotFound("user", reply.about)),
    },
    subject="id",
)
UPDATE = WriteDeclaration(
    script="address_update",
    kind="user",
    keys=("addresses",),
    args=("id", "address_id", "base", "if_match", "stored"),
    replies={"ADDRESS": returns(_address), "PRECONDITION_FAILED": _PRECONDITION_FAILED, "NOT_FOUND": _NOT_FOUND},
    subject="id",
    is_optimistic=True,
)
SET_DEFAULT = WriteDeclaration(
    script="address_set_default",
    kind="user",
    keys=("addresses",),
    args=("id", "address_id"),
    replies={"ADDRESS": returns(_address), "NOT_FOUND": _NOT_FOUND},
    subject="id",
)
DELETE: WriteDeclaration[None] = WriteDeclaration(
    script="address_delete",
    kind="user",
    keys=("addresses",),
    args=("id", "address_id", "if_match"),
    replies={
        "DELETED": returns(lambda reply: None),
        "PRECONDITION_FAILED": _PRECONDITION_FAILED,
        "NOT_FOUND": _NOT_FOUND,
    },
)


class RedisAddressRepository(AddressRepository):
    """Stores the addresses of a user in a hash: each one as JSON under its id, and the id of the default."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def get(self, user: str, id: str) -> Address:
        stored, default = self._store.read(("HMGET", self._keys.user_addresses(user), id, DEFAULT))
        if stored is None:
            raise NotFound("address", id)
        return read_address(stored, default)

    def page(self, user: str, size: int, position: Position | None) -> Page[Address]:
        record = records.pairs(self._store.read(("HGETALL", self._keys.user_addresses(user))))
        default = record.pop(DEFAULT, None)
        addresses = [(id, read_address(stored, default)) for id, stored in record.items()]
        return Window(size=size, position=position, descending=True).page_of(addresses)

    def create(self, request: WriteRequest, user: str, address: Address) -> WriteResult[Address]:
        call = CREATE.call(
            request,
            keys={"user": self._keys.user(user), "addresses": self._keys.user_addresses(user)},
            args={
                "id": user,
                "address_id": address.id,
                "stored": stored_address(address),
                "is_default": int(address.is_default),
                "max_addresses": MAX_ADDRESSES,
            },
            about=user,
            changes=[("address", None, None)],
        )
        return self._store.write(call)

    def update(
        self, request: WriteRequest, user: str, id: str, change: Callable[[Address], Address], if_match: int | None
    ) -> WriteResult[Address]:
        def prepare() -> WriteCall[Address]:
            address = self.get(user, id)
            changed = change(address) if if_match in (None, address.version) else address
            return self._put(request, user, address, changed, if_match)

        return self._store.write_optimistic(UPDATE, request, prepare)

    def set_default(self, request: WriteRequest, user: str, id: str) -> WriteResult[Address]:
        call = SET_DEFAULT.call(
            request,
            keys={"addresses": self._keys.user_addresses(user)},
            args={"id": user, "address_id": id},
            about=user,
            changes=[("default_address", None, None)],
        )
        return self._store.write(call)

    def delete(self, request: WriteRequest, user: str, id: str, if_match: int | None) -> WriteResult[None]:
        call = DELETE.call(
            request,
            keys={"addresses": self._keys.user_addresses(user)},
            args={"id": user, "address_id": id, "if_match": "" if if_match is None else if_match},
            about=user,
            changes=[("address", None, None)],
        )
        return self._store.write(call)

    def _put(
        self, request: WriteRequest, user: str, old: Address, new: Address, if_match: int | None
    ) -> WriteCall[Address]:
        return UPDATE.call(
            request,
            keys={"addresses": self._keys.user_addresses(user)},
            args={
                "id": user,
                "address_id": old.id,
                "base": old.version,
                "if_match": "" if if_match is None else if_match,
                "stored": stored_address(new),
            },
            about=user,
            changes=[("address", None, None)],
        )
