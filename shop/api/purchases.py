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
from shop.api.cart_tokens import cart_caller, cart_token_digest
from shop.api.conditional import purchase_etag
from shop.api.guests import admit_guest, buyer_of
from shop.api.new_purchases import NewPurchase
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body
from shop.api.payments import PAYMENT_OPERATIONS, PurchasePayments
from shop.api.purchase_bodies import PurchaseResponse, purchase_document
from shop.api.returns import PURCHASE_OPERATIONS, PurchaseReturns
from shop.api.serializer_examples import example
from shop.api.shipments import NewShipment
from shop.api.units import units
from shop.domain.purchases import Line, Purchase, PurchaseQuery, Status
from shop.services import purchases
from shop.services.carts import cart_check_out, guest_purchase_get


@extend_schema_serializer(component_name="Refund", examples=example({"restock": True}))
class Refund(Body):
    """The terms of a refund."""

    restock = fields.Boolean(help_text="Whether the units return to stock.")


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


class PurchaseViewSet(PurchaseReturns, PurchasePayments):
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
        **PAYMENT_OPERATIONS,
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Place a purchase.

        Buys all lines or nothing, and takes the units from stock at the same instant; the shop ends a purchase that
        stays unpaid for too long. A `cart` is bought at the prices that it has shown, and once: every further request
        is answered with its purchase.
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
            if not caller.user:
                admit_guest(self.shop, request._request, write)
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
            caller=buyer_of(self, id),
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


def _count_sale(purchase: Purchase) -> None:
    units = sum(item.quantity for item in purchase.items)
    telemetry.purchase_placed(purchase.total.currency, units, float(str(purchase.total)))


def _purchase_query(values: dict[str, Any]) -> PurchaseQuery:
    _, descending = values.pop("ordering", (_ORDER, True))
    return PurchaseQuery(**values, descending=descending)
