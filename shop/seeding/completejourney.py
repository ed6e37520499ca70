"""The grocer's year as a plan: its listings as products, its households as users, its baskets as purchases."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from mimesis import Locale, Person

from shop.domain.callers import Role
from shop.domain.purchases import MAX_LINES, Line
from shop.domain.users import User
from shop.domain.vouchers import Voucher, VoucherKind
from shop.seeding.completejourney_catalogue import CURRENCY, Catalogue
from shop.seeding.grocer import Coupon, Grocer
from shop.seeding.ids import derived_id
from shop.seeding.plan import Placement, Plan, Section

#: Households joined a minute apart, in the month before the first sale.
JOINED_FROM = datetime(2016, 12, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Part(NamedTuple):
    """A basket, or as much of a large one as a purchase may hold: the places of its lines in the sales."""

    basket: int
    number: int
    lines: tuple[int, ...]


def plan(grocer: Grocer, baskets: int | None) -> Plan:
    """All products and users, and the first so many baskets (None: all of them).

    Lines of no units (coupons and returns) and of products that the grocer does not list are left out; a basket of
    more lines than a purchase may have becomes several purchases. Opening stock covers all baskets, whatever is asked
    for here, so that more of them can follow later.
    """
    return _Journey(grocer, baskets).plan()


class _Journey:
    def __init__(self, grocer: Grocer, baskets: int | None) -> None:
        self._grocer = grocer
        self._catalogue = Catalogue(grocer)
        self._person = Person(Locale.EN)
        self._left_out: Counter[str] = Counter()
        self._parts = [part for parts in islice(self._baskets(), baskets) for part in parts]
        self._coupons = _one_for_each_basket(grocer.coupons)

    def plan(self) -> Plan:
        households = range(1, self._grocer.households + 1)
        return Plan(
            users=Section(ids=[_user_id(household) for household in households], make=lambda i: self._user(i + 1)),
            products=Section(ids=list(self._catalogue.ids.values()), make=self._catalogue.product),
            purchases=Section(ids=[self._part_id(part) for part in self._parts], make=self._purchase),
            currency=CURRENCY,
            vouchers=Section(ids=[_code(coupon) for coupon in self._redeemable], make=self._voucher),
            left_out=[f"{count:,} {what}" for what, count in self._left_out.items()],
        )

    def _baskets(self) -> Iterator[list[Part]]:
        for lines in self._grocer.sales.baskets():
            kept = [line for line in lines if self._is_kept(line)]
            if not kept:
                self._left_out["baskets without any such line"] += 1
                continue
            basket = self._grocer.sales.basket[lines.start]
            starts = range(0, len(kept), MAX_LINES)
            yield [Part(basket, i, tuple(kept[start : start + MAX_LINES])) for i, start in enumerate(starts)]

    def _is_kept(self, line: int) -> bool:
        sales = self._grocer.sales
        if sales.product[line] not in self._catalogue.ids:
            self._left_out["lines of products that the grocer does not list"] += 1
            return False
        if sales.quantity[line] <= 0:
            self._left_out["lines of no units (coupons, returns)"] += 1
            return False
        return True

    def _part_id(self, part: Part) -> str:
        at = self._grocer.sales.at[part.lines[0]]
        return derived_id(at, "completejourney", "basket", part.basket, part.number)

    def _purchase(self, place: int) -> Placement:
        part, sales = self._parts[place], self._grocer.sales
        ids, units = self._catalogue.ids, self._catalogue.units
        return Placement(
            id=self._part_id(part),
            user=_user_id(sales.household[part.lines[0]]),
            lines=[Line(product=ids[sales.product[line]], quantity=units(line)) for line in part.lines],
            at=_EPOCH + timedelta(milliseconds=sales.at[part.lines[0]]),
            voucher=_code(coupon) if (coupon := self._coupon(part)) else "",
        )

    def _coupon(self, part: Part) -> Coupon | None:
        return self._coupons.get(part.basket) if part.number == 0 else None

    @cached_property
    def _redeemable(self) -> Sequence[Coupon]:
        """The coupons that some basket redeems."""
        return sorted(set(self._coupons.values()))

    def _voucher(self, place: int) -> Voucher:
        coupon = self._redeemable[place]
        return Voucher(
            id=derived_id(int(JOINED_FROM.timestamp() * 1000), "completejourney", "coupon", coupon.number),
            code=_code(coupon),
            kind=VoucherKind.AMOUNT,
            value=coupon.cents,
            currency=CURRENCY,
            limit=sum(chosen == coupon for chosen in self._coupons.values()),
            is_paused=False,
            redeemed=0,
            created_at=JOINED_FROM,
            updated_at=JOINED_FROM,
            version=1,
        )

    def _user(self, household: int) -> User:
        self._person.reseed(f"completejourney/{household}")
        at = _joined_at(household)
        return User(
            id=_user_id(household),
            email=f"household-{household}@completejourney.example",
            first_name=self._person.first_name(),
            last_name=self._person.last_name(),
            role=Role.CUSTOMER,
            created_at=at,
            updated_at=at,
            version=1,
        )


def _one_for_each_basket(coupons: Sequence[Coupon]) -> Mapping[int, Coupon]:
    """The coupon of each basket: of several the one that takes off most, because a cart has one voucher."""
    ordered = sorted(coupons, key=lambda coupon: (coupon.cents, -coupon.number))
    return {basket: coupon for coupon in ordered for basket in coupon.baskets}


def _code(coupon: Coupon) -> str:
    return f"CJ-{coupon.number}"


def _user_id(household: int) -> str:
    return derived_id(int(_joined_at(household).timestamp() * 1000), "completejourney", "household", household)


def _joined_at(household: int) -> datetime:
    return JOINED_FROM + timedelta(minutes=household)
