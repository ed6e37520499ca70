"""The problems of payments, refunds and the webhooks of payment providers."""

from collections.abc import Mapping

from shop.api.problem import Problem
from shop.domain import errors
from shop.domain.payments import MAX_GUEST_PAYMENTS, MAX_PAYMENTS, MAX_REFUNDS

PAYMENT_PROBLEMS = (
    Problem(
        code="invalid-signature",
        status=400,
        title="Invalid signature",
        meaning="The signature of a webhook is missing, is not the provider's over these bytes, or is older than five "
        "minutes. Nothing was changed.",
        remedy="Sign the bytes of the body as they are sent, with the present time and the secret of this shop.",
    ),
    Problem(
        code="refund-exceeds-captured",
        status=409,
        title="Refund exceeds captured amount",
        meaning="More is to be refunded than was captured, less what is refunded already or about to be. Nothing was "
        "changed.",
        remedy="Refund at most `refundable`.",
        members={"refundable": {"type": "string"}, "currency": {"type": "string"}},
        example={"refundable": "2.49", "currency": "EUR"},
    ),
    Problem(
        code="too-many-payments",
        status=409,
        title="Too many payments",
        meaning=f"A purchase may have {MAX_PAYMENTS} payments, a guest may begin {MAX_GUEST_PAYMENTS} of them, failed "
        "ones included.",
        remedy="Place the purchase again.",
        members={"limit": {"type": "integer", "minimum": 1}},
        example={"limit": MAX_PAYMENTS},
    ),
    Problem(
        code="too-many-refunds",
        status=409,
        title="Too many refunds",
        meaning=f"A payment may have {MAX_REFUNDS} refunds.",
        remedy="Refund what is left by other means.",
        members={"limit": {"type": "integer", "minimum": 1}},
        example={"limit": MAX_REFUNDS},
    ),
)

PAYMENT_CODES: Mapping[type[Exception], str] = {
    errors.InvalidSignature: "invalid-signature",
    errors.RefundExceedsCaptured: "refund-exceeds-captured",
    errors.TooManyPayments: "too-many-payments",
    errors.TooManyRefunds: "too-many-refunds",
}
