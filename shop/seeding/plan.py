"""What there is to load."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, NoReturn, TypeVar

from shop.domain.addresses import PostalAddress
from shop.domain.products import Product
from shop.domain.purchases import Line
from shop.domain.shipping_methods import ShippingMethod
from shop.domain.users import User
from shop.domain.vouchers import Voucher
from shop.payments.fake import Token
from shop.seeding.fates import Fate

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """A purchase to be placed. One of a cart may have a voucher."""

    id: str
    user: str
    lines: Sequence[Line]
    at: datetime
    voucher: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A purchase that is bought through a cart and paid by the fake provider, and what becomes of it: each step `pace`
    after the one before. Of a guest `placement` has no user, and there is an email address. A code of a shipping method
    needs an address. `method` is what the provider charges."""

    placement: Placement
    currency: str
    fate: Fate
    method: str = Token.OK
    pace: timedelta = timedelta()
    email: str = ""
    address: PostalAddress | None = None
    shipping_method: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCart:
    """A cart of a user, or of a guest where there is no owner. It holds its units for `hold` where they are there. With
    a `method` it is bought and not paid: that is declined, or authorized where `is_captured_later`."""

    id: str
    owner: str
    currency: str
    lines: Sequence[Line]
    voucher: str = ""
    hold: timedelta = timedelta()
    method: str = ""
    is_captured_later: bool = False

    @property
    def min_version(self) -> int:
        """The least version that it has once it is filled: each line is a change, and so are its making, the email
        address of a guest and the checkout."""
        return 1 + len(self.lines) + (not self.owner) + bool(self.method)


def _make_none(place: int) -> NoReturn:
    raise IndexError(place)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section(Generic[T]):
    """Things of one kind: the ids of all of them, and what makes the one at a place, once it is known to be missing."""

    ids: Sequence[str]
    make: Callable[[int], T]


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders(Section[Order]):
    """Orders by the ids of their purchases, and what becomes of each."""

    fates: Mapping[str, Fate]


NONE: Section[Any] = Section(ids=(), make=_make_none)
NO_ORDERS = Orders(ids=(), make=_make_none, fates={})


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything to be loaded, in the order in which it depends on each other; `left_out` says of what in the data
    there is how much that is not loaded, and why. With `is_through_carts` a cart of this `currency` is made of each
    purchase, and bought. Vouchers and shipping methods have their codes for ids, addresses those of their users."""

    users: Section[User]
    products: Section[Product]
    purchases: Section[Placement]
    is_through_carts: bool = False
    currency: str = ""
    addresses: Section[tuple[str, PostalAddress]] = NONE
    shipping_methods: Section[ShippingMethod] = NONE
    vouchers: Section[Voucher] = NONE
    payments: Orders = NO_ORDERS
    carts: Section[OpenCart] = NONE
    left_out: Sequence[str] = ()


def through_carts(plan: Plan) -> Orders:
    """The purchases of a plan as orders that are paid, shipped and delivered at once."""

    def make(place: int) -> Order:
        return Order(placement=plan.purchases.make(place), currency=plan.currency, fate=Fate.DELIVERED)

    return Orders(ids=plan.purchases.ids, make=make, fates=dict.fromkeys(plan.purchases.ids, Fate.DELIVERED))


def opening_stock(demand: int, chance: int) -> int:
    """Units for a product of which `demand` will be bought: so many and some more. `chance`, from 0 to 999, makes one
    product in a hundred sell out, and two in a hundred end up with a handful."""
    if chance < 10:
        return demand
    if chance < 30:
        return demand + 1 + chance % 3
    return demand + 5 + demand // 4 + chance % 50
