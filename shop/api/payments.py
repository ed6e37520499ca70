"""Payments and refunds over HTTP, and the webhooks of payment providers."""

from collections.abc import Mapping
from dataclasses import replace

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.decorators import action
from rest_framework.request import Request

from exactly_once.requests import WriteResult
from shop import telemetry
from shop.api import fields
from shop.api.cart_tokens import cart_caller
from shop.api.conditional import payment_etag
from shop.api.guests import admit_guest
from shop.api.operations import Operation
from shop.api.payment_bodies import (
    NewPayment,
    NewRefund,
    PaymentResponse,
    RefundResponse,
    payment_document,
    refund_document,
)
from shop.api.viewsets import ShopViewSet
from shop.domain.carts import CartCaller
from shop.domain.errors import FieldError, Invalid
from shop.domain.money import Money
from shop.domain.pages import Page
from shop.domain.payments import Payment
from shop.services import payments as services
from shop.services.purchases import purchase_get

_PAYMENT = Operation(response=PaymentResponse, has_etag=True, uses_key=True)


class PayerViewSet(ShopViewSet):
    """What the ViewSets of payments have in common."""

    @property
    def payer(self) -> CartCaller | None:
        """Whose payments the caller reaches: those of a user, or of a guest's purchase by the token of the cart; None
        for all."""
        caller = self.known_caller
        if caller is not None and caller.reaches_all:
            return None
        return cart_caller(self.shop, self.request._request, self.user_id)

    def payment_response(self, request: Request, result: WriteResult[Payment]) -> HttpResponseBase:
        """Respond with a payment after a write."""
        payment = result.value
        if not self.is_replay(result):
            telemetry.payment_changed(payment.provider, payment.status)
        location = {"Location": reverse("payments-detail", args=[payment.id])} if self.operation.status == 201 else {}
        headers = {"ETag": payment_etag(payment), **location}
        return self.write_response(request, result, payment_document(payment), headers)


class PaymentViewSet(PayerViewSet):
    """Payments: customers have access to those of their own purchases, guests by the cart's token, staff to all."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "retrieve": replace(_PAYMENT, uses_key=False),
        "refresh": _PAYMENT,
        "capture": replace(_PAYMENT, problems=("invalid-transition",)),
        "cancel": replace(_PAYMENT, problems=("invalid-transition",)),
        "webhooks": Operation(status=204, problems=("invalid-signature", "not-found")),
    }

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get a payment.

        The shop's own record of it. Refresh it for what the provider knows.
        """
        payment = services.payment_get(shop=self.shop, caller=self.payer, id=pk)
        return self.resource_response(request, payment_document(payment), payment_etag(payment))

    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, pk: str) -> HttpResponseBase:
        """Refresh a payment.

        Asks the provider how the payment is, as when the customer has come back from it: once in two seconds at most.
        Where it was asked just now, or does not answer, the payment is what it was.
        """
        write = self.write_request(request)
        result = services.payment_refresh(shop=self.shop, request=write, caller=self.payer, id=pk)
        return self.payment_response(request, result)

    @action(detail=True, methods=["post"])
    def capture(self, request: Request, pk: str) -> HttpResponseBase:
        """Capture a payment.

        Takes the money of an authorized payment. Where the provider does not answer, the shop asks it again until it
        is captured.
        """
        write = self.write_request(request)
        result = services.payment_capture(shop=self.shop, request=write, id=pk)
        return self.payment_response(request, result)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> HttpResponseBase:
        """Cancel a payment.

        Releases what is authorized. Money that was captured before stays so: refund it.
        """
        write = self.write_request(request)
        result = services.payment_cancel(shop=self.shop, request=write, id=pk)
        return self.payment_response(request, result)

    @action(detail=False, methods=["post"], url_path="webhooks/(?P<provider>[a-z]{1,32})")
    def webhooks(self, request: Request, provider: str) -> HttpResponseBase:
        """Take in an event of a payment provider.

        Signed by the provider within the last five minutes. It takes effect once, in any order, and is ignored where
        it is about no payment of this shop.
        """
        headers = {name.lower(): value for name, value in request.headers.items()}
        result = services.provider_event(
            shop=self.shop,
            request=self.write_request(request),
            provider=provider,
            body=request._request.body,
            headers=headers,
        )
        if result is not None and not self.is_replay(result):
            telemetry.payment_changed(provider, result.value.status)
        return self.respond(request, None)


class PurchasePayments(PayerViewSet):
    """The payments and refunds of a purchase, for its ViewSet."""

    @action(detail=True)
    def payments(self, request: Request, pk: str) -> HttpResponseBase:
        """List the payments of a purchase.

        The oldest first, all on one page.
        """
        self.page_request(request)
        found = services.payment_list(shop=self.shop, caller=self.payer, purchase=pk)
        return self.page_response(request, Page(results=found, next=None, previous=None), payment_document)

    @payments.mapping.post
    def begin_payment(self, request: Request, pk: str) -> HttpResponseBase:
        """Begin a payment.

        Of a placed purchase, as a whole; where a payment is open already, it is the answer. Act on `client_secret` or
        `redirect_url` where the payment requires an action.
        """
        body = self.parsed_body(request)
        order = services.PaymentOrder(
            provider=body["provider"],
            method=body.get("method", ""),
            return_url=body.get("return_url", ""),
            is_captured_later=settings.EVERGREEN_PAYMENT_CAPTURE == "manual",
        )
        write = self.write_request(request)
        if self.known_caller is None:
            admit_guest(self.shop, request._request, write)
        result = services.payment_begin(shop=self.shop, request=write, caller=self.payer, purchase=pk, order=order)
        return self.payment_response(request, result)

    @action(detail=True, methods=["post"])
    def refunds(self, request: Request, pk: str) -> HttpResponseBase:
        """Refund an amount.

        Of what was captured for a purchase; once all of it is refunded, so is the purchase. The header Idempotency-Key
        is required.
        """
        if "Idempotency-Key" not in request.headers:
            raise Invalid(FieldError("Idempotency-Key", "required", "Send a key of your own for this refund."))
        body = self.parsed_body(request)
        currency = purchase_get(shop=self.shop, caller=self.caller, id=pk).total.currency
        result = services.purchase_refund_amount(
            shop=self.shop,
            request=self.write_request(request),
            caller=self.caller,
            purchase=pk,
            amount=refund_minor(body.get("amount"), currency),
            reason=body["reason"],
            restock=body.get("restock", False),
        )
        if not self.is_replay(result):
            telemetry.payment_changed(result.value.payment.provider, result.value.payment.status)
        return self.write_response(request, result, refund_document(result.value.refund))


#: The operations of PurchasePayments.
PAYMENT_OPERATIONS: Mapping[str, Operation] = {
    "payments": Operation(response=PaymentResponse, is_page=True),
    "begin_payment": replace(
        _PAYMENT, body=NewPayment(), status=201, problems=("invalid-transition", "too-many-payments")
    ),
    "refunds": Operation(
        body=NewRefund(),
        response=RefundResponse,
        status=201,
        uses_key=True,
        problems=("invalid-transition", "refund-exceeds-captured", "too-many-refunds"),
    ),
}


def refund_minor(amount: str | None, currency: str) -> int | None:
    """Return the amount of a refund in minor units; None for all that is left.

    Raises:
        Invalid: the amount has more decimals than the currency.
    """
    if amount is None:
        return None
    try:
        return Money.parse(amount, currency).minor
    except Invalid as error:
        raise Invalid(*(replace(each, pointer="/amount", code="invalid-amount") for each in error.errors)) from None
