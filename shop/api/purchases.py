"""Purchases over HTTP: placing them, and their transitions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from exactly_once.requests import WriteResult
from shop import telemetry
from shop.api import fields, filters
from shop.api.conditional import purchase_etag
from shop.api.examples import PRODUCT, PURCHASE, example
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body
from shop.api.returns import PURCHASE_OPERATIONS, PurchaseReturns
from shop.api.shipments import NewShipment, ShipmentResponse, shipment_document
from shop.api.units import units
from shop.domain.money import STORED_CURRENCIES
from shop.domain.purchases import MAX_LINES, SYSTEM, Event, Item, Line, Purchase, PurchaseQuery, Status
from shop.services import purchases


@extend_schema_serializer(component_name="NewPurchaseLine")
class LineBody(Body):
    """A product, by its id or by its SKU, and the number of its units to buy."""

    one_of = ("product", "sku")

    product = fields.Id(required=False, help_text="Id of the product.")
    sku = fields.Sku(required=False, help_text="SKU of the product that has it when the purchase is placed.")
    quantity = fields.Integer(minimum=1)


_LINE = {"sku": PRODUCT["sku"], "quantity": 2}


@extend_schema_serializer(component_name="NewPurchase", examples=example({"items": [_LINE]}))
class NewPurchase(Body):
    """The lines of a purchase. Lines of one product are summed."""

    items = fields.List(child=LineBody(), max_items=MAX_LINES, initial=[{"product": "", "quantity": 1}])


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
    """A transition of a purchase: its status, when and by which user or API key; null where erased, `system` where the
    shop ended what was not paid in time."""

    status = fields.Choice(list(Status), component="PurchaseStatus")
    at = fields.Instant()
    by = Author(allow_null=True)


@extend_schema_serializer(component_name="Purchase", examples=example(PURCHASE))
class PurchaseResponse(fields.ResponseBody):
    """A purchase."""

    id = fields.Id()
    user = fields.Id(allow_null=True, help_text="The buyer; null where erased.")
    status = fields.Choice(list(Status), component="PurchaseStatus")
    items = ItemResponse(many=True)
    total = fields.Total()
    currency = fields.Choice(sorted(STORED_CURRENCIES), component="StoredCurrency")
    created_at = fields.Instant()
    updated_at = fields.Instant()
    version = fields.Integer(minimum=1, help_text="Number of transitions, from 1.")
    history = EventResponse(many=True)
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
            problems=("too-many-open-purchases", "insufficient-stock", "unknown-product", "mixed-currencies"),
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

        Buys all lines or nothing, and takes the units from stock at the same instant. The shop ends a purchase that
        stays unpaid for too long.
        """
        lines = [Line(**line) for line in self.parsed_body(request)["items"]]
        result = purchases.purchase_place(
            shop=self.shop, request=self.write_request(request), caller=self.caller, lines=lines
        )
        if not self.is_replay(result):
            _count_sale(result.value)
        return self.created_response(request, result, purchase_document(result.value), purchase_etag(result.value))

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

        The caller's own, or for staff any; another user's is not found.
        """
        purchase = purchases.purchase_get(shop=self.shop, caller=self.caller, id=pk)
        return self.resource_response(request, purchase_document(purchase), purchase_etag(purchase))

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
