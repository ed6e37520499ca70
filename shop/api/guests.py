"""Guests: they have no account that a limit could count for, so their network has it."""

from django.http import HttpRequest

from exactly_once.requests import WriteRequest
from shop.api.cart_tokens import cart_token_digest
from shop.api.client_address import client_network
from shop.api.rate_limits import of_guests
from shop.api.viewsets import ShopViewSet
from shop.domain.callers import Caller
from shop.domain.ports import Shop
from shop.services.admission import network_admit
from shop.services.carts import guest_caller


def admit_guest(shop: Shop, request: HttpRequest, write: WriteRequest) -> None:
    """Admit a cart that a guest makes or buys, or a payment that one begins.

    Raises: RateLimited."""
    network_admit(shop=shop, limit=of_guests(request), network=client_network(request), request=write)


def buyer_of(view: ShopViewSet, purchase: str) -> Caller:
    """Return the caller; for a guest, the one that acts on this purchase, where the token is that of its cart.

    Raises: NotFound."""
    known = view.known_caller
    if known is not None:
        return known
    token = cart_token_digest(view.shop, view.request._request)
    return guest_caller(shop=view.shop, token=token, purchase=purchase)
