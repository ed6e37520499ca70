"""Purchases over HTTP: placing them, and their transitions."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from exactly_once.requests import WriteResult
from shop import telemetry
from shop.api import fields, filters
from shop.api.addresses import postal_document
from shop.api.cart_bodies import ShippingAddressBody
from shop.api.cart_tokens import cart_caller, cart_token_digest
from shop.api.code_fields import VoucherCode
from shop.api.conditional import purchase_etag
from shop.api.examples import PURCHASE, example
from shop.api.new_purchases import NewPurchase
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body
from shop.api.returns import PURCHASE_OPERATIONS, PurchaseReturns
from shop.api.shipments import NewShipment, ShipmentResponse, shipment_document
from shop.api.units import units
from shop.domain.money import STORED_CURRENCIES
from shop.domain.purchases import SYSTEM, Event, Item, Line, Purchase, PurchaseQuery, Status
from shop.services import purchases
from shop.services.carts import cart_check_out, guest_purchase_get


@extend_schema_serializer(component_name="Refund", examples=example({"restock": True}))
class Refund(Body):
    """The terms of a refund."""

    restock = fields.Boolean(help_text="Whether the units return to stock.")


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


_ORDER = "created_at"
_FILTERS = (
    filters.choice_parameter(
        "status",
        {status.value: status for status in Status},
        "Purchases in this status.",
        enumeration="PurchaseStatus",
    ),
    filters.ordering_parameter((_ORDER,), "newest first"),
)
_TRANSITION = Operation(response=PurchaseResponse, has_etag=True, uses_key=True, problems=("invalid-transition",))


class PurchaseViewSet(PurchaseReturns):
    """Purchases: customers have access to their own, staff to all."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "create": Operation(
            body=NewPurchase(),
            response=PurchaseResponse,
            status=201,
            has_etag=True,
            uses_key=True,
            problems=(
                "too-many-open-purchases",
                "insufficient-stock",
                "unknown-product",
                "mixed-currencies",
                "price-changed",
                "cart-not-ready",
                "voucher-exhausted",
                "not-found",
            ),
        ),
        "list": Operation(response=PurchaseResponse, is_page=True, parameters=(*_FILTERS, *PAGING)),
        "retrieve": Operation(response=PurchaseResponse, has_etag=True),
        "cancel": _TRANSITION,
        "pay": _TRANSITION,
        "ship": replace(
            _TRANSITION,
            body=NewShipment(),
            problems=("invalid-transition", "units-exceeded", "too-many-shipments"),
        ),
        "deliver": _TRANSITION,
        "refund": replace(_TRANSITION, body=Refund()),
        **PURCHASE_OPERATIONS,
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Place a purchase.

        Buys all lines or nothing, and takes the units from stock at the same instant. A `cart` is bought at the prices
        that it has shown, with its address and shipping method, and once: every further request is answered with its
        purchase. The shop ends a purchase that stays unpaid for too long.
        """
        result = self._place(request, **self.parsed_body(request))
        if not self.is_replay(result):
            _count_sale(result.value)
        return self.created_response(request, result, purchase_document(result.value), purchase_etag(result.value))

    def _place(
        self, request: Request, items: Sequence[dict[str, Any]] = (), cart: str | None = None
    ) -> WriteResult[Purchase]:
        write = self.write_request(request)
        if cart is not None:
            caller = cart_caller(self.shop, request._request, self.user_id)
            return cart_check_out(shop=self.shop, request=write, caller=caller, id=cart)
        if self.known_caller is None:
            raise NotAuthenticated("Sign in first, or buy a cart by its token.")
        lines = [Line(**line) for line in items]
        return purchases.purchase_place(shop=self.shop, request=write, caller=self.caller, lines=lines)

    def list(self, request: Request) -> HttpResponseBase:
        """List purchases.

        The caller's own, or for staff those of all users; newest first unless `ordering` says otherwise. A page ends
        early where its purchases have 2,000 lines: `next` leads to the others.
        """
        query = self.page_request(request)
        page = purchases.purchase_list(
            shop=self.shop,
            caller=self.caller,
            query=_purchase_query(query.filters),
            size=query.size,
            position=query.position,
        )
        return self.page_response(request, page, purchase_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get a purchase.

        The caller's own, or for staff any; another user's is not found. A guest's is found by the token of the cart.
        """
        purchase = self._found(request, pk)
        return self.resource_response(request, purchase_document(purchase), purchase_etag(purchase))

    def _found(self, request: Request, id: str) -> Purchase:
        caller = self.known_caller
        if caller is None:
            return guest_purchase_get(shop=self.shop, token=cart_token_digest(self.shop, request._request), id=id)
        return purchases.purchase_get(shop=self.shop, caller=caller, id=id)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> HttpResponseBase:
        """Cancel a purchase.

        From placed or paid to cancelled. Its units return to stock, also of a withdrawn product.
        """
        return self._transition(request, pk, purchases.purchase_cancel)

    @action(detail=True, methods=["post"])
    def pay(self, request: Request, pk: str) -> HttpResponseBase:
        """Mark a purchase as paid.

        From placed to paid.
        """
        return self._transition(request, pk, purchases.purchase_pay)

    @action(detail=True, methods=["post"])
    def ship(self, request: Request, pk: str) -> HttpResponseBase:
        """Ship a purchase.

        All that has not been shipped, or `lines` of it. From paid to partially shipped, and to shipped once every unit
        is.
        """
        values = self.parsed_body(request)
        result = purchases.purchase_ship(
            shop=self.shop,
            request=self.write_request(request),
            caller=self.caller,
            id=pk,
            lines=units(values.get("lines", ())),
            carrier=values["carrier"],
            tracking=values["tracking"],
        )
        return self._moved(request, result)

    @action(detail=True, methods=["post"])
    def deliver(self, request: Request, pk: str) -> HttpResponseBase:
        """Mark a purchase as delivered.

        From shipped to delivered.
        """
        return self._transition(request, pk, purchases.purchase_deliver)

    @action(detail=True, methods=["post"])
    def refund(self, request: Request, pk: str) -> HttpResponseBase:
        """Refund a purchase.

        From paid, shipped or delivered to refunded. With `restock` its units return to stock that have not yet.
        """
        return self._transition(request, pk, purchases.purchase_refund)

    def _transition(
        self, request: Request, id: str, transition: Callable[..., WriteResult[Purchase]]
    ) -> HttpResponseBase:
        result = transition(
            shop=self.shop,
            request=self.write_request(request),
            caller=self.caller,
            id=id,
            **self.parsed_body(request),
        )
        return self._moved(request, result)

    def _moved(self, request: Request, result: WriteResult[Purchase]) -> HttpResponseBase:
        if not self.is_replay(result):
            telemetry.purchase_transitioned(result.value.status)
        return self.write_response(
            request, result, purchase_document(result.value), {"ETag": purchase_etag(result.value)}
        )


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


def _count_sale(purchase: Purchase) -> None:
    units = sum(item.quantity for item in purchase.items)
    telemetry.purchase_placed(purchase.total.currency, units, float(str(purchase.total)))


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


def _purchase_query(values: dict[str, Any]) -> PurchaseQuery:
    _, descending = values.pop("ordering", (_ORDER, True))
    return PurchaseQuery(**values, descending=descending)
