"""Returns in the back office: what buyers want to send back, approved or refused, and received."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from exactly_once.requests import WriteResult
from shop import bootstrap, telemetry
from shop.api.context import context_of
from shop.api.returns import ReturnViewSet, return_document
from shop.api.units import units
from shop.domain.callers import Caller
from shop.domain.errors import FieldError, Invalid, InvalidTransition, UnitsExceeded
from shop.domain.purchases import units_of
from shop.domain.returns import RETURN_TRANSITIONS, Return, ReturnQuery, ReturnStatus
from shop.office import forms
from shop.office.frame import is_fragment, office_view, page
from shop.office.history import history_page
from shop.office.line_units import exceeded, line_fields, sent_lines
from shop.office.lists import list_request, listing, refused_listing
from shop.office.notices import done
from shop.office.purchases import purchase_of
from shop.services import returns as services

KIND = "return"
_LIST = ReturnViewSet.operations["list"].parameters


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A transition of a return that a page offers."""

    name: str
    target: ReturnStatus
    title: str
    meaning: str
    is_final: bool = False


STEPS: Mapping[str, Step] = {
    step.name: step
    for step in (
        Step(
            name="approve",
            target=ReturnStatus.APPROVED,
            title="Approve the return",
            meaning="The buyer may send the units. Nothing is refunded yet.",
        ),
        Step(
            name="receive",
            target=ReturnStatus.RECEIVED,
            title="Receive the return",
            meaning="Confirms that these units have arrived. The money goes back by a refund of the purchase.",
        ),
        Step(
            name="refuse",
            target=ReturnStatus.REFUSED,
            title="Refuse the return",
            meaning="The units stay with the buyer, who may ask for another return of them. This cannot be undone.",
            is_final=True,
        ),
    )
}


@office_view("GET", "HEAD")
def returns(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List returns, newest first, by status."""
    shop = bootstrap.get_shop()
    try:
        query = list_request(request, _LIST)
        wanted = ReturnQuery(**query.filters)
        found = services.return_list(shop=shop, caller=caller, query=wanted, size=query.size, position=query.position)
        shown, status = listing(request, found, _row), 200
    except Invalid as error:
        shown, status = refused_listing(request, error.errors), 400
    template = f"office/returns/{'results' if is_fragment(request) else 'list'}.html"
    return page(request, caller, template, {"listing": shown, "statuses": [*ReturnStatus]}, status=status)


@office_view("GET", "HEAD")
def detail(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show a return: its units, its purchase, and what may follow."""
    return _detail(request, caller, _return(caller, pk))


@office_view("GET", "HEAD")
def history(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show what the audit has of a return."""
    return history_page(request, caller, kind=KIND, id=pk)


@office_view("GET", "HEAD", "POST")
def approve(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to approve a return, or do so."""
    return _settle(request, caller, pk, STEPS["approve"], services.return_approve)


@office_view("GET", "HEAD", "POST")
def refuse(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to refuse a return, or do so."""
    return _settle(request, caller, pk, STEPS["refuse"], services.return_refuse)


@office_view("GET", "HEAD", "POST")
def receive(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask which units of a return have arrived, or record them."""
    step = STEPS["receive"]
    if request.method != "POST":
        return _ask(request, caller, pk, step)
    write = forms.form_write(request, caller)
    try:
        values = _receipt(request, _return(caller, pk))
        result = services.return_receive(
            shop=bootstrap.get_shop(),
            request=write,
            caller=caller,
            id=pk,
            restock=values["restock"],
            lines=values["lines"],
        )
    except Invalid as error:
        return _form(request, caller, _return(caller, pk), step, error, status=400)
    except UnitsExceeded as error:
        forms.note_replay(request, error)
        return _form(request, caller, _return(caller, pk), step, exceeded(error), status=409)
    except InvalidTransition as error:
        forms.note_replay(request, error)
        return _conflict(request, caller, pk, step)
    return _moved(request, result)


def _settle(
    request: HttpRequest, caller: Caller, pk: str, step: Step, service: Callable[..., WriteResult[Return]]
) -> HttpResponseBase:
    if request.method != "POST":
        return _ask(request, caller, pk, step)
    write = forms.form_write(request, caller)
    try:
        return _moved(request, service(shop=bootstrap.get_shop(), request=write, id=pk))
    except InvalidTransition as error:
        forms.note_replay(request, error)
        return _conflict(request, caller, pk, step)


def _receipt(request: HttpRequest, found: Return) -> dict[str, Any]:
    """Raises: Invalid."""
    lines = sent_lines(request, [*units_of(found.lines)])
    if "restock" not in request.POST:
        raise Invalid(FieldError("/restock", "required", "Choose whether the units return to stock."))
    sent = {"lines": lines, "restock": request.POST["restock"] == "true"}
    values = forms.body_of(ReturnViewSet, "receive").parse(sent)
    return {**values, "lines": units(values["lines"])}


def _moved(request: HttpRequest, result: WriteResult[Return]) -> HttpResponseBase:
    forms.note_replay(request, result)
    if not result.is_replay_for(context_of(request).request_id):
        telemetry.return_moved(result.value.status)
    return done(f"return-{result.value.status}", "office-returns-detail", pk=result.value.id)


def _return(caller: Caller, pk: str) -> Return:
    return services.return_get(shop=bootstrap.get_shop(), caller=caller, id=pk)


def _ask(request: HttpRequest, caller: Caller, pk: str, step: Step) -> HttpResponse:
    found = _return(caller, pk)
    if step.target not in RETURN_TRANSITIONS[found.status]:
        return _conflict(request, caller, pk, step)
    return _form(request, caller, found, step)


def _form(
    request: HttpRequest, caller: Caller, found: Return, step: Step, error: Invalid | None = None, *, status: int = 200
) -> HttpResponse:
    sent = forms.sent_values(request) if error else {}
    messages = {each.pointer.strip("/"): each.detail for each in (error.errors if error else ())}
    lines = line_fields(purchase_of(caller, found.purchase), units_of(found.lines), sent, messages)
    shown = {line.field for line in lines}
    context = {
        "return": found,
        "step": step,
        "step_url": f"office-returns-{step.name}",
        "lines": lines if step.name == "receive" else (),
        "sent": sent,
        "errors": [detail for name, detail in messages.items() if name not in shown],
        "is_part": is_fragment(request),
    }
    template = f"office/returns/{'step_form' if is_fragment(request) else 'step'}.html"
    return page(request, caller, template, context, status=status)


def _conflict(request: HttpRequest, caller: Caller, pk: str, step: Step) -> HttpResponse:
    return _detail(request, caller, _return(caller, pk), {"conflict": step}, status=409)


def _detail(
    request: HttpRequest, caller: Caller, found: Return, more: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    purchase, is_part = purchase_of(caller, found.purchase), is_fragment(request)
    counts = [units_of(lines) for lines in (found.lines, found.received, found.restocked)]
    context = {
        "return": found,
        "purchase": purchase,
        "steps": _steps(found),
        "lines": [
            {"item": item, "counts": [count.get(item.product, 0) for count in counts]}
            for item in purchase.items
            if item.product in counts[0]
        ],
        **(more or {}),
    }
    template = f"office/returns/{'steps' if is_part else 'detail'}.html"
    return page(request, caller, template, context, status=status)


def _steps(found: Return) -> list[tuple[Step, str]]:
    """The transitions that the return can make, each with the name of its URL."""
    steps = [step for step in STEPS.values() if step.target in RETURN_TRANSITIONS[found.status]]
    return [(step, f"office-returns-{step.name}") for step in steps]


def _row(found: Return) -> dict[str, Any]:
    return {**return_document(found), "units": sum(units_of(found.lines).values())}
