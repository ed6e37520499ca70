"""The JSON documents of payments and refunds, and the bodies that make them."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from shop.api import fields
from shop.api.examples import PAYMENT, REFUND
from shop.api.parsing import Body
from shop.api.purchase_bodies import Author
from shop.api.serializer_examples import example
from shop.domain.money import STORED_CURRENCIES
from shop.domain.payments import Payment, PaymentStatus, Refund, RefundStatus
from shop.domain.text import MAX_REASON_CHARS

MAX_URL_CHARS, MAX_METHOD_CHARS = 2000, 200
_ORDER = {"provider": "fake", "method": "tok_ok", "return_url": "https://shop.example/thanks"}


class ReturnUrl(fields.Text):
    """An address of http or https."""

    default_error_messages = {"invalid_url": "Use a URL that begins with https:// or http://."}

    @property
    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.max_chars, "pattern": "^(https?://[!-~]+)?$"}

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        has_scheme = value.startswith(("https://", "http://"))
        if value and not (has_scheme and value.isascii() and value.isprintable() and " " not in value):
            self.fail("invalid_url")
        return value


@extend_schema_serializer(component_name="NewPayment", examples=example(_ORDER))
class NewPayment(Body):
    """How to pay a purchase."""

    provider = fields.Text(max_chars=MAX_METHOD_CHARS, help_text="A payment provider of this shop.")
    method = fields.Text(
        max_chars=MAX_METHOD_CHARS,
        required=False,
        allow_blank=True,
        help_text="The provider's name of what is charged, such as the token of a card.",
    )
    return_url = ReturnUrl(
        max_chars=MAX_URL_CHARS,
        required=False,
        allow_blank=True,
        help_text="Where the provider sends the customer's browser afterwards.",
    )


@extend_schema_serializer(component_name="NewRefund", examples=example({"amount": "2.49", "reason": "Bruised"}))
class NewRefund(Body):
    """How much to refund, and why."""

    amount = fields.Price(required=False, help_text="In the currency of the purchase; all that is left, without it.")
    reason = fields.Text(max_chars=MAX_REASON_CHARS)
    restock = fields.Boolean(
        required=False,
        help_text="Whether the units of the purchase that are not back yet return to stock, once all of the money is "
        "back: only with a refund of all that is left.",
    )


@extend_schema_serializer(component_name="PaymentRefund", examples=example(REFUND))
class RefundResponse(fields.ResponseBody):
    """Money of a payment that goes back."""

    id = fields.Id()
    amount = fields.Total()
    status = fields.Choice(list(RefundStatus), component="RefundStatus")
    restock = fields.Boolean()
    reason = fields.Text(max_chars=MAX_REASON_CHARS)
    by = Author(allow_null=True, help_text="Who asked for it; null where the buyer did.")
    created_at = fields.Instant()


@extend_schema_serializer(component_name="Payment", examples=example(PAYMENT))
class PaymentResponse(fields.ResponseBody):
    """A payment of a purchase."""

    id = fields.Id()
    purchase = fields.Id()
    provider = fields.Text()
    status = fields.Choice(list(PaymentStatus), component="PaymentStatus")
    amount = fields.Total()
    currency = fields.Choice(sorted(STORED_CURRENCIES), component="StoredCurrency")
    authorized = fields.Total()
    captured = fields.Total()
    refunded = fields.Total()
    refunds = RefundResponse(many=True)
    client_secret = fields.Text(allow_null=True, help_text="For the provider's script in the customer's browser.")
    redirect_url = fields.Text(
        max_chars=MAX_URL_CHARS, allow_null=True, help_text="Where the customer must go; null where nowhere."
    )
    failure = fields.Text(allow_null=True, help_text="The provider's code of why it failed.")
    created_at = fields.Instant()
    updated_at = fields.Instant()
    version = fields.Integer(minimum=1)


def payment_document(payment: Payment) -> dict[str, Any]:
    """Build the JSON document of a payment."""
    return {
        "id": payment.id,
        "purchase": payment.purchase,
        "provider": payment.provider,
        "status": payment.status,
        "amount": str(payment.amount),
        "currency": payment.amount.currency,
        "authorized": str(payment.authorized),
        "captured": str(payment.captured),
        "refunded": str(payment.refunded),
        "refunds": [refund_document(refund) for refund in payment.refunds],
        "client_secret": payment.client_secret or None,
        "redirect_url": payment.redirect_url or None,
        "failure": payment.failure or None,
        "created_at": payment.created_at,
        "updated_at": payment.updated_at,
        "version": payment.version,
    }


def refund_document(refund: Refund) -> dict[str, Any]:
    """Build the JSON document of a refund."""
    return {
        "id": refund.id,
        "amount": str(refund.amount),
        "status": refund.status,
        "restock": refund.restock,
        "reason": refund.reason,
        "by": refund.by,
        "created_at": refund.created_at,
    }
