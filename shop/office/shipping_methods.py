"""Shipping methods in the back office: what customers may choose, and what is done to one."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from exactly_once.requests import WriteRequest, WriteResult
from shop import bootstrap
from shop.api.shipping_methods import ShippingMethodViewSet, shipping_method_details, shipping_method_document
from shop.domain.callers import Caller
from shop.domain.errors import Invalid, ShippingMethodTaken, TooManyShippingMethods
from shop.domain.shipping_methods import MAX_SHIPPING_METHODS, ShippingMethod, ShippingMethodDetails
from shop.office import forms
from shop.office.creation import creation_page
from shop.office.editing import Editor
from shop.office.frame import office_view, page
from shop.office.history import history_page
from shop.office.lists import list_request, listing, refused_listing
from shop.office.notices import done
from shop.services import shipping_methods as services

KIND = "shipping_method"
_NEW = "office/shipping_methods/new.html"
_LIST = ShippingMethodViewSet.operations["list"].parameters
EDITOR = Editor(
    kind=KIND,
    name="method",
    url="office-shipping-methods",
    template="office/shipping_methods/detail.html",
    viewset=ShippingMethodViewSet,
    load=lambda shop, pk: services.shipping_method_get(shop=shop, code=pk),
    key=lambda method: method.code,
    document=shipping_method_document,
)


@office_view("GET", "HEAD")
def shipping_methods(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List shipping methods by code, a page at a time."""
    try:
        query = list_request(request, _LIST)
        found = services.shipping_method_list(shop=bootstrap.get_shop(), size=query.size, position=query.position)
        shown, status = listing(request, found, shipping_method_document), 200
    except Invalid as error:
        shown, status = refused_listing(request, error.errors), 400
    return page(request, caller, "office/shipping_methods/list.html", {"listing": shown}, status=status)


@office_view("GET", "HEAD", "POST")
def new(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    """Show the form for a shipping method, or create it."""
    body = forms.body_of(ShippingMethodViewSet, "create")
    if request.method != "POST":
        return creation_page(request, caller, _NEW, body, {})
    write = forms.form_write(request, caller)
    try:
        values = forms.form_values(request, body)
        result = services.shipping_method_create(
            shop=bootstrap.get_shop(), request=write, code=values["code"], details=shipping_method_details(values)
        )
    except Invalid as error:
        return creation_page(request, caller, _NEW, body, forms.sent_values(request), error, status=400)
    except ShippingMethodTaken as error:
        refusal = forms.refused(request, error, "code", "Another shipping method has this code.")
        return creation_page(request, caller, _NEW, body, forms.sent_values(request), refusal, status=409)
    except TooManyShippingMethods as error:
        refusal = forms.refused(request, error, "", f"The shop has {MAX_SHIPPING_METHODS} already: delete one first.")
        return creation_page(request, caller, _NEW, body, forms.sent_values(request), refusal, status=409)
    forms.note_replay(request, result)
    return done("shipping-method-created", "office-shipping-methods-detail", pk=result.value.code)


@office_view("GET", "HEAD", "POST")
def detail(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Show a shipping method with its form, or save its fields."""
    if request.method != "POST":
        return EDITOR.show(request, caller, pk)
    return EDITOR.save(request, caller, pk, _update(pk, _changed), notice="shipping-method-updated")


@office_view("POST")
def active(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Let a shipping method be chosen, or not any more."""
    update = _update(pk, _activated)
    return EDITOR.save(request, caller, pk, update, action="partial_update", notice="shipping-method-updated")


@office_view("GET", "HEAD")
def history(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show what was done to the shipping methods of this code, and by whom."""
    return history_page(request, caller, kind=KIND, id=pk)


@office_view("GET", "HEAD", "POST")
def delete(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to delete a shipping method, or delete it in the version that was shown."""

    def delete(write: WriteRequest, version: int) -> WriteResult[None]:
        return services.shipping_method_delete(shop=bootstrap.get_shop(), request=write, code=pk, if_match=version)

    template = "office/shipping_methods/delete.html"
    return EDITOR.delete(request, caller, pk, delete, template=template, notice="shipping-method-deleted")


def _changed(method: ShippingMethod, values: Mapping[str, Any]) -> ShippingMethodDetails:
    return shipping_method_details({**shipping_method_document(method), **values})


def _activated(method: ShippingMethod, values: Mapping[str, Any]) -> ShippingMethodDetails:
    present = ShippingMethodDetails(
        name=method.name, price=method.price, countries=method.countries, is_active=method.is_active
    )
    return replace(present, is_active=values["active"])


def _update(
    pk: str, to_details: Callable[[ShippingMethod, Mapping[str, Any]], ShippingMethodDetails]
) -> Callable[[WriteRequest, int, Mapping[str, Any]], WriteResult[ShippingMethod]]:
    def update(write: WriteRequest, version: int, values: Mapping[str, Any]) -> WriteResult[ShippingMethod]:
        def change(method: ShippingMethod) -> ShippingMethodDetails:
            return to_details(method, values)

        shop = bootstrap.get_shop()
        return services.shipping_method_update(shop=shop, request=write, code=pk, change=change, if_match=version)

    return update
