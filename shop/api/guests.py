"""Guests: they have no account that a limit could count for, so their network has it."""

from django.http import HttpRequest

from exactly_once.requests import WriteRequest
from shop.api.client_address import client_network
from shop.api.rate_limits import of_guests
from shop.domain.ports import Shop
from shop.services.admission import network_admit


def admit_guest(shop: Shop, request: HttpRequest, write: WriteRequest) -> None:
    """Admit a cart that a guest makes or buys, or a payment that one begins.

    Raises: RateLimited."""
    network_admit(shop=shop, limit=of_guests(request), network=client_network(request), request=write)
