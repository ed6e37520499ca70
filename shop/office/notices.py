"""What a page says of the write that led to it: a code in the query, never a text."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.urls import reverse

PARAMETER = "done"

NOTICES: Mapping[str, str] = {
    "product-created": "The product is created.",
    "product-updated": "The changes are saved.",
    "product-withdrawn": "The product is withdrawn from the catalogue.",
    "stock-adjusted": "The stock is adjusted.",
    "purchase-paid": "The purchase is paid.",
    "purchase-shipped": "The purchase is shipped.",
    "purchase-partially_shipped": "The shipment is recorded. Other units are still to be shipped.",
    "purchase-delivered": "The purchase is delivered.",
    "purchase-cancelled": "The purchase is cancelled. Its units are back in stock.",
    "purchase-refunded": "The purchase is refunded.",
    "payment-captured": "The money is captured.",
    "payment-capture-pending": "The capture is recorded. The provider has not confirmed it yet: it is asked again.",
    "payment-cancelled": "The payment is cancelled.",
    "payment-cancel-pending": "The cancellation is recorded. The provider has not confirmed it yet: it is asked again.",
    "payment-refreshed": "This is what is known of the payment now.",
    "refund-succeeded": "The amount is refunded.",
    "refund-pending": "The refund is recorded. The provider has not confirmed it yet: it is asked again.",
    "refund-failed": "The provider has refused the refund. No money went back.",
    "return-approved": "The return is approved. The buyer may send the units.",
    "return-received": "The return is received. Its money goes back by a refund of the purchase.",
    "return-refused": "The return is refused.",
    "webhook-updated": "The changes are saved.",
    "webhook-tested": "A test is on its way: its delivery shows the answer in a moment.",
    "webhook-deleted": "The webhook endpoint is deleted.",
    "redelivered": "The delivery is due again.",
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
    # As it was sent: a list has taken the parameter out of its own query.
    return NOTICES.get(QueryDict(request.META.get("QUERY_STRING", "")).get(PARAMETER, ""), "")


def done(code: str, url_name: str, **kwargs: str) -> HttpResponseRedirect:
    """Redirect after a write to this page, which shows the notice; so that a reload does not send the form again."""
    return HttpResponseRedirect(f"{reverse(url_name, kwargs=kwargs)}?{urlencode({PARAMETER: code})}")
