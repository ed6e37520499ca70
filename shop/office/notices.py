"""What a page says of the write that led to it: a code in the query, never a text."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

PARAMETER = "done"

NOTICES: Mapping[str, str] = {
    "product-created": "The product is created.",
    "product-updated": "The changes are saved.",
    "product-withdrawn": "The product is withdrawn from the catalogue.",
    "stock-adjusted": "The stock is adjusted.",
    "purchase-paid": "The purchase is paid.",
    "purchase-shipped": "The purchase is shipped.",
    "purchase-delivered": "The purchase is delivered.",
    "purchase-cancelled": "The purchase is cancelled. Its units are back in stock.",
    "purchase-refunded": "The purchase is refunded.",
    "user-updated": "The changes are saved.",
    "user-role-set": "The role is set.",
    "user-erased": "The user is erased. The purchases stay, anonymous.",
    "voucher-created": "The voucher is created.",
    "voucher-updated": "The changes are saved.",
    "voucher-paused": "The voucher is paused: it is not redeemed.",
    "voucher-resumed": "The voucher is redeemed again.",
    "voucher-deleted": "The voucher is deleted. Purchases have their discount still.",
    "shipping-method-created": "The shipping method is created.",
    "shipping-method-updated": "The changes are saved.",
    "shipping-method-deleted": "The shipping method is deleted. Purchases have their copy of it.",
}


def notice_of(request: HttpRequest) -> str:
    """Return the notice that the query names; empty where it names none that there is."""
    return NOTICES.get(request.GET.get(PARAMETER, ""), "")


def done(code: str, url_name: str, **kwargs: str) -> HttpResponseRedirect:
    """Redirect after a write to this page, which shows the notice; so that a reload does not send the form again."""
    return HttpResponseRedirect(f"{reverse(url_name, kwargs=kwargs)}?{urlencode({PARAMETER: code})}")
