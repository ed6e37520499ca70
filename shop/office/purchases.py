"""Purchases in the back office: lists by status, buyer and day, and the transitions of one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from exactly_once.requests import WriteResult
from shop import bootstrap, telemetry
from shop.api import filters
from shop.api.context import context_of
from shop.api.fields import Boolean
from shop.api.parsing import Body
from shop.api.purchase_bodies import purchase_document
from shop.api.purchases import PurchaseViewSet
from shop.domain.callers import Caller
from shop.domain.errors import FieldError, Invalid, InvalidTransition, NotFound
from shop.domain.purchases import Purchase, PurchaseQuery, Shipment, Status
from shop.domain.users import User
from shop.office import forms
from shop.office.days import day_parameter
from shop.office.frame import is_fragment, office_view, page
from shop.office.history import history_page
from shop.office.lists import list_request, listing, refused_listing
from shop.office.notices import done
from shop.services import purchases as services
from shop.services.users import user_get

KIND = "purchase"
_FILTERS = (
    *PurchaseViewSet.operations["list"].parameters,
    filters.text_parameter("user", "Purchases of this user."),
    day_parameter("since", "Purchases placed on this day or later."),
    day_parameter("until", "Purchases placed on this day or earlier.", is_last=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A transition that a page offers: its name in URLs and in the API, its target, its title, and what it means."""

    name: str
    target: Status
    title: str
    meaning: str
    service: Callable[..., WriteResult[Purchase]]
    is_final: bool = False


MOVES: Mapping[str, Move] = {
    move.name: move
    for move in (
        Move(
            name="pay",
            target=Status.PAID,
            title="Mark as paid",
            meaning="Confirms that the amount has been received. The shop itself collects no money.",
            service=services.purchase_pay,
        ),
        Move(
            name="ship",
            target=Status.SHIPPED,
            title="Mark as shipped",
            meaning="Confirms that every unit which was not shipped yet has been handed over for delivery.",
            service=services.purchase_ship,
        ),
        Move(
            name="deliver",
            target=Status.DELIVERED,
            title="Mark as delivered",
            meaning="Confirms that the buyer has received the purchase.",
            service=services.purchase_deliver,
        ),
        Move(
            name="cancel",
            target=Status.CANCELLED,
            title="Cancel the purchase",
            meaning="Its units return to stock, also those of withdrawn products. This cannot be undone.",
            service=services.purchase_cancel,
            is_final=True,
        ),
        Move(
            name="refund",
            target=Status.REFUNDED,
            title="Refund the purchase",
            meaning="Records that the amount has been returned: the shop transfers no money. This cannot be undone.",
            service=services.purchase_refund,
            is_final=True,
        ),
    )
}


@office_view("GET", "HEAD")
def purchases(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List purchases, newest first, by status, buyer and day."""
    try:
        query = list_request(request, _FILTERS)
        _, descending = query.filters.pop("ordering", ("", True))
        found = services.purchase_list(
            shop=bootstrap.get_shop(),
            caller=caller,
            query=PurchaseQuery(**query.filters, descending=descending),
            size=query.size,
            position=query.position,
        )
        shown, status = listing(request, found, _row), 200
    except Invalid as error:
        shown, status = refused_listing(request, error.errors), 400
    template = f"office/purchases/{'results' if is_fragment(request) else 'list'}.html"
    return page(request, caller, template, {"listing": shown, "statuses": [*Status]}, status=status)


@office_view("GET", "HEAD")
def detail(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show a purchase: its lines, its buyer, its history, and the transitions that it can make."""
    return _detail(request, caller, _purchase(caller, pk))


@office_view("GET", "HEAD")
def history(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show what the audit has of a purchase."""
    return history_page(request, caller, kind=KIND, id=pk)


@office_view("GET", "HEAD", "POST")
def pay(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to mark a purchase as paid, or do so."""
    return _move(request, caller, pk, MOVES["pay"])


@office_view("GET", "HEAD", "POST")
def ship(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to mark a purchase as shipped, or do so."""
    return _move(request, caller, pk, MOVES["ship"])


@office_view("GET", "HEAD", "POST")
def deliver(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to mark a purchase as delivered, or do so."""
    return _move(request, caller, pk, MOVES["deliver"])


@office_view("GET", "HEAD", "POST")
def cancel(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to cancel a purchase, or do so."""
    return _move(request, caller, pk, MOVES["cancel"])


@office_view("GET", "HEAD", "POST")
def refund(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to refund a purchase, and whether its units return to stock; or do so."""
    return _move(request, caller, pk, MOVES["refund"])


def _move(request: HttpRequest, caller: Caller, pk: str, move: Move) -> HttpResponseBase:
    if request.method == "POST":
        return _carry_out(request, caller, pk, move)
    purchase = _purchase(caller, pk)
    if move.target not in purchase.next_statuses:
        return _conflict(request, caller, purchase, move)
    return _form(request, caller, purchase, move)


def _carry_out(request: HttpRequest, caller: Caller, pk: str, move: Move) -> HttpResponseBase:
    write = forms.form_write(request, caller)
    try:
        values = _values(request, forms.body_of(PurchaseViewSet, move.name))
        result = move.service(shop=bootstrap.get_shop(), request=write, caller=caller, id=pk, **values)
    except Invalid as error:
        return _form(request, caller, _purchase(caller, pk), move, error)
    except InvalidTransition as error:
        forms.note_replay(request, error)
        return _conflict(request, caller, _purchase(caller, pk), move)
    forms.note_replay(request, result)
    if not result.is_replay_for(context_of(request).request_id):
        telemetry.purchase_transitioned(result.value.status)
    return done(f"purchase-{move.target}", "office-purchases-detail", pk=pk)


def _values(request: HttpRequest, body: Body) -> dict[str, Any]:
    """Raises: Invalid, where a field was left out: a form without a boolean would otherwise say no."""
    fields_of_body = body.writable_fields.items()
    missing = [name for name, field in fields_of_body if isinstance(field, Boolean) and name not in request.POST]
    if missing:
        raise Invalid(*(FieldError(f"/{name}", "required", "Choose one.") for name in missing))
    return forms.form_values(request, body)


def _purchase(caller: Caller, pk: str) -> Purchase:
    return services.purchase_get(shop=bootstrap.get_shop(), caller=caller, id=pk)


def _form(
    request: HttpRequest, caller: Caller, purchase: Purchase, move: Move, error: Invalid | None = None
) -> HttpResponse:
    body, errors = forms.body_of(PurchaseViewSet, move.name), error.errors if error else ()
    context = {
        "purchase": purchase,
        "move": move,
        "move_url": f"office-purchases-{move.name}",
        "has_restock": "restock" in body.writable_fields,
        "has_carrier": "carrier" in body.writable_fields,
        "is_part": is_fragment(request),
        "errors": [*forms.other_errors(Body(), errors)],
    }
    template = f"office/purchases/{'move_form' if is_fragment(request) else 'move'}.html"
    return page(request, caller, template, context, status=400 if error else 200)


def _conflict(request: HttpRequest, caller: Caller, purchase: Purchase, move: Move) -> HttpResponse:
    return _detail(request, caller, purchase, {"conflict": move}, status=409)


def _detail(
    request: HttpRequest,
    caller: Caller,
    purchase: Purchase,
    more: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        "purchase": purchase,
        "units": sum(item.quantity for item in purchase.items),
        "buyer": _buyer(purchase.user),
        "shipments": [_shipment_row(shipment) for shipment in purchase.shipments],
        "moves": _moves(purchase),
        **(more or {}),
    }
    template = f"office/purchases/{'moves' if is_fragment(request) else 'detail'}.html"
    return page(request, caller, template, context, status=status)


def _moves(purchase: Purchase) -> Sequence[tuple[Move, str]]:
    """The transitions that the purchase can make, each with the name of its URL."""
    moves = [move for move in MOVES.values() if move.target in purchase.next_statuses]
    return [(move, f"office-purchases-{move.name}") for move in moves]


def _shipment_row(shipment: Shipment) -> dict[str, Any]:
    return {
        "at": shipment.at,
        "carrier": shipment.carrier,
        "tracking": shipment.tracking,
        "units": sum(line.quantity for line in shipment.lines),
    }


def _buyer(id: str | None) -> User | None:
    """The buyer; None where they are erased."""
    try:
        return user_get(shop=bootstrap.get_shop(), id=id) if id else None
    except NotFound:
        return None


def _row(purchase: Purchase) -> dict[str, Any]:
    return {**purchase_document(purchase), "units": sum(item.quantity for item in purchase.items)}
