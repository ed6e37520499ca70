"""Conditional requests: what a client has seen, against what is there.

A tag is the version, which If-Match compares, and whatever else may change in the body: "version.rest".
"""

import re

from django.http import HttpRequest

from shop.domain.products import Product
from shop.domain.purchases import Purchase
from shop.domain.users import User

#: A version that nothing ever has.
NEVER = 0

_TAG = re.compile(r'"([^"]*)"')
_VERSION = re.compile(r"([1-9][0-9]{0,8})(?:\.[0-9a-f.-]+)?")


def product_tag(product: Product) -> str:
    """Changes with every edit and with the stock."""
    return f'"{product.version}.{product.stock}"'


def sku_tag(product: Product) -> str:
    """Changes too when the SKU goes to another product, which may be at the same version with the same stock."""
    return f'"{product.version}.{product.stock}.{product.id}"'


def user_tag(user: User) -> str:
    """Changes with every edit, and with who it is: /users/me/ is somebody else for every caller."""
    return f'"{user.version}.{user.id}"'


def purchase_tag(purchase: Purchase) -> str:
    """Changes with every step, and when somebody in it was erased."""
    erased = (purchase.user is None) + sum(event.by is None for event in purchase.history)
    return f'"{purchase.version}.{erased}"'


def if_match(request: HttpRequest) -> int | None:
    """The version that the client wants to change, or None where any will do."""
    header = request.META.get("HTTP_IF_MATCH")
    if header is None or header.strip() == "*":
        return None
    matches = map(_VERSION.fullmatch, _TAG.findall(header))
    # Versions only grow: of several that a client has seen, only the latest can still be there.
    return max((int(match[1]) for match in matches if match), default=NEVER)


def is_unchanged(request: HttpRequest, tag: str) -> bool:
    """Whether the client has just this already."""
    header = request.META.get("HTTP_IF_NONE_MATCH")
    return header is not None and (header.strip() == "*" or tag[1:-1] in _TAG.findall(header))
