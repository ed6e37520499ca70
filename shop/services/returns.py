"""Use cases of returns."""

from collections.abc import Sequence

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller
from shop.domain.errors import NotFound
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.purchases import Units, merge_units
from shop.domain.returns import Return, ReturnQuery


def return_request(
    *, shop: Shop, request: WriteRequest, caller: Caller, purchase: str, lines: Sequence[Units], reason: str
) -> WriteResult[Return]:
    """Ask to return units of a purchase that have been shipped; those of one product are summed.

    Raises:
        NotFound, UnitsExceeded, TooManyReturns.
    """
    now = shop.clock.now()
    return shop.returns.request(request, shop.ids.new(now), purchase, merge_units(lines), reason, by=caller, at=now)


def return_get(*, shop: Shop, caller: Caller, id: str) -> Return:
    """Get a return: of the caller's own purchase, or for staff and API keys of any.

    Raises:
        NotFound.
    """
    return shop.returns.get(id, _owner(caller))


def guest_return_get(*, shop: Shop, token: str, id: str) -> Return:
    """Get a return of a purchase that a guest made of the cart whose token has this digest.

    Raises:
        NotFound.
    """
    found = shop.returns.get(id, None)
    try:
        shop.checkouts.guest_purchase(found.purchase, token)
    except NotFound:
        raise NotFound("return", id) from None
    return found


def return_list(
    *, shop: Shop, caller: Caller, query: ReturnQuery, size: int, position: Position | None
) -> Page[Return]:
    """List returns, newest first: of one purchase, or for staff and API keys of all.

    Raises:
        NotFound, where the purchase is not the caller's.
    """
    return shop.returns.page(query, _owner(caller), size, position)


def return_approve(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[Return]:
    """Approve a requested return: the buyer may send the units.

    Raises:
        NotFound, InvalidTransition.
    """
    return shop.returns.approve(request, id, shop.clock.now())


def return_refuse(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[Return]:
    """Refuse a requested or approved return: its units may be in another one.

    Raises:
        NotFound, InvalidTransition.
    """
    return shop.returns.refuse(request, id, shop.clock.now())


def return_receive(
    *,
    shop: Shop,
    request: WriteRequest,
    caller: Caller,
    id: str,
    restock: bool,
    lines: Sequence[Units] = (),
) -> WriteResult[Return]:
    """Receive these units of an approved return, or all of it without lines. With `restock` those return to stock that
    have not yet.

    Raises:
        NotFound, InvalidTransition, UnitsExceeded.
    """
    merged = merge_units(lines)
    return shop.returns.receive(request, id, merged, restock=restock, by=caller, at=shop.clock.now())


def _owner(caller: Caller) -> str | None:
    return None if caller.reaches_all else caller.id
