"""What a shop holds after a load, as far as the checker looks at it."""

from collections.abc import Mapping, Sequence
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
    it was made of."""

    user: str
    status: str
    lines: Sequence[tuple[str, int]]
    history: Sequence[str]
    has_units: bool
    cart: str = ""
    restocked: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class EventContents:
    """An event: its type, the id of what it is about, and by how many units it changed a stock."""

    type: str
    object: str
    units: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """Users (id to email), products and purchases by id, and the recorded outcomes by request id and the events in
    their order; None where these cannot be read. `revision` counts the writes."""

    users: Mapping[str, str]
    products: Mapping[str, ProductContents]
    purchases: Mapping[str, PurchaseContents]
    outcomes: Mapping[str, RecordedOutcome] | None = None
    events: Sequence[EventContents] | None = None
    revision: int = 0
