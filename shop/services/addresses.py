"""Use cases of the addresses of the caller."""

from collections.abc import Callable, Sequence

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.addresses import MAX_ADDRESSES, Address, PostalAddress
from shop.domain.callers import Caller
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop


def address_create(
    *, shop: Shop, request: WriteRequest, caller: Caller, postal: PostalAddress, is_default: bool
) -> WriteResult[Address]:
    """Store an address. The first one becomes the default.

    Raises:
        NotFound: the caller is erased.
        TooManyAddresses.
    """
    now = shop.clock.now()
    address = Address(
        id=shop.ids.new(now), is_default=is_default, created_at=now, updated_at=now, version=1, **postal.values()
    )
    return shop.addresses.create(request, caller.id, address)


def address_get(*, shop: Shop, caller: Caller, id: str) -> Address:
    """Get an address. Raises: NotFound."""
    return shop.addresses.get(caller.id, id)


def address_list(*, shop: Shop, caller: Caller, size: int, position: Position | None) -> Page[Address]:
    """List addresses, newest first."""
    return shop.addresses.page(caller.id, size, position)


def address_list_all(*, shop: Shop, caller: Caller) -> Sequence[Address]:
    """List every address of the caller."""
    return shop.addresses.page(caller.id, MAX_ADDRESSES, None).results


def address_update(
    *,
    shop: Shop,
    request: WriteRequest,
    caller: Caller,
    id: str,
    change: Callable[[Address], PostalAddress],
    if_match: int | None,
) -> WriteResult[Address]:
    """Update an address to what `change` makes of the present one; a concurrent edit makes it run again.

    Raises:
        NotFound, PreconditionFailed, and what `change` raises.
    """
    now = shop.clock.now()

    def apply(address: Address) -> Address:
        return address.with_changes(at=now, **change(address).values())

    return shop.addresses.update(request, caller.id, id, apply, if_match)


def address_set_default(*, shop: Shop, request: WriteRequest, caller: Caller, id: str) -> WriteResult[Address]:
    """Make an address the default. Raises: NotFound."""
    return shop.addresses.set_default(request, caller.id, id)


def address_delete(
    *, shop: Shop, request: WriteRequest, caller: Caller, id: str, if_match: int | None
) -> WriteResult[None]:
    """Delete an address.

    Raises:
        NotFound, PreconditionFailed.
    """
    return shop.addresses.delete(request, caller.id, id, if_match)
