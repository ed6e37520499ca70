"""Made-up vouchers, shipping methods, addresses, orders and carts. Each depends on the seed and its own number."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from mimesis import Address as Addresses
from mimesis import Locale

from shop.domain.addresses import PostalAddress
from shop.domain.money import Money
from shop.domain.purchases import Line
from shop.domain.shipping_methods import ShippingMethod
from shop.domain.vouchers import Voucher, VoucherKind
from shop.payments.fake import Token
from shop.seeding.fates import Fate
from shop.seeding.ids import derived_id, draw
from shop.seeding.plan import OpenCart, Order, Placement

MADE_AT = datetime(2025, 1, 1, tzinfo=UTC)
COUNTRY = "DE"
#: Of 100 orders, how many end otherwise than delivered: each other fate as often, after the first of each.
OTHERWISE = 40
#: Between two steps of an order: it is shipped after a day, and what is returned is refunded after ten.
PACE = timedelta(days=1)
HOLD = timedelta(minutes=30)
#: One cart in so many is held, one is bought and its payment declined, and of one it is authorized.
CARTS_OF_EACH = 10
#: Of ten vouchers, one is paused, one has ended, and one has a limit that no number of orders here reaches: which of
#: them were the last would depend on which thread was faster.
PAUSED, ENDED, LIMITED = 8, 9, 7
LIMIT = 10_000_000
_METHODS = (("standard", "Standard", 490), ("express", "Express", 990), ("pickup", "Pickup at the store", 0))
_FATES = tuple(Fate)


@cache
def _addresses() -> Addresses:
    """What makes up addresses: it reads a file."""
    return Addresses(Locale.DE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """What is made up about the trade of a shop: of so many vouchers, in this currency, with these users and lines."""

    seed: int
    currency: str
    vouchers: int
    user: Callable[[int], str]
    users: int
    lines: Callable[[random.Random], list[Line]]

    def shipping_code(self, i: int) -> str:
        return f"mu-{_METHODS[i][0]}"

    def shipping_codes(self) -> list[str]:
        return [self.shipping_code(i) for i in range(len(_METHODS))]

    def shipping_method(self, i: int) -> ShippingMethod:
        _, name, price = _METHODS[i]
        return ShippingMethod(
            code=self.shipping_code(i),
            name=name,
            price=Money(minor=price, currency=self.currency),
            countries=(),
            is_active=True,
            created_at=MADE_AT,
            updated_at=MADE_AT,
            version=1,
        )

    def voucher_code(self, i: int) -> str:
        return f"MU{self.seed}-{i:04d}"

    def voucher(self, i: int) -> Voucher:
        kind = (VoucherKind.PERCENT, VoucherKind.AMOUNT, VoucherKind.SHIPPING)[i % 3]
        at = MADE_AT + timedelta(seconds=i)
        return Voucher(
            id=derived_id(int(at.timestamp() * 1000), "made up", self.seed, "voucher", i),
            code=self.voucher_code(i),
            kind=kind,
            value=self._value(kind, i),
            currency=self.currency,
            minimum=1_000 if kind is VoucherKind.AMOUNT else None,
            ends_at=at + PACE if i % 10 == ENDED else None,
            limit=LIMIT if i % 10 == LIMITED else None,
            limit_per_customer=1 if i % 10 == PAUSED else None,
            is_paused=i % 10 == PAUSED,
            redeemed=0,
            created_at=at,
            updated_at=at,
            version=1,
        )

    def postal(self, user: int) -> PostalAddress:
        """The address of a user."""
        addresses = _addresses()
        addresses.reseed(f"{self.seed}/address/{user}")
        return PostalAddress(
            name=f"Customer {user}",
            line_1=addresses.address(),
            line_2="",
            postal_code=addresses.zip_code(),
            city=addresses.city(),
            region="",
            country=COUNTRY,
            phone="",
        )

    def fate(self, i: int) -> Fate:
        """What becomes of an order: the first have a fate each, so that every one is there."""
        if i < len(_FATES):
            return _FATES[i]
        chance = draw(100, self.seed, "fate", i)
        return _FATES[1 + chance % (len(_FATES) - 1)] if chance < OTHERWISE else Fate.DELIVERED

    def order_lines(self, i: int) -> list[Line]:
        """What an order is about. Where a part is shipped there is another one."""
        lines = self.lines(self._chance("order", i))
        if self.fate(i) is Fate.PARTIALLY_SHIPPED:
            return [Line(product=line.product, quantity=line.quantity + 1) for line in lines]
        return lines

    def order(self, i: int, id: str, at: datetime) -> Order:
        chance = self._chance("order of", i)
        user = chance.randrange(self.users)
        is_guest = chance.random() < 0.2
        return Order(
            placement=Placement(
                id=id,
                user="" if is_guest else self.user(user),
                lines=self.order_lines(i),
                at=at,
                voucher=self._usable_voucher(chance),
            ),
            currency=self.currency,
            fate=self.fate(i),
            method=chance.choice((Token.OK, Token.OK, Token.OK, Token.TWICE, Token.THREE_D_SECURE)),
            pace=PACE,
            email=f"guest.{self.seed}.{i}@example.com" if is_guest else "",
            address=self.postal(user),
            shipping_method=self.shipping_code(chance.randrange(len(_METHODS))),
        )

    def cart(self, i: int, id: str) -> OpenCart:
        """A user's, and then a guest's, in turn. A user has five at most, so that none of them makes room."""
        chance, kind = self._chance("cart", i), i % CARTS_OF_EACH
        is_user = i % 2 == 0 and i // 2 < 5 * self.users
        return OpenCart(
            id=id,
            owner=self.user(i // 2 % self.users) if is_user else "",
            currency=self.currency,
            lines=self.lines(chance),
            voucher=self._usable_voucher(chance) if kind in (1, 2) else "",
            hold=HOLD if kind in (3, 4) else timedelta(),
            method={5: Token.DECLINE, 6: Token.OK}.get(kind, ""),
            is_captured_later=kind == 6,
        )

    def _usable_voucher(self, chance: random.Random) -> str:
        """The code of one that is neither paused nor over; none in two of three cases."""
        code = chance.randrange(self.vouchers) if self.vouchers else 0
        is_usable = self.vouchers and code % 10 not in (PAUSED, ENDED)
        return self.voucher_code(code) if is_usable and chance.random() < 0.33 else ""

    def _value(self, kind: VoucherKind, i: int) -> int:
        if kind is VoucherKind.PERCENT:
            return 100 * (5 + draw(21, self.seed, "percent", i))
        return 100 * (2 + draw(9, self.seed, "amount", i)) if kind is VoucherKind.AMOUNT else 0

    def _chance(self, what: str, i: int) -> random.Random:
        return random.Random(f"{self.seed}/{what}/{i}")
