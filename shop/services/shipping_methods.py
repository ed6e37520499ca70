"""Use cases of shipping methods."""

from collections.abc import Callable

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.shipping_methods import ShippingMethod, ShippingMethodDetails


def shipping_method_create(
    *, shop: Shop, request: WriteRequest, code: str, details: ShippingMethodDetails
) -> WriteResult[ShippingMethod]:
    """Create a shipping method.

    Raises:
        ShippingMethodTaken, TooManyShippingMethods.
    """
    now = shop.clock.now()
    method = ShippingMethod(code=code, created_at=now, updated_at=now, version=1, **details.values())
    return shop.shipping_methods.create(request, method)


def shipping_method_get(*, shop: Shop, code: str) -> ShippingMethod:
    """Get a shipping method. Raises: NotFound."""
    return shop.shipping_methods.get(code)


def shipping_method_list(*, shop: Shop, size: int, position: Position | None) -> Page[ShippingMethod]:
    """List shipping methods, by code."""
    return shop.shipping_methods.page(size, position)


def shipping_method_update(
    *,
    shop: Shop,
    request: WriteRequest,
    code: str,
    change: Callable[[ShippingMethod], ShippingMethodDetails],
    if_match: int | None,
) -> WriteResult[ShippingMethod]:
    """Update a shipping method to the details that `change` makes of the present one; a concurrent edit makes it run
    again.

    Raises:
        NotFound, PreconditionFailed, and what `change` raises.
    """
    now = shop.clock.now()

    def apply(method: ShippingMethod) -> ShippingMethod:
        return method.with_changes(at=now, **change(method).values())

    return shop.shipping_methods.update(request, code, apply, if_match)


def shipping_method_delete(*, shop: Shop, request: WriteRequest, code: str, if_match: int | None) -> WriteResult[None]:
    """Delete a shipping method.

    Raises:
        NotFound, PreconditionFailed.
    """
    return shop.shipping_methods.delete(request, code, if_match)
