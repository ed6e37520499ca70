"""The token of a guest's cart, which a client sends as a header of its own: beside it, a user may be signed in."""

from django.http import HttpRequest

from shop.api.limits import MAX_TOKEN_CHARS
from shop.domain.carts import CartCaller
from shop.domain.ports import Shop

HEADER = "X-Cart-Token"
VARIABLE = "HTTP_X_CART_TOKEN"


def has_cart_token(request: HttpRequest) -> bool:
    """Whether the request has a text that may be a cart's token."""
    return 0 < len(request.META.get(VARIABLE, "")) <= MAX_TOKEN_CHARS


def cart_token_digest(shop: Shop, request: HttpRequest) -> str:
    """Return the digest of the cart's token; empty where the request has none."""
    return shop.secrets.digest(request.META[VARIABLE]) if has_cart_token(request) else ""


def cart_caller(shop: Shop, request: HttpRequest, user: str) -> CartCaller:
    """Return the caller of a cart: this user, empty for a guest, with the token that the request has."""
    return CartCaller(user=user, token=cart_token_digest(shop, request))
