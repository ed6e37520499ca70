"""Payments in the back office: those that are not settled, and what staff do about one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from exactly_once.requests import WriteResult
from shop import bootstrap, telemetry
from shop.api.context import context_of
from shop.domain.callers import Caller
from shop.domain.errors import InvalidTransition
from shop.domain.payments import Payment, PaymentStatus
from shop.office import forms
from shop.office.frame import is_fragment, office_view, page
from shop.office.notices import done
from shop.services import payments as services
from shop.services.reconciliation import MAX_UNSETTLED, payments_unsettled


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What a page offers to do about a payment: its name in URLs and in the API, its title, and what it means. `target`
    is the status behind it."""

    name: str
    target: PaymentStatus
    title: str
    meaning: str
    service: Callable[..., WriteResult[Payment]]
    is_final: bool = False


STEPS: Mapping[str, Step] = {
    step.name: step
    for step in (
        Step(
            name="capture",
            target=PaymentStatus.CAPTURED,
            title="Capture the money",
            meaning="Takes all that is authorized. The purchase becomes paid.",
            service=services.payment_capture,
        ),
        Step(
            name="cancel",
            target=PaymentStatus.CANCELLED,
            title="Cancel the payment",
            meaning="Releases what is authorized. The buyer can begin another payment, as long as the purchase waits.",
            service=services.payment_cancel,
            is_final=True,
        ),
    )
}

#: What an open payment waits for.
_WAITS: Mapping[PaymentStatus, str] = {
    PaymentStatus.PROCESSING: "The provider has not said yet how it is",
    PaymentStatus.REQUIRES_ACTION: "The buyer has to confirm it",
    PaymentStatus.AUTHORIZED: "The money is to be captured",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentRow:
    """A payment as a page shows it: what it waits for, and what can be done about it, each with the name of its URL."""

    payment: Payment
    waits_for: str
    steps: list[tuple[Step, str]]


def payment_row(payment: Payment) -> PaymentRow:
    """Make the row of a payment."""
    steps = [step for step in STEPS.values() if step.target in payment.status.successors]
    return PaymentRow(
        payment=payment,
        waits_for=_waits_for(payment),
        steps=[(step, f"office-payments-{step.name}") for step in steps],
    )


@office_view("GET", "HEAD")
def payments(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List the payments that are open, or have a refund that the provider has not confirmed."""
    rows = [payment_row(payment) for payment in payments_unsettled(shop=bootstrap.get_shop())]
    context = {"rows": rows, "is_full": len(rows) >= MAX_UNSETTLED, "max_rows": MAX_UNSETTLED}
    return page(request, caller, "office/payments/list.html", context)


@office_view("GET", "HEAD", "POST")
def capture(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to capture an authorized payment, or do so."""
    return _step(request, caller, pk, STEPS["capture"])


@office_view("GET", "HEAD", "POST")
def cancel(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to cancel an open payment, or do so."""
    return _step(request, caller, pk, STEPS["cancel"])


@office_view("POST")
def refresh(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask the provider how a payment is."""
    write = forms.form_write(request, caller)
    result = services.payment_refresh(shop=bootstrap.get_shop(), request=write, caller=None, id=pk)
    note_payment(request, result)
    return done("payment-refreshed", "office-purchases-detail", pk=result.value.purchase)


def note_payment(request: HttpRequest, result: WriteResult[Payment]) -> None:
    """Record a payment behind a write, for log and metrics, as the API does."""
    forms.note_replay(request, result)
    if not result.is_replay_for(context_of(request).request_id):
        telemetry.payment_changed(result.value.provider, result.value.status)


def _step(request: HttpRequest, caller: Caller, pk: str, step: Step) -> HttpResponseBase:
    shop = bootstrap.get_shop()
    if request.method != "POST":
        payment = services.payment_get(shop=shop, caller=None, id=pk)
        is_possible = step.target in payment.status.successors
        return _form(request, caller, payment, step, status=200 if is_possible else 409)
    write = forms.form_write(request, caller)
    try:
        result = step.service(shop=shop, request=write, id=pk)
    except InvalidTransition as error:
        forms.note_replay(request, error)
        return _form(request, caller, services.payment_get(shop=shop, caller=None, id=pk), step, status=409)
    note_payment(request, result)
    code = f"payment-{step.target}" if result.value.status is step.target else f"payment-{step.name}-pending"
    return done(code, "office-purchases-detail", pk=result.value.purchase)


def _form(request: HttpRequest, caller: Caller, payment: Payment, step: Step, *, status: int) -> HttpResponse:
    """Show the form of a step; with status 409 that it is not possible."""
    context = {
        "payment": payment,
        "step": step,
        "step_url": f"office-payments-{step.name}",
        "is_possible": status == 200,
        "is_part": is_fragment(request),
    }
    template = f"office/payments/{'step_form' if is_fragment(request) else 'step'}.html"
    return page(request, caller, template, context, status=status)


def _waits_for(payment: Payment) -> str:
    """What is missing until the payment is settled; empty where nothing is."""
    if payment.pending_refunds:
        return "The provider has not confirmed a refund"
    return _WAITS.get(payment.status, "")
