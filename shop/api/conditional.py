"""Conditional requests: entity tags of the resources, and the preconditions that a client states (RFC 9110, 13.1).

A tag is "version.rest". If-Match compares the version, which a sale leaves alone; If-None-Match compares the whole tag,
which changes with everything in the body. Django's `condition` compares whole tags in both cases.
"""

import re
from hashlib import sha256

from django.http import HttpRequest
from django.utils.http import parse_etags

from shop.domain.addresses import Address
from shop.domain.payments import Payment
from shop.domain.products import Product
from shop.domain.purchases import Purchase
from shop.domain.returns import Return
from shop.domain.shipping_methods import ShippingMethod
from shop.domain.users import User
from shop.domain.vouchers import Voucher

#: No resource ever has this version.
UNMATCHABLE_VERSION = 0

_DIGEST_CHARS = 32
_VERSION = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})(?:\.[0-9a-f.-]+)?"')


def product_etag(product: Product) -> str:
    """ETag of a product at its id: changes with every edit and with every change of the stock."""
    return f'"{_product_state(product)}"'


def sku_etag(product: Product) -> str:
    """ETag of a product at its SKU: includes the id, because the SKU may name another product later."""
    return f'"{_product_state(product)}.{product.id}"'


def user_etag(user: User) -> str:
    """ETag of a user: includes the id, because /users/me/ is a different user for each caller."""
    return f'"{user.version}.{user.id}"'


def purchase_etag(purchase: Purchase) -> str:
    """ETag of a purchase: changes with every transition, and when one of its users is erased."""
    erased = (purchase.user is None) + sum(event.by is None for event in purchase.history)
    return f'"{purchase.version}.{erased}"'


def payment_etag(payment: Payment) -> str:
    """ETag of a payment: changes with everything that is known of it."""
    return f'"{payment.version}"'


def voucher_etag(voucher: Voucher) -> str:
    """ETag of a voucher: changes with every edit and every redemption. Another voucher may have its code later, so the
    tag includes the id."""
    return f'"{voucher.version}.{voucher.redeemed}.{voucher.id}"'


def shipping_method_etag(method: ShippingMethod) -> str:
    """ETag of a shipping method: includes the creation, because another method may have its code later."""
    return f'"{method.version}.{round(method.created_at.timestamp() * 1000):x}"'


def address_etag(address: Address) -> str:
    """ETag of an address: changes with every edit, and when it becomes the default or another one does."""
    return f'"{address.version}.{int(address.is_default)}"'


def return_etag(found: Return) -> str:
    """ETag of a return: changes with every transition, and when its reason is erased."""
    return f'"{found.version}.{int(not found.reason)}"'


def _product_state(product: Product) -> str:
    """Version, stock and the instant of its last change: units that are sold and come back leave another instant. An
    instance of a version without the instant changes the stock alone."""
    changed_at_ms = round(product.stock_changed_at.timestamp() * 1000)
    return f"{product.version}.{product.stock}.{changed_at_ms:x}"


def body_etag(body: bytes) -> str:
    """ETag of a page, which has no version: a hash of its body."""
    return f'"{sha256(body).hexdigest()[:_DIGEST_CHARS]}"'


def expected_version(request: HttpRequest) -> int | None:
    """Return the version that If-Match requires; None without a condition, UNMATCHABLE_VERSION for a foreign tag."""
    header = request.META.get("HTTP_IF_MATCH")
    if header is None:
        return None
    etags = parse_etags(header)
    if etags == ["*"]:
        return None
    versions = (int(match[1]) for match in map(_VERSION.fullmatch, etags) if match)
    # Versions only grow: of several, only the highest can still be the present one.
    return max(versions, default=UNMATCHABLE_VERSION)


def is_not_modified(request: HttpRequest, etag: str) -> bool:
    """Whether If-None-Match names this tag, strong or weak: the client has the present body already."""
    return is_known(request.META.get("HTTP_IF_NONE_MATCH"), etag)


def is_known(header: str | None, etag: str) -> bool:
    """Whether this If-None-Match header names the tag."""
    if not header:
        return False
    etags = parse_etags(header)
    return etags == ["*"] or etag in (known.removeprefix("W/") for known in etags)
