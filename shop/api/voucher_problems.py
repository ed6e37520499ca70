"""The problems of vouchers, shipping methods and addresses."""

from collections.abc import Mapping

from shop.api.problem import Problem
from shop.domain import errors, voucher_errors
from shop.domain.addresses import MAX_ADDRESSES
from shop.domain.shipping_methods import MAX_SHIPPING_METHODS
from shop.domain.vouchers import VoucherObstacle

_REASON = {"$ref": "#/components/schemas/VoucherObstacle"}

VOUCHER_PROBLEMS = (
    Problem(
        code="voucher-code-taken",
        status=409,
        title="Voucher code already taken",
        meaning="Another voucher has this code. Case makes no difference.",
        remedy="Update that voucher, or use another code.",
    ),
    Problem(
        code="shipping-method-taken",
        status=409,
        title="Shipping method already taken",
        meaning="Another shipping method has this code.",
        remedy="Update that shipping method, or use another code.",
    ),
    Problem(
        code="too-many-shipping-methods",
        status=409,
        title="Too many shipping methods",
        meaning=f"A shop has at most {MAX_SHIPPING_METHODS} shipping methods.",
        remedy="Delete one that is no longer offered.",
    ),
    Problem(
        code="too-many-addresses",
        status=409,
        title="Too many addresses",
        meaning=f"A user has at most {MAX_ADDRESSES} addresses.",
        remedy="Delete one that is no longer needed, or update it.",
    ),
    Problem(
        code="voucher-not-applicable",
        status=422,
        title="Voucher not applicable",
        meaning="The voucher does not apply to the cart. Nothing was changed.",
        remedy="Solve what `reason` says, or use another voucher.",
        members={"reason": _REASON},
        example={"reason": VoucherObstacle.BELOW_MINIMUM},
    ),
    Problem(
        code="voucher-exhausted",
        status=422,
        title="Voucher exhausted",
        meaning="The voucher of the cart has been redeemed as often as it may be. Nothing was bought.",
        remedy="Take the voucher out of the cart, show the buyer the new total, and buy the cart.",
        members={"reason": _REASON},
        example={"reason": VoucherObstacle.EXHAUSTED},
    ),
)

#: The problem of each error.
VOUCHER_CODES: Mapping[type[Exception], str] = {
    errors.VoucherCodeTaken: "voucher-code-taken",
    errors.ShippingMethodTaken: "shipping-method-taken",
    errors.TooManyShippingMethods: "too-many-shipping-methods",
    errors.TooManyAddresses: "too-many-addresses",
    voucher_errors.VoucherNotApplicable: "voucher-not-applicable",
    voucher_errors.VoucherExhausted: "voucher-exhausted",
}
