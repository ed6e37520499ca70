"""What a shop holds after a load, as far as the checker looks at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedOutcome:
    """The recorded outcome of a request: the id of the request that was carried out, and the tag of its reply."""

    request_id: str
    tag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductContents:
    """A product. `adjusted` is the sum of its stock adjustments since it was created with the stock `opening`."""

    stock: int
    opening: int
    adjusted: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PurchaseContents:
    """A purchase. `lines` are pairs of product and quantity, `history` its statuses in their order, `has_units` whether
    it still counts against the stock."""

    user: str
    status: str
    lines: Sequence[tuple[str, int]]
    history: Sequence[str]
    has_units: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """Users (id to email), products and purchases by id, and the recorded outcomes by request id; None where these
    cannot be read. `revision` counts the writes."""

    users: Mapping[str, str]
    products: Mapping[str, ProductContents]
    purchases: Mapping[str, PurchaseContents]
    outcomes: Mapping[str, RecordedOutcome] | None = None
    revision: int = 0
