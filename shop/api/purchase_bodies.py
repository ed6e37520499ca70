"""What responses about purchases contain."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from shop.api import fields
from shop.api.addresses import postal_document
from shop.api.cart_bodies import ShippingAddressBody
from shop.api.code_fields import VoucherCode
from shop.api.examples import PURCHASE
from shop.api.serializer_examples import example
from shop.api.shipments import ShipmentResponse, shipment_document
from shop.domain.money import STORED_CURRENCIES
from shop.domain.purchases import SYSTEM, Event, Item, Purchase, Status


@extend_schema_serializer(component_name="PurchaseLine")
class ItemResponse(fields.ResponseBody):
    """A line of a purchase, with the name and price of the product when it was bought."""

    product = fields.Id()
    sku = fields.Sku()
    name = fields.Text()
    unit_price = fields.Price()
    quantity = fields.Integer(minimum=1)
    line_total = fields.Total()


class Author(fields.Id):
    """The id of a user or an API key, or `system`."""

    json_schema = {"type": "string", "pattern": f"^({fields.UUID_PATTERN}|{SYSTEM})$"}


@extend_schema_serializer(component_name="PurchaseEvent")
class EventResponse(fields.ResponseBody):
    """A transition of a purchase: its status, when and by which user or API key; null for a guest and where erased,
    `system` where the shop ended what was not paid in time."""

    status = fields.Choice(list(Status), component="PurchaseStatus")
    at = fields.Instant()
    by = Author(allow_null=True)


@extend_schema_serializer(component_name="Purchase", examples=example(PURCHASE))
class PurchaseResponse(fields.ResponseBody):
    """A purchase."""

    id = fields.Id()
    user = fields.Id(allow_null=True, help_text="The buyer; null for a guest, and where erased.")
    status = fields.Choice(list(Status), component="PurchaseStatus")
    items = ItemResponse(many=True)
    total = fields.Total()
    currency = fields.Choice(sorted(STORED_CURRENCIES), component="StoredCurrency")
    created_at = fields.Instant()
    updated_at = fields.Instant()
    version = fields.Integer(minimum=1, help_text="Number of transitions, from 1.")
    history = EventResponse(many=True)
    cart = fields.Id(allow_null=True, help_text="The cart that it was made of, if any.")
    email = fields.Text(allow_null=True, help_text="Of a guest.")
    shipping_address = ShippingAddressBody(allow_null=True)
    shipping_method = fields.Text(allow_null=True)
    voucher = VoucherCode(allow_null=True, help_text="The voucher that it has redeemed, if any.")
    discount = fields.Total(help_text="What the voucher has taken off the items or the shipping.")
    shipping = fields.Total(help_text="What shipping costs. The total is the lines less the discount, and shipping.")
    shipments = ShipmentResponse(many=True, help_text="None of purchases from before there were any.")
    pay_by = fields.Instant(allow_null=True, help_text="Where it is not paid by then, it expires.")


def purchase_document(purchase: Purchase) -> dict[str, Any]:
    """Build the JSON document of a purchase."""
    return {
        "id": purchase.id,
        "user": purchase.user,
        "status": purchase.status,
        "items": [_item_document(item) for item in purchase.items],
        "total": str(purchase.total),
        "currency": purchase.total.currency,
        "created_at": purchase.created_at,
        "updated_at": purchase.updated_at,
        "version": purchase.version,
        "history": [_event_document(event) for event in purchase.history],
        "cart": purchase.cart,
        "email": purchase.email or None,
        "shipping_address": postal_document(purchase.shipping_address) if purchase.shipping_address else None,
        "shipping_method": purchase.shipping_method or None,
        "voucher": purchase.voucher or None,
        "discount": str(purchase.totals.discount),
        "shipping": str(purchase.totals.shipping),
        "shipments": [shipment_document(shipment) for shipment in purchase.shipments],
        "pay_by": purchase.pay_by,
    }


def _item_document(item: Item) -> dict[str, Any]:
    return {
        "product": item.product,
        "sku": item.sku,
        "name": item.name,
        "unit_price": str(item.unit_price),
        "quantity": item.quantity,
        "line_total": str(item.line_total),
    }


def _event_document(event: Event) -> dict[str, Any]:
    return {"status": event.status, "at": event.at, "by": event.by}
