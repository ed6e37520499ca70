"""Refunds of amounts in the back office."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from exactly_once.requests import WriteResult
from shop import bootstrap
from shop.api.payments import refund_minor
from shop.api.purchases import PurchaseViewSet
from shop.domain.callers import Caller
from shop.domain.errors import Invalid, InvalidTransition, RefundExceedsCaptured, TooManyRefunds
from shop.domain.purchases import Purchase, Status
from shop.domain.text import MAX_REASON_CHARS
from shop.office import forms
from shop.office.frame import is_fragment, office_view, page
from shop.office.notices import done
from shop.office.payments import note_payment
from shop.office.purchases import MOVES, conflict, form_choices, purchase_of
from shop.services.payments import purchase_refund_amount

_BODY = "refunds"
_MOVE = MOVES["refund-amount"]


@office_view("GET", "HEAD", "POST")
def refund_amount(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Show the form for the refund of an amount of a purchase, or reserve it and have the provider make it."""
    if request.method == "POST":
        return _refund(request, caller, pk)
    purchase = purchase_of(caller, pk)
    if Status.REFUNDED not in purchase.next_statuses:
        return conflict(request, caller, purchase, _MOVE)
    return _form(request, caller, purchase)


def _refund(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    write, purchase = forms.form_write(request, caller), purchase_of(caller, pk)
    try:
        values = form_choices(request, forms.body_of(PurchaseViewSet, _BODY))
        result = purchase_refund_amount(
            shop=bootstrap.get_shop(),
            request=write,
            caller=caller,
            purchase=pk,
            amount=refund_minor(values.get("amount"), purchase.total.currency),
            reason=values["reason"],
            restock=values["restock"],
        )
    except Invalid as error:
        return _form(request, caller, purchase, error, status=400)
    except RefundExceedsCaptured as error:
        return _form(request, caller, purchase, _exceeded(request, error), status=409)
    except TooManyRefunds as error:
        return _form(request, caller, purchase, forms.refused(request, error, "", str(error)), status=409)
    except InvalidTransition as error:
        forms.note_replay(request, error)
        return conflict(request, caller, purchase_of(caller, pk), _MOVE)
    note_payment(request, WriteResult(value=result.value.payment, origin_request_id=result.origin_request_id))
    return done(f"refund-{result.value.refund.status}", "office-purchases-detail", pk=pk)


def _exceeded(request: HttpRequest, error: RefundExceedsCaptured) -> Invalid:
    detail = f"At most {error.refundable} {error.currency} can be refunded now: nothing was."
    return forms.refused(request, error, "amount", f"{detail} Other refunds may have come first.")


def _form(
    request: HttpRequest, caller: Caller, purchase: Purchase, error: Invalid | None = None, *, status: int = 200
) -> HttpResponse:
    errors = error.errors if error else ()
    messages = {each.pointer.strip("/"): each.detail for each in errors}
    context = {
        "purchase": purchase,
        "move": _MOVE,
        "sent": forms.sent_values(request) if error else {},
        "field_errors": messages,
        "errors": [detail for name, detail in messages.items() if name not in ("amount", "reason", "restock")],
        "max_reason_chars": MAX_REASON_CHARS,
        "is_part": is_fragment(request),
    }
    template = f"office/purchases/{'refund_amount_form' if is_fragment(request) else 'refund_amount'}.html"
    return page(request, caller, template, context, status=status)
