"""The errors of the shop.

ShopError
├── Invalid              the request is not valid: a field error for each value
│   └── InvalidMailToken unknown, expired or used token of a mail
├── MailOff              the shop sends no mail
├── InvalidCredentials   unknown email or wrong password, indistinguishable
├── InvalidSignature     a webhook is not from the provider, or too old
├── UploadLost           the upload was begun anew by another request, or was cancelled
├── FileNotReady         the file of an export is not there, or not any more
├── TransfersFull        the store has no room for more data of imports and exports
├── NotFound             no such resource, or not visible to the caller
└── Refusal              a business rule refuses a write: a recorded outcome, which replays return
    ├── EmailTaken
    ├── SkuTaken
    ├── LastStaff
    ├── TooManyApiKeys
    ├── TooManyEndpoints
    ├── TooManyTransfers
    ├── TooManyOpenPurchases
    ├── InsufficientStock
    ├── VoucherCodeTaken
    ├── ShippingMethodTaken
    ├── TooManyShippingMethods
    ├── TooManyAddresses
    ├── StockChanged
    ├── UnknownProduct
    ├── MixedCurrencies
    ├── InvalidTransition
    ├── RefundExceedsCaptured
    ├── TooManyPayments
    ├── TooManyRefunds
    ├── UnitsExceeded
    ├── TooManyShipments
    ├── TooManyReturns
    └── PreconditionFailed

Refusals of carts and of vouchers are in cart_errors.py and voucher_errors.py. Beside it stand the errors of the engine
(exactly_once.errors): StoreUnavailable, OutcomeUnknown, IdempotencyKeyReused, OutcomeErased.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from exactly_once.errors import Refusal as RecordedRefusal


@dataclass(frozen=True, slots=True)
class FieldError:
    """An invalid value: JSON pointer into the body (RFC 6901) or name of a parameter or header; code; what to do."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Shortage:
    """A product with fewer units in stock than requested."""

    product: str
    requested: int
    available: int


class ShopError(Exception):
    """Base of all errors of the shop."""


class Invalid(ShopError):
    """The request is not valid. Nothing was changed."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.pointer}: {error.detail}" for error in errors))
        self.errors = errors


class MailOff(ShopError):
    """The shop sends no mail."""


class InvalidMailToken(Invalid):
    """No mail has this token, or it is expired, was used, or the password was changed since."""

    def __init__(self) -> None:
        detail = "The token is unknown, expired or used: ask for a new mail, and use the last one."
        super().__init__(FieldError("/token", "invalid-token", detail))


class InvalidCredentials(ShopError):
    """No user has this email and this password."""


class InvalidSignature(ShopError):
    """The signature of a webhook is not the provider's over these bytes, or older than five minutes."""


class ProviderUnavailable(Exception):
    """A payment provider does not answer. What it did is not known until it is asked again: no caller of the shop sees
    this, but a payment that is not complete yet."""


class UploadLost(ShopError):
    """Another request has begun the upload of this import anew, or it was cancelled or took too long."""


class FileNotReady(ShopError):
    """The file of an export is not written yet, has expired or was deleted."""


class TransfersFull(ShopError):
    """The data of imports and exports takes as much memory of the store as it may, or memory is short."""


class NotFound(ShopError):
    """No such resource, or the caller may not see it."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"There is no {kind} {name}.")
        self.kind = kind


class Refusal(ShopError, RecordedRefusal):
    """A business rule refuses a write. `origin_request_id` is the id of the request that was refused first."""


class EmailTaken(Refusal):
    """Another user has this email address."""


class SkuTaken(Refusal):
    """Another product has this SKU."""


class LastStaff(Refusal):
    """The last user with the role staff cannot be erased or become a customer."""


class TooManyApiKeys(Refusal):
    """The shop has as many API keys as it may."""


class TooManyEndpoints(Refusal):
    """The shop has as many webhook endpoints as it may."""


class TooManyTransfers(Refusal):
    """The store has the data of as many imports and exports as it may."""


class TooManyOpenPurchases(Refusal):
    """The buyer has as many unpaid purchases as a customer may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"At most {limit} purchases may be unpaid.")
        self.limit = limit


class InsufficientStock(Refusal):
    """Fewer units are in stock than requested."""

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        lines = "; ".join(f"{s.requested} requested, {s.available} available of {s.product}" for s in shortages)
        super().__init__(f"Insufficient stock: {lines}.")
        self.shortages = tuple(shortages)


class VoucherCodeTaken(Refusal):
    """Another voucher has this code."""


class ShippingMethodTaken(Refusal):
    """Another shipping method has this code."""


class TooManyShippingMethods(Refusal):
    """The shop has as many shipping methods as it may."""


class TooManyAddresses(Refusal):
    """The user has as many addresses as a user may."""


class StockChanged(Refusal):
    """The stock is not the expected one."""

    def __init__(self, stock: int) -> None:
        super().__init__(f"The present stock is {stock}.")
        self.stock = stock


class UnknownProduct(Refusal):
    """A purchase names products that are not in the catalogue, by their ids or by their SKUs."""

    def __init__(self, products: Sequence[str], skus: Sequence[str] = ()) -> None:
        super().__init__(f"Not in the catalogue: {', '.join((*products, *skus))}.")
        self.products = tuple(products)
        self.skus = tuple(skus)


class MixedCurrencies(Refusal):
    """The products of a purchase are priced in more than one currency."""

    def __init__(self, currencies: Sequence[str]) -> None:
        super().__init__(f"The prices are in {', '.join(currencies)}.")
        self.currencies = tuple(currencies)


class InvalidTransition(Refusal):
    """What is in the status `source` cannot become `target`, only one of `allowed`. `kind` is what it is."""

    def __init__(self, source: str, target: str, allowed: Sequence[str], kind: str = "purchase") -> None:
        super().__init__(f"A {kind} that is {source} cannot become {target}.")
        self.source = source
        self.target = target
        self.allowed = tuple(allowed)


class RefundExceedsCaptured(Refusal):
    """More is to be refunded than was captured and not refunded yet."""

    def __init__(self, refundable: str, currency: str) -> None:
        super().__init__(f"At most {refundable} {currency} can be refunded.")
        self.refundable = refundable
        self.currency = currency


class TooManyPayments(Refusal):
    """The purchase has as many payments as a purchase may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A purchase may have at most {limit} payments.")
        self.limit = limit


class TooManyRefunds(Refusal):
    """The payment has as many refunds as a payment may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A payment may have at most {limit} refunds.")
        self.limit = limit


class UnitsExceeded(Refusal):
    """More units were requested than the purchase or the return has left of a product."""

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        lines = "; ".join(f"{s.requested} requested, {s.available} left of {s.product}" for s in shortages)
        super().__init__(f"More than is left: {lines}.")
        self.shortages = tuple(shortages)


class TooManyShipments(Refusal):
    """One shipment more would be the last one, and leaves units behind."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A purchase has at most {limit} shipments. Ship all that is left in one.")
        self.limit = limit


class TooManyReturns(Refusal):
    """The purchase has as many returns as it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A purchase has at most {limit} returns.")
        self.limit = limit


class PreconditionFailed(Refusal):
    """The present version is not the one that the caller requires."""

    def __init__(self, version: int) -> None:
        super().__init__(f"The present version is {version}.")
        self.version = version
