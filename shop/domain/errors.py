"""Everything the shop can answer instead of doing what was asked.

ShopError
├── Invalid              the request itself is wrong: what, where and why
├── InvalidCredentials   no such email, or not its password: one and the same
├── NotFound             no such thing, or not this caller's
└── Refusal              a rule of the shop says no: a recorded outcome, so a repeat gets it again
    ├── EmailTaken
    ├── SkuTaken
    ├── LastStaff
    ├── InsufficientStock
    ├── StockChanged
    ├── UnknownProduct
    ├── MixedCurrencies
    ├── InvalidTransition
    └── PreconditionFailed

Beside it stand the errors of the engine (exactly_once.errors): StoreUnavailable, OutcomeUnknown, IdempotencyKeyReused,
OutcomeErased.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from exactly_once.errors import Refusal as RecordedRefusal


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong value: an RFC 6901 pointer into the body (or a query parameter's name), a code, a sentence."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Shortage:
    """A product of which less is there than was asked for, in units."""

    product: str
    requested: int
    available: int


class ShopError(Exception):
    """The root of the tree."""


class Invalid(ShopError):
    """The request is wrong as it stands; nothing was done."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.pointer}: {error.detail}" for error in errors))
        self.errors = errors


class InvalidCredentials(ShopError):
    """The email and the password do not belong together."""


class NotFound(ShopError):
    """Nothing of that kind has that name, as far as this caller may know."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"There is no {kind} {name}.")
        self.kind = kind


class Refusal(ShopError, RecordedRefusal):
    """A rule of the shop says no. `origin_request_id` is the id of the request that was refused first."""


class EmailTaken(Refusal):
    """Another user has this email address."""


class SkuTaken(Refusal):
    """Another product has this SKU."""


class LastStaff(Refusal):
    """Nobody would be left who may run the shop."""


class InsufficientStock(Refusal):
    """Fewer units are there than were asked for."""

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        super().__init__(", ".join(f"{s.product}: {s.requested} requested, {s.available} available" for s in shortages))
        self.shortages = tuple(shortages)


class StockChanged(Refusal):
    """The stock is not what the caller expected it to be."""

    def __init__(self, stock: int) -> None:
        super().__init__(f"The stock is {stock}.")
        self.stock = stock


class UnknownProduct(Refusal):
    """A purchase names products that are not for sale."""

    def __init__(self, products: Sequence[str]) -> None:
        super().__init__(", ".join(products))
        self.products = tuple(products)


class MixedCurrencies(Refusal):
    """A purchase has one currency; these products have several."""

    def __init__(self, currencies: Sequence[str]) -> None:
        super().__init__(", ".join(currencies))
        self.currencies = tuple(currencies)


class InvalidTransition(Refusal):
    """A purchase cannot go from where it is to where it was sent."""

    def __init__(self, source: str, target: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{source} -> {target}")
        self.source = source
        self.target = target
        self.allowed = tuple(allowed)


class PreconditionFailed(Refusal):
    """The version is no longer the one that the caller has seen."""

    def __init__(self, version: int) -> None:
        super().__init__(f"The version is {version}.")
        self.version = version
