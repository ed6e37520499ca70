"""The stock of a product in the back office: by how much it changes, or what it is from now on."""

import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from shop import bootstrap
from shop.api.movements import movement_document
from shop.api.pagination import PAGING
from shop.api.products import ProductViewSet, log_adjustment
from shop.domain.callers import Caller
from shop.domain.errors import FieldError, InsufficientStock, Invalid, StockChanged
from shop.domain.movements import Movement
from shop.domain.products import Product
from shop.domain.text import MAX_REASON_CHARS
from shop.office import forms
from shop.office.frame import is_fragment, office_view, page
from shop.office.lists import list_request, listing
from shop.office.notices import done
from shop.services import products as services

#: The ways to change a stock, with their titles.
MODES = {"add": "Add", "remove": "Remove", "set": "Set to"}
_FIELDS = frozenset({"mode", "units", "reason", "expected"})
_UNITS = re.compile(r"[0-9]{1,10}", re.ASCII)


@office_view("GET", "HEAD", "POST")
def stock(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Show the form for the stock of a product, or adjust it. With `form=no` a fragment has no form."""
    if request.method == "POST":
        return _adjust(request, caller, pk)
    product = services.product_get(shop=bootstrap.get_shop(), id=pk)
    if is_fragment(request) and request.GET.get("form") == "no":
        return page(request, caller, "office/stock_cell.html", {"product": product, "is_after_form": True})
    return _form(request, caller, product)


@office_view("GET", "HEAD")
def movements(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show every change of a product's stock, as a page or as a part of the product's page."""
    query = list_request(request, PAGING)
    found = services.product_movements(shop=bootstrap.get_shop(), id=pk, size=query.size, position=query.position)
    is_part = is_fragment(request)
    context = {
        "listing": listing(request, found, _movement_document),
        "id": pk,
        "is_part": is_part,
        "whole_url": request.path,
    }
    return page(request, caller, "office/movements_entries.html" if is_part else "office/movements.html", context)


def _movement_document(movement: Movement) -> dict[str, Any]:
    return {**movement_document(movement), "of_purchase": movement.is_of_purchase}


def _adjust(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    shop, write = bootstrap.get_shop(), forms.form_write(request, caller)
    try:
        values = forms.body_of(ProductViewSet, "stock").parse(_change(request))
        result = services.product_adjust_stock(
            shop=shop, request=write, id=pk, delta=values["delta"], expected=values.get("expected")
        )
    except Invalid as error:
        return _refused(request, caller, pk, _messages(error), status=400)
    except InsufficientStock as error:
        forms.note_replay(request, error)
        message = f"Only {error.shortages[0].available} in stock: fewer than you remove. Nothing was changed."
        return _refused(request, caller, pk, {"units": message}, status=409)
    except StockChanged as error:
        forms.note_replay(request, error)
        message = f"The stock has changed meanwhile, and is {error.stock} now. Nothing was changed: decide again."
        return _refused(request, caller, pk, {"units": message}, status=409)
    log_adjustment(result, pk, values, caller)
    forms.note_replay(request, result)
    if not is_fragment(request):
        return done("stock-adjusted", "office-products-detail", pk=pk)
    product = services.product_get(shop=shop, id=pk)
    context = {"product": product, "is_after_form": True, "text": f"{product.name}: {result.value} in stock now."}
    return page(request, caller, "office/stock_adjusted.html", context)


def _change(request: HttpRequest) -> dict[str, Any]:
    """The body of the API's operation that the form asks for. What it sets is a change of the stock that was shown."""
    sent = forms.sent_values(request)
    units, seen, mode = (sent.get(name, "") for name in ("units", "expected", "mode"))
    if not sent.keys() <= _FIELDS or mode not in MODES:
        raise Invalid(FieldError("/mode", "invalid-choice", f"Use one of: {', '.join(MODES)}."))
    if not _UNITS.fullmatch(units):
        raise Invalid(FieldError("/units", "invalid", "Use a whole number, 0 or more."))
    reason = {"reason": sent.get("reason", "")}
    if mode != "set":
        return {"delta": int(units) if mode == "add" else -int(units), **reason}
    if not _UNITS.fullmatch(seen):
        raise Invalid(FieldError("/units", "required", "Reload the page: the form does not say which stock it showed."))
    return {"delta": int(units) - int(seen), "expected": int(seen), **reason}


def _messages(error: Invalid) -> dict[str, str]:
    """The errors by the field that shows them: the form has units where the API has a change."""
    names = ((each.pointer.strip("/"), each.detail) for each in error.errors)
    return {name if name in ("mode", "reason") else "units": detail for name, detail in names}


def _refused(request: HttpRequest, caller: Caller, pk: str, errors: Mapping[str, str], *, status: int) -> HttpResponse:
    product = services.product_get(shop=bootstrap.get_shop(), id=pk)
    return _form(request, caller, product, forms.sent_values(request), errors, status=status)


def _form(
    request: HttpRequest,
    caller: Caller,
    product: Product,
    sent: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        "product": product,
        "modes": MODES,
        "sent": sent or {"mode": "add"},
        "errors": errors or {},
        "max_reason_chars": MAX_REASON_CHARS,
    }
    template = "office/stock_form.html" if is_fragment(request) else "office/stock.html"
    return page(request, caller, template, context, status=status)
