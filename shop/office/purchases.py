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
from shop.domain.errors import FieldError, Invalid, InvalidTransition
from shop.domain.purchases import Purchase, PurchaseQuery, Status
from shop.office import forms
from shop.office.days import day_parameter
from shop.office.frame import is_fragment, office_view, page
from shop.office.history import history_page
from shop.office.lists import list_request, listing, refused_listing
from shop.office.notices import done
from shop.office.purchase_parts import parts_of
from shop.services import purchases as services
from shop.services.payments import purchase_refund_amount

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
    service: Callable[..., WriteResult[Any]]
    is_final: bool = False


MOVES: Mapping[str, Move] = {
    move.name: move
    for move in (
        Move(
            name="pay",
            target=Status.PAID,
            title="Mark as paid",
            meaning="Records a manual payment: you have received the whole amount, without a payment provider.",
            service=services.purchase_pay,
        ),
        Move(
            name="ship",
            target=Status.SHIPPED,
            title="Mark as shipped",
            meaning="Confirms that these units have been handed over for delivery.",
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
            name="refund-amount",
            target=Status.PARTIALLY_REFUNDED,
            title="Refund an amount",
            meaning="Gives back a part of what was captured, by the provider that took it. This cannot be undone.",
            service=purchase_refund_amount,
            is_final=True,
        ),
        Move(
            name="refund",
            target=Status.REFUNDED,
            title="Refund the purchase",
            meaning=(
                "Gives back all that was captured, by the provider that took it; of a manual payment it records that "
                "you have given it back. This cannot be undone."
            ),
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
    return _detail(request, caller, purchase_of(caller, pk))


@office_view("GET", "HEAD")
def history(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show what the audit has of a purchase."""
    return history_page(request, caller, kind=KIND, id=pk)


@office_view("GET", "HEAD", "POST")
def pay(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to mark a purchase as paid, or do so."""
    return _move(request, caller, pk, MOVES["pay"])


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
    purchase = purchase_of(caller, pk)
    if move.target not in purchase.next_statuses:
        return conflict(request, caller, purchase, move)
    return _form(request, caller, purchase, move)


def _carry_out(request: HttpRequest, caller: Caller, pk: str, move: Move) -> HttpResponseBase:
    write = forms.form_write(request, caller)
    try:
        values = form_choices(request, forms.body_of(PurchaseViewSet, move.name))
        result = move.service(shop=bootstrap.get_shop(), request=write, caller=caller, id=pk, **values)
    except Invalid as error:
        return _form(request, caller, purchase_of(caller, pk), move, error)
    except InvalidTransition as error:
        forms.note_replay(request, error)
        return conflict(request, caller, purchase_of(caller, pk), move)
    forms.note_replay(request, result)
    if not result.is_replay_for(context_of(request).request_id):
        telemetry.purchase_transitioned(result.value.status)
    return done(f"purchase-{move.target}", "office-purchases-detail", pk=pk)


def form_choices(request: HttpRequest, body: Body) -> dict[str, Any]:
    """Return the values of a form. Raises: Invalid, where a boolean was left out: that would otherwise say no."""
    fields_of_body = body.writable_fields.items()
    missing = [name for name, field in fields_of_body if isinstance(field, Boolean) and name not in request.POST]
    if missing:
        raise Invalid(*(FieldError(f"/{name}", "required", "Choose one.") for name in missing))
    return forms.form_values(request, body)


def purchase_of(caller: Caller, pk: str) -> Purchase:
    """Get a purchase. Raises: NotFound."""
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
        "is_part": is_fragment(request),
        "errors": [*forms.other_errors(Body(), errors)],
    }
    template = f"office/purchases/{'move_form' if is_fragment(request) else 'move'}.html"
    return page(request, caller, template, context, status=400 if error else 200)


def conflict(request: HttpRequest, caller: Caller, purchase: Purchase, move: Move) -> HttpResponse:
    """Show the purchase, from whose status the move is not possible."""
    return _detail(request, caller, purchase, {"conflict": move}, status=409)


def _detail(
    request: HttpRequest,
    caller: Caller,
    purchase: Purchase,
    more: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    is_part = is_fragment(request)
    context = {
        "purchase": purchase,
        "moves": _moves(purchase),
        **({} if is_part else parts_of(caller, purchase)),
        **(more or {}),
    }
    template = f"office/purchases/{'moves' if is_part else 'detail'}.html"
    return page(request, caller, template, context, status=status)


def _moves(purchase: Purchase) -> Sequence[tuple[Move, str]]:
    """The transitions that the purchase can make, each with the name of its URL."""
    moves = [move for move in MOVES.values() if move.target in purchase.next_statuses]
    return [(move, f"office-purchases-{move.name}") for move in moves]


def _row(purchase: Purchase) -> dict[str, Any]:
    return {**purchase_document(purchase), "units": sum(item.quantity for item in purchase.items)}
