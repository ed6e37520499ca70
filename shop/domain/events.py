"""Events: what happened in the shop, for other systems."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from shop.domain.pages import Page, Position

#: An id: a millisecond, and a number within it.
EVENT_ID = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")


class EventType(StrEnum):
    """What happened, as `kind.what`."""

    PRODUCT_CREATED = "product.created"
    PRODUCT_UPDATED = "product.updated"
    PRODUCT_WITHDRAWN = "product.withdrawn"
    PRODUCT_STOCK_ADJUSTED = "product.stock_adjusted"
    CART_CREATED = "cart.created"
    CART_UPDATED = "cart.updated"
    CART_HELD = "cart.held"
    CART_RELEASED = "cart.released"
    CART_CLAIMED = "cart.claimed"
    CART_DELETED = "cart.deleted"
    PURCHASE_PLACED = "purchase.placed"
    PURCHASE_PAID = "purchase.paid"
    PURCHASE_PARTIALLY_SHIPPED = "purchase.partially_shipped"
    PURCHASE_SHIPPED = "purchase.shipped"
    PURCHASE_DELIVERED = "purchase.delivered"
    PURCHASE_EXPIRED = "purchase.expired"
    PURCHASE_CANCELLED = "purchase.cancelled"
    PURCHASE_PARTIALLY_REFUNDED = "purchase.partially_refunded"
    PURCHASE_REFUNDED = "purchase.refunded"
    PAYMENT_BEGUN = "payment.begun"
    PAYMENT_CAPTURE_REQUESTED = "payment.capture_requested"
    PAYMENT_CANCEL_REQUESTED = "payment.cancel_requested"
    PAYMENT_REQUIRES_ACTION = "payment.requires_action"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_AUTHORIZED = "payment.authorized"
    PAYMENT_CANCELLED = "payment.cancelled"
    PAYMENT_CAPTURED = "payment.captured"
    PAYMENT_ORPHANED = "payment.orphaned"
    PAYMENT_PARTIALLY_REFUNDED = "payment.partially_refunded"
    PAYMENT_REFUNDED = "payment.refunded"
    REFUND_REQUESTED = "refund.requested"
    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_FAILED = "refund.failed"
    RETURN_REQUESTED = "return.requested"
    RETURN_APPROVED = "return.approved"
    RETURN_RECEIVED = "return.received"
    RETURN_REFUNDED = "return.refunded"
    RETURN_REFUSED = "return.refused"
    USER_REGISTERED = "user.registered"
    USER_UPDATED = "user.updated"
    USER_ROLE_SET = "user.role_set"
    USER_ERASED = "user.erased"
    USER_ADDRESSES_CHANGED = "user.addresses_changed"
    VOUCHER_CREATED = "voucher.created"
    VOUCHER_UPDATED = "voucher.updated"
    VOUCHER_DELETED = "voucher.deleted"
    VOUCHER_REDEEMED = "voucher.redeemed"
    VOUCHER_RETURNED = "voucher.returned"
    SHIPPING_METHOD_CREATED = "shipping_method.created"
    SHIPPING_METHOD_UPDATED = "shipping_method.updated"
    SHIPPING_METHOD_DELETED = "shipping_method.deleted"
    WEBHOOK_ENDPOINT_CREATED = "webhook_endpoint.created"
    WEBHOOK_ENDPOINT_UPDATED = "webhook_endpoint.updated"
    WEBHOOK_ENDPOINT_SECRET_ROTATED = "webhook_endpoint.secret_rotated"
    WEBHOOK_ENDPOINT_DELETED = "webhook_endpoint.deleted"
    WEBHOOK_TEST = "webhook.test"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """An event. Ids grow with time; `object` is the id of what it happened to, `data` what is known of it beside that,
    and nothing personal."""

    id: str
    type: EventType
    at: datetime
    object: str
    data: Mapping[str, Any]
    request_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EventQuery:
    """Which events: of this type (None: of any)."""

    type: EventType | None = None


class EventRepository(Protocol):
    """Events, written by the writes of the other repositories."""

    def page(self, query: EventQuery, size: int, position: Position | None) -> Page[Event]:
        """List events, the oldest first. A position may be any id, of an event that is gone too. A page may have fewer
        than `size` events and a next one still: a bounded number is looked at for each page. A causal read.

        Raises: StoreUnavailable."""
        ...
