"""Shipments in the back office: which units of a purchase were sent, by whom, and under which number."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from shop import bootstrap, telemetry
from shop.api.context import context_of
from shop.api.purchases import PurchaseViewSet
from shop.api.units import units
from shop.domain.callers import Caller
from shop.domain.errors import Invalid, InvalidTransition, TooManyShipments, UnitsExceeded
from shop.domain.purchases import Purchase, Status, unshipped
from shop.domain.text import MAX_SHORT_CHARS
from shop.office import forms
from shop.office.frame import is_fragment, office_view, page
from shop.office.line_units import exceeded, line_fields, sent_lines
from shop.office.notices import done
from shop.office.purchases import MOVES, conflict, purchase_of
from shop.services.purchases import purchase_ship

_MOVE = MOVES["ship"]


@office_view("GET", "HEAD", "POST")
def ship(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask what is shipped of a purchase, and how; or record it."""
    purchase = purchase_of(caller, pk)
    if request.method == "POST":
        return _ship(request, caller, purchase)
    if Status.SHIPPED not in purchase.next_statuses:
        return conflict(request, caller, purchase, _MOVE)
    return _form(request, caller, purchase)


def _ship(request: HttpRequest, caller: Caller, purchase: Purchase) -> HttpResponseBase:
    write = forms.form_write(request, caller)
    try:
        lines = sent_lines(request, [item.product for item in purchase.items])
        details = {name: request.POST.get(name, "") for name in ("carrier", "tracking")}
        values = forms.body_of(PurchaseViewSet, "ship").parse({"lines": lines, **details})
        result = purchase_ship(
            shop=bootstrap.get_shop(),
            request=write,
            caller=caller,
            id=purchase.id,
            **{**values, "lines": units(values["lines"])},
        )
    except Invalid as error:
        return _form(request, caller, purchase, error, status=400)
    except UnitsExceeded as error:
        forms.note_replay(request, error)
        return _form(request, caller, purchase_of(caller, purchase.id), exceeded(error), status=409)
    except TooManyShipments as error:
        refusal = forms.refused(request, error, "", str(error))
        return _form(request, caller, purchase_of(caller, purchase.id), refusal, status=409)
    except InvalidTransition as error:
        forms.note_replay(request, error)
        return conflict(request, caller, purchase_of(caller, purchase.id), _MOVE)
    forms.note_replay(request, result)
    if not result.is_replay_for(context_of(request).request_id):
        telemetry.purchase_transitioned(result.value.status)
    return done(f"purchase-{result.value.stage}", "office-purchases-detail", pk=purchase.id)


def _form(
    request: HttpRequest, caller: Caller, purchase: Purchase, error: Invalid | None = None, *, status: int = 200
) -> HttpResponse:
    sent: Mapping[str, str] = forms.sent_values(request) if error else {}
    messages = {each.pointer.strip("/"): each.detail for each in (error.errors if error else ())}
    lines = line_fields(purchase, unshipped(purchase), sent, messages)
    shown = {"carrier", "tracking", *(line.field for line in lines)}
    context = {
        "purchase": purchase,
        "move": _MOVE,
        "lines": lines,
        "sent": sent,
        "field_errors": messages,
        "errors": [detail for name, detail in messages.items() if name not in shown],
        "max_chars": MAX_SHORT_CHARS,
        "is_part": is_fragment(request),
    }
    template = f"office/purchases/{'ship_form' if is_fragment(request) else 'ship'}.html"
    return page(request, caller, template, context, status=status)
