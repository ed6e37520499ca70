"""What a shop holds after a load, as far as the checker looks at it."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedOutcome:
    """The recorded outcome of a request: the id of the request that was carried out, and the tag of its reply."""

    request_id: str
    tag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductContents:
    """A product. `adjusted` is the sum of its stock adjustments since it was created with the stock `opening`.
    `moved` has the units of its movements by their reference; None where they cannot be read. With `is_cut`, the oldest
    are there as a sum alone. `held` are the units that carts hold."""

    stock: int
    opening: int
    adjusted: int
    moved: Mapping[str, int] | None = None
    is_cut: bool = False
    held: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class PurchaseContents:
    """A purchase. `lines` are pairs of product and quantity, `history` its statuses in their order, `has_units` whether
    it still counts against the stock, `restocked` the units of it that went back meanwhile, by product. `cart` is what
    it was made of, `total` what it costs in minor units. `voucher` is the code of the one that it has redeemed and not
    given back, and `customer` whom that counts for; empty where that cannot be read."""

    user: str
    status: str
    lines: Sequence[tuple[str, int]]
    history: Sequence[str]
    has_units: bool
    cart: str = ""
    restocked: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    voucher: str = ""
    customer: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundContents:
    """A refund, in minor units."""

    id: str
    amount: int
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentContents:
    """A payment, in minor units. Money that is reserved for a refund is not refunded yet."""

    purchase: str
    provider: str
    amount: int
    authorized: int
    captured: int
    refunded: int
    refunds: Sequence[RefundContents] = ()

    @property
    def reserved(self) -> int:
        return sum(refund.amount for refund in self.refunds if refund.status == "pending")

    @property
    def left(self) -> int:
        """What the shop has of it, and does not owe."""
        return self.captured - self.refunded - self.reserved


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnContents:
    """A return."""

    purchase: str
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherContents:
    """A voucher. `redeemed` is its own count of the purchases that have redeemed it."""

    limit: int | None
    limit_per_customer: int | None
    redeemed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EventContents:
    """An event: its type, the id of what it is about, and by how many units it changed a stock."""

    type: str
    object: str
    units: int = 0
    id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """Users (id to email), products and purchases by id; payments and returns by id, vouchers by code, the recorded
    outcomes by request id, and the events in their order; None where these cannot be read. `delivered` are the ids of
    the events that a receiver of webhooks got, None where there is none. `revision` counts the writes."""

    users: Mapping[str, str]
    products: Mapping[str, ProductContents]
    purchases: Mapping[str, PurchaseContents]
    payments: Mapping[str, PaymentContents] | None = None
    returns: Mapping[str, ReturnContents] | None = None
    vouchers: Mapping[str, VoucherContents] | None = None
    outcomes: Mapping[str, RecordedOutcome] | None = None
    events: Sequence[EventContents] | None = None
    delivered: Set[str] | None = None
    revision: int = 0
