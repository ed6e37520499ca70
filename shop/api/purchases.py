"""Purchases over HTTP."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from exactly_once.requests import WriteResult
from shop import bootstrap, telemetry
from shop.api import fields, filters
from shop.api.conditional import purchase_tag
from shop.api.examples import PRODUCT, PURCHASE, example
from shop.api.middleware import request_id
from shop.api.operations import Access, Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body
from shop.api.viewsets import ShopViewSet
from shop.domain.money import STORED_CURRENCIES
from shop.domain.purchases import MAX_LINES, Event, Item, Line, Purchase, PurchaseQuery, Status
from shop.services import purchases


class LineBody(Body):
    """So many units of one product."""

    product = fields.Id()
    quantity = fields.Whole(least=1)


_LINE = {"product": PRODUCT["id"], "quantity": 2}


@extend_schema_serializer(component_name="NewPurchase", examples=example({"items": [_LINE]}))
class NewPurchase(Body):
    """What is to be bought: all of it, or nothing. Lines of one product are summed."""

    items = fields.Several(child=LineBody(), most=MAX_LINES, initial=[{"product": "", "quantity": 1}])


@extend_schema_serializer(component_name="Refund", examples=example({"restock": True}))
class Refund(Body):
    """Whether the units come back into stock."""

    restock = fields.Flag()


class ItemAnswer(fields.Answer):
    """A line, with what the product was called and cost when it was bought."""

    product = fields.Id()
    sku = fields.Sku()
    name = fields.Text()
    unit_price = fields.Price()
    quantity = fields.Whole(least=1)
    line_total = fields.Total()


class EventAnswer(fields.Answer):
    """A step, when, and by whom; null where they were erased."""

    status = fields.Choice(list(Status), component="Status")
    at = fields.Instant()
    by = fields.Id(allow_null=True)


@extend_schema_serializer(component_name="Purchase", examples=example(PURCHASE))
class PurchaseAnswer(fields.Answer):
    """A purchase."""

    id = fields.Id()
    user = fields.Id(allow_null=True, help_text="Who bought; null where they were erased.")
    status = fields.Choice(list(Status), component="Status")
    items = ItemAnswer(many=True)
    total = fields.Total()
    currency = fields.Choice(sorted(STORED_CURRENCIES), component="StoredCurrency")
    created_at = fields.Instant()
    updated_at = fields.Instant()
    version = fields.Whole(least=1, help_text="Counts the steps, from 1.")
    history = EventAnswer(many=True)


_ORDER = "created_at"
_FILTERS = (
    filters.one_of("status", {status.value: status for status in Status}, "Only purchases in this status."),
    filters.ordering((_ORDER,), "newest first"),
)
_STAFFS_MOVE = Operation(
    access=Access.STAFF, answer=PurchaseAnswer, tagged=True, keyed=True, problems=("invalid-transition",)
)


class PurchaseViewSet(ShopViewSet):
    """What was bought: customers see their own, staff everybody's."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "create": Operation(
            access=Access.SIGNED_IN,
            body=NewPurchase(),
            answer=PurchaseAnswer,
            status=201,
            tagged=True,
            keyed=True,
            problems=("insufficient-stock", "unknown-product", "mixed-currencies"),
        ),
        "list": Operation(access=Access.SIGNED_IN, answer=PurchaseAnswer, page=True, parameters=(*_FILTERS, *PAGING)),
        "retrieve": Operation(access=Access.SIGNED_IN, answer=PurchaseAnswer, tagged=True),
        "cancel": replace(_STAFFS_MOVE, access=Access.SIGNED_IN),
        "pay": _STAFFS_MOVE,
        "ship": _STAFFS_MOVE,
        "deliver": _STAFFS_MOVE,
        "refund": replace(_STAFFS_MOVE, body=Refund()),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Buys all the lines, or nothing."""
        lines = [Line(**line) for line in self.values(request)["items"]]
        done = purchases.purchase_place(
            shop=bootstrap.get_shop(), request=self.write_request(request), caller=self.caller, lines=lines
        )
        if not done.is_replay_for(request_id(request._request)):
            _count(done.value)
        return self.created(request, done, represented(done.value), purchase_tag(done.value))

    def list(self, request: Request) -> HttpResponseBase:
        """A page of one's own purchases, or for staff of everybody's, newest first."""
        asked = self.page_request(request)
        page = purchases.purchase_list(
            shop=bootstrap.get_shop(),
            caller=self.caller,
            query=_query(asked.filters),
            size=asked.size,
            position=asked.position,
        )
        return self.page(request, page, represented)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """One purchase."""
        purchase = purchases.purchase_get(shop=bootstrap.get_shop(), caller=self.caller, id=pk)
        return self.single(request, represented(purchase), purchase_tag(purchase))

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> HttpResponseBase:
        """Cancels a purchase that is placed or paid, and puts its units back into stock."""
        return self._move(request, pk, purchases.purchase_cancel)

    @action(detail=True, methods=["post"])
    def pay(self, request: Request, pk: str) -> HttpResponseBase:
        """Says that a purchase is paid."""
        return self._move(request, pk, purchases.purchase_pay)

    @action(detail=True, methods=["post"])
    def ship(self, request: Request, pk: str) -> HttpResponseBase:
        """Says that a purchase is on its way."""
        return self._move(request, pk, purchases.purchase_ship)

    @action(detail=True, methods=["post"])
    def deliver(self, request: Request, pk: str) -> HttpResponseBase:
        """Says that a purchase has arrived."""
        return self._move(request, pk, purchases.purchase_deliver)

    @action(detail=True, methods=["post"])
    def refund(self, request: Request, pk: str) -> HttpResponseBase:
        """Says that a purchase was paid back; its units come back into stock, or not."""
        return self._move(request, pk, purchases.purchase_refund)

    def _move(self, request: Request, id: str, move: Callable[..., WriteResult[Purchase]]) -> HttpResponseBase:
        done = move(
            shop=bootstrap.get_shop(),
            request=self.write_request(request),
            caller=self.caller,
            id=id,
            **self.values(request),
        )
        if not done.is_replay_for(request_id(request._request)):
            telemetry.purchase_moved(done.value.status)
        return self.done(request, done, represented(done.value), {"ETag": purchase_tag(done.value)})


def represented(purchase: Purchase) -> dict[str, Any]:
    """The purchase as it is answered."""
    return {
        "id": purchase.id,
        "user": purchase.user,
        "status": purchase.status,
        "items": [_item(item) for item in purchase.items],
        "total": str(purchase.total),
        "currency": purchase.total.currency,
        "created_at": purchase.created_at,
        "updated_at": purchase.updated_at,
        "version": purchase.version,
        "history": [_event(event) for event in purchase.history],
    }


def _count(purchase: Purchase) -> None:
    units = sum(item.quantity for item in purchase.items)
    telemetry.purchase_placed(purchase.total.currency, units, float(str(purchase.total)))


def _item(item: Item) -> dict[str, Any]:
    return {
        "product": item.product,
        "sku": item.sku,
        "name": item.name,
        "unit_price": str(item.unit_price),
        "quantity": item.quantity,
        "line_total": str(item.line_total),
    }


def _event(event: Event) -> dict[str, Any]:
    return {"status": event.status, "at": event.at, "by": event.by}


def _query(values: dict[str, Any]) -> PurchaseQuery:
    _, descending = values.pop("ordering", (_ORDER, True))
    return PurchaseQuery(**values, descending=descending)
