"""The refusals of vouchers at carts and checkouts."""

from shop.domain.errors import Refusal


class VoucherRefusal(Refusal):
    """A voucher does not apply."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The voucher does not apply: {reason}.")
        self.reason = reason


class VoucherNotApplicable(VoucherRefusal):
    """The voucher does not apply to the cart, for a reason of VoucherObstacle."""


class VoucherExhausted(VoucherRefusal):
    """The voucher has been redeemed as often as it may be: by all customers, or by this one."""
