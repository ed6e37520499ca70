"""Vouchers in the back office: how often each is redeemed, and what is done to one."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from shop import bootstrap
from shop.api.vouchers import VoucherViewSet, voucher_document, voucher_terms
from shop.domain.callers import Caller
from shop.domain.errors import Invalid, PreconditionFailed, VoucherCodeTaken
from shop.domain.money import Money
from shop.domain.vouchers import Voucher, VoucherObstacle, VoucherTerms, VoucherUse, obstacle_of
from shop.office import forms
from shop.office.creation import creation_page
from shop.office.frame import office_view, page
from shop.office.history import history_page, last_entry
from shop.office.lists import list_request, listing, refused_listing
from shop.office.notices import done
from shop.services import vouchers as services

KIND = "voucher"
_NEW = "office/vouchers/new.html"
_LIST = VoucherViewSet.operations["list"].parameters
#: What the badge of a voucher says, by what stands in its way for every cart.
_STATES: Mapping[VoucherObstacle | None, tuple[str, str]] = {
    None: ("Valid", "ok"),
    VoucherObstacle.PAUSED: ("Paused", "warn"),
    VoucherObstacle.NOT_STARTED: ("Not yet valid", "info"),
    VoucherObstacle.ENDED: ("Ended", "bad"),
    VoucherObstacle.EXHAUSTED: ("Used up", "bad"),
}


@office_view("GET", "HEAD")
def vouchers(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List vouchers by code, a page at a time."""
    try:
        query = list_request(request, _LIST)
        found = services.voucher_list(shop=bootstrap.get_shop(), size=query.size, position=query.position)
        shown, status = listing(request, found, _row), 200
    except Invalid as error:
        shown, status = refused_listing(request, error.errors), 400
    return page(request, caller, "office/vouchers/list.html", {"listing": shown}, status=status)


@office_view("GET", "HEAD", "POST")
def new(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    """Show the form for a voucher, or create it."""
    body = forms.body_of(VoucherViewSet, "create")
    if request.method != "POST":
        return creation_page(request, caller, _NEW, body, {})
    write = forms.form_write(request, caller)
    try:
        values = forms.form_values(request, body)
        result = services.voucher_create(
            shop=bootstrap.get_shop(), request=write, code=values["code"], terms=voucher_terms(values)
        )
    except Invalid as error:
        return creation_page(request, caller, _NEW, body, forms.sent_values(request), error, status=400)
    except VoucherCodeTaken as error:
        refusal = forms.refused(request, error, "code", "Another voucher has this code.")
        return creation_page(request, caller, _NEW, body, forms.sent_values(request), refusal, status=409)
    forms.note_replay(request, result)
    return done("voucher-created", "office-vouchers-detail", pk=result.value.code)


@office_view("GET", "HEAD", "POST")
def detail(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Show a voucher with its form, or save its terms."""
    if request.method == "POST":
        return _update(request, caller, pk)
    voucher = services.voucher_get(shop=bootstrap.get_shop(), code=pk)
    shown = forms.controls(forms.body_of(VoucherViewSet, "update"), voucher_document(voucher))
    return _detail(request, caller, voucher, shown)


@office_view("POST")
def pause(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Let the voucher be redeemed no more."""
    return _set_paused(request, caller, pk, is_paused=True)


@office_view("POST")
def resume(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Let the voucher be redeemed again."""
    return _set_paused(request, caller, pk, is_paused=False)


@office_view("GET", "HEAD")
def history(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show what was done to the vouchers of this code, and by whom."""
    return history_page(request, caller, kind=KIND, id=pk)


@office_view("GET", "HEAD", "POST")
def delete(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to delete a voucher, or delete it in the version that was shown."""
    shop, template = bootstrap.get_shop(), "office/vouchers/delete.html"
    if request.method != "POST":
        return page(request, caller, template, {"voucher": services.voucher_get(shop=shop, code=pk)})
    version, write = forms.form_version(request), forms.form_write(request, caller)
    try:
        result = services.voucher_delete(shop=shop, request=write, code=pk, if_match=version)
    except PreconditionFailed as error:
        forms.note_replay(request, error)
        context = {"voucher": services.voucher_get(shop=shop, code=pk), "is_stale": True}
        return page(request, caller, template, context, status=412)
    forms.note_replay(request, result)
    return done("voucher-deleted", "office-vouchers")


def _state(voucher: Voucher) -> dict[str, str]:
    """The state of a voucher for any cart and any customer: its title, and the kind of its badge."""
    items = Money(minor=voucher.minimum or 0, currency=voucher.currency or "EUR")
    obstacle = obstacle_of(voucher, VoucherUse(items=items, at=bootstrap.get_shop().clock.now()))
    title, badge = _STATES[obstacle]
    return {"title": title, "badge": badge}


def _row(voucher: Voucher) -> dict[str, Any]:
    return {**voucher_document(voucher), "state": _state(voucher)}


def _set_paused(request: HttpRequest, caller: Caller, code: str, *, is_paused: bool) -> HttpResponseBase:
    write = forms.form_write(request, caller)
    result = services.voucher_pause(shop=bootstrap.get_shop(), request=write, code=code, is_paused=is_paused)
    forms.note_replay(request, result)
    return done("voucher-paused" if is_paused else "voucher-resumed", "office-vouchers-detail", pk=result.value.code)


def _update(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    body, shop = forms.body_of(VoucherViewSet, "update"), bootstrap.get_shop()
    version, write = forms.form_version(request), forms.form_write(request, caller)
    try:
        values = forms.form_values(request, body)

        def change(voucher: Voucher) -> VoucherTerms:
            return voucher_terms({**voucher_document(voucher), **values})

        result = services.voucher_update(shop=shop, request=write, code=pk, change=change, if_match=version)
    except Invalid as error:
        shown, context = forms.refused_edit(request, body, error)
        return _detail(request, caller, services.voucher_get(shop=shop, code=pk), shown, context, status=400)
    except PreconditionFailed as error:
        return _stale_update(request, caller, services.voucher_get(shop=shop, code=pk), error)
    forms.note_replay(request, result)
    return done("voucher-updated", "office-vouchers-detail", pk=result.value.code)


def _stale_update(request: HttpRequest, caller: Caller, voucher: Voucher, error: PreconditionFailed) -> HttpResponse:
    """Show the form with what was sent and with what another edit has saved meanwhile, for the present version."""
    shown = forms.stale_edit(request, forms.body_of(VoucherViewSet, "update"), error, voucher_document(voucher))
    context = {"is_stale": True, "last_entry": last_entry(KIND, voucher.code)}
    return _detail(request, caller, voucher, shown, context, status=412)


def _detail(
    request: HttpRequest,
    caller: Caller,
    voucher: Voucher,
    controls: list[forms.Control],
    more: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"voucher": voucher, "state": _state(voucher), "controls": controls, "version": voucher.version}
    return page(request, caller, "office/vouchers/detail.html", {**context, **(more or {})}, status=status)
