"""Vouchers in the back office: how often each is redeemed, and what is done to one."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from exactly_once.requests import WriteRequest, WriteResult
from shop import bootstrap
from shop.api.vouchers import VoucherViewSet, voucher_document, voucher_terms
from shop.domain.callers import Caller
from shop.domain.errors import Invalid, VoucherCodeTaken
from shop.domain.money import Money
from shop.domain.vouchers import Voucher, VoucherObstacle, VoucherTerms, VoucherUse, obstacle_of
from shop.office import forms
from shop.office.creation import creation_page
from shop.office.editing import Editor
from shop.office.frame import office_view, page
from shop.office.history import history_page
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
EDITOR = Editor(
    kind=KIND,
    name="voucher",
    url="office-vouchers",
    template="office/vouchers/detail.html",
    viewset=VoucherViewSet,
    load=lambda shop, pk: services.voucher_get(shop=shop, code=pk),
    key=lambda voucher: voucher.code,
    document=voucher_document,
    context=lambda voucher: {"state": _state(voucher)},
)


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
    if request.method != "POST":
        return EDITOR.show(request, caller, pk)

    def update(write: WriteRequest, version: int, values: Mapping[str, Any]) -> WriteResult[Voucher]:
        def change(voucher: Voucher) -> VoucherTerms:
            return voucher_terms({**voucher_document(voucher), **values})

        shop = bootstrap.get_shop()
        return services.voucher_update(shop=shop, request=write, code=pk, change=change, if_match=version)

    return EDITOR.save(request, caller, pk, update, notice="voucher-updated")


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

    def delete(write: WriteRequest, version: int) -> WriteResult[None]:
        return services.voucher_delete(shop=bootstrap.get_shop(), request=write, code=pk, if_match=version)

    template = "office/vouchers/delete.html"
    return EDITOR.delete(request, caller, pk, delete, template=template, notice="voucher-deleted")


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
