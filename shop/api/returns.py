"""Returns over HTTP: of a purchase, and those that staff settle."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from exactly_once.requests import WriteResult
from shop import telemetry
from shop.api import fields, filters
from shop.api.cart_tokens import cart_token_digest
from shop.api.conditional import return_etag
from shop.api.examples import RETURN
from shop.api.guests import buyer_of
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body
from shop.api.serializer_examples import example
from shop.api.units import UnitsBody, UnitsResponse, units, units_document
from shop.api.viewsets import ShopViewSet
from shop.domain import text
from shop.domain.purchases import MAX_LINES
from shop.domain.returns import Return, ReturnQuery, ReturnStatus
from shop.services import returns


@extend_schema_serializer(
    component_name="NewReturn", examples=example({"lines": RETURN["lines"], "reason": RETURN["reason"]})
)
class NewReturn(Body):
    """What is to be returned, and why. Lines of one product are summed."""

    lines = fields.List(child=UnitsBody(), max_items=MAX_LINES)
    reason = fields.Text(max_chars=text.MAX_REASON_CHARS, help_text="Erased with the buyer.")


@extend_schema_serializer(component_name="Receipt", examples=example({"lines": RETURN["lines"], "restock": True}))
class Receipt(Body):
    """What of a return has arrived: without lines all of it."""

    lines = fields.List(child=UnitsBody(), max_items=MAX_LINES, required=False)
    restock = fields.Boolean(help_text="Whether the units return to stock.")


@extend_schema_serializer(component_name="Return", examples=example(RETURN))
class ReturnResponse(fields.ResponseBody):
    """A return."""

    id = fields.Id()
    purchase = fields.Id()
    status = fields.Choice([*ReturnStatus], component="ReturnStatus")
    lines = UnitsResponse(many=True, help_text="What the buyer asked to return.")
    received = UnitsResponse(many=True, help_text="What arrived.")
    restocked = UnitsResponse(many=True, help_text="What of it returned to stock: fewer where other units had before.")
    reason = fields.Text(max_chars=text.MAX_REASON_CHARS, allow_blank=True, help_text="Empty once the buyer is erased.")
    created_at = fields.Instant()
    updated_at = fields.Instant()
    version = fields.Integer(minimum=1, help_text="Number of transitions, from 1.")


_RETURN = Operation(response=ReturnResponse, has_etag=True)
_TRANSITION = replace(_RETURN, uses_key=True, problems=("invalid-transition",))
_FILTERS = (
    filters.choice_parameter(
        "status",
        {status.value: status for status in ReturnStatus},
        "Returns in this status.",
        enumeration="ReturnStatus",
    ),
)


class ReturnViewSet(ShopViewSet):
    """Returns: customers have access to those of their own purchases, staff to all."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "list": Operation(response=ReturnResponse, is_page=True, parameters=(*_FILTERS, *PAGING)),
        "retrieve": _RETURN,
        "approve": _TRANSITION,
        "refuse": _TRANSITION,
        "receive": replace(_TRANSITION, body=Receipt(), problems=("invalid-transition", "units-exceeded")),
    }

    def list(self, request: Request) -> HttpResponseBase:
        """List returns.

        Of all purchases, newest first. For staff; the returns of one purchase are below it.
        """
        query = self.page_request(request)
        page = returns.return_list(
            shop=self.shop,
            caller=self.caller,
            query=ReturnQuery(**query.filters),
            size=query.size,
            position=query.position,
        )
        return self.page_response(request, page, return_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get a return.

        Of the caller's own purchase, or for staff of any; another user's is not found. That of a guest's purchase is
        found by the token of the cart.
        """
        found = self._found(request, pk)
        return self.resource_response(request, return_document(found), return_etag(found))

    def _found(self, request: Request, id: str) -> Return:
        caller = self.known_caller
        if caller is None:
            token = cart_token_digest(self.shop, request._request)
            return returns.guest_return_get(shop=self.shop, token=token, id=id)
        return returns.return_get(shop=self.shop, caller=caller, id=id)

    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> HttpResponseBase:
        """Approve a return.

        From requested to approved: the buyer may send the units.
        """
        return self._transition(request, pk, returns.return_approve)

    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, pk: str) -> HttpResponseBase:
        """Refuse a return.

        From requested or approved to refused. Its units may be in another return.
        """
        return self._transition(request, pk, returns.return_refuse)

    @action(detail=True, methods=["post"])
    def receive(self, request: Request, pk: str) -> HttpResponseBase:
        """Receive a return.

        From approved to received, and to refunded with the purchase. With `restock` its units return to stock but for
        those that a refund has brought back before.
        """
        values = self.parsed_body(request)
        result = returns.return_receive(
            shop=self.shop,
            request=self.write_request(request),
            caller=self.caller,
            id=pk,
            restock=values["restock"],
            lines=units(values.get("lines", ())),
        )
        return self._moved(request, result)

    def _transition(
        self, request: Request, id: str, transition: Callable[..., WriteResult[Return]]
    ) -> HttpResponseBase:
        self.parsed_body(request)
        return self._moved(request, transition(shop=self.shop, request=self.write_request(request), id=id))

    def _moved(self, request: Request, result: WriteResult[Return]) -> HttpResponseBase:
        if not self.is_replay(result):
            telemetry.return_moved(result.value.status)
        return self.write_response(request, result, return_document(result.value), {"ETag": return_etag(result.value)})


class PurchaseReturns(ShopViewSet):
    """The returns of a purchase, for its ViewSet."""

    @action(detail=True)
    def returns(self, request: Request, pk: str) -> HttpResponseBase:
        """List the returns of a purchase.

        Newest first.
        """
        query = self.page_request(request)
        page = returns.return_list(
            shop=self.shop,
            caller=buyer_of(self, pk),
            query=ReturnQuery(purchase=pk),
            size=query.size,
            position=query.position,
        )
        return self.page_response(request, page, return_document)

    @returns.mapping.post
    def request_return(self, request: Request, pk: str) -> HttpResponseBase:
        """Request a return.

        Of units that have been shipped and are in no other return that is not refused. Staff approve or refuse it.
        """
        values = self.parsed_body(request)
        result = returns.return_request(
            shop=self.shop,
            request=self.write_request(request),
            caller=buyer_of(self, pk),
            purchase=pk,
            lines=units(values["lines"]),
            reason=values["reason"],
        )
        if not self.is_replay(result):
            telemetry.return_moved(result.value.status)
        location = reverse("returns-detail", kwargs={"pk": result.value.id})
        headers = {"Location": location, "ETag": return_etag(result.value)}
        return self.write_response(request, result, return_document(result.value), headers)


#: The operations of PurchaseReturns.
PURCHASE_OPERATIONS: Mapping[str, Operation] = {
    "returns": Operation(response=ReturnResponse, is_page=True, parameters=PAGING),
    "request_return": Operation(
        body=NewReturn(),
        response=ReturnResponse,
        status=201,
        has_etag=True,
        uses_key=True,
        problems=("units-exceeded", "too-many-returns"),
    ),
}


def return_document(found: Return) -> dict[str, Any]:
    """Build the JSON document of a return."""
    return {
        "id": found.id,
        "purchase": found.purchase,
        "status": found.status,
        "lines": units_document(found.lines),
        "received": units_document(found.received),
        "restocked": units_document(found.restocked),
        "reason": found.reason,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "version": found.version,
    }
