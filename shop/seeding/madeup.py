"""A made-up shop, in any number of each kind. Each thing depends on the seed and its own number alone."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from mimesis import Finance, Food, Hardware, Locale, Person

from shop.domain.callers import Role
from shop.domain.money import Money
from shop.domain.products import Product
from shop.domain.purchases import Line, merge_lines
from shop.domain.users import User
from shop.seeding.ids import derived_id, draw
from shop.seeding.plan import NO_ORDERS, NONE, Order, Orders, Placement, Plan, Section, opening_stock
from shop.seeding.trade import Trade

USERS_FROM, PRODUCTS_FROM, PURCHASES_FROM = (datetime(2025, month, 1, tzinfo=UTC) for month in (1, 2, 3))
#: Purchases lie within so long after the first.
SELLING = timedelta(days=365)
COMPANIES = 60
CURRENCY = "EUR"


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """How many of each, and the seed of all of it. The more vouchers there are, the more of them orders choose from."""

    users: int
    products: int
    purchases: int
    seed: int
    vouchers: int = 0
    carts: int = 0
    payments: int = 0
    is_through_carts: bool = False

    @property
    def has_trade(self) -> bool:
        """Whether there are carts, payments or vouchers, for which there are addresses and shipping methods."""
        return bool(self.vouchers or self.carts or self.payments)


def plan(numbers: Numbers) -> Plan:
    """Everything of these numbers. A larger number begins with what a smaller one is."""
    return _MadeUp(numbers).plan()


class _MadeUp:
    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._person = Person(Locale.EN)
        self._finance = Finance(Locale.EN)
        food, hardware = Food(Locale.EN), Hardware()
        self._shelves: list[tuple[str, Food | Hardware, Callable[[], str], int, int]] = [
            ("Fruit", food, food.fruit, 40, 600),
            ("Vegetables", food, food.vegetable, 50, 500),
            ("Spices", food, food.spices, 150, 1_200),
            ("Drinks", food, food.drink, 90, 2_500),
            ("Ready Meals", food, food.dish, 290, 1_500),
            ("Phones", hardware, hardware.phone_model, 9_900, 129_900),
            ("Processors", hardware, hardware.cpu, 7_900, 69_900),
            ("Graphics", hardware, hardware.graphics, 9_900, 199_900),
        ]

    def plan(self) -> Plan:
        numbers, trade = self._numbers, self._trade
        users, methods = [self._user_id(i) for i in range(numbers.users)], trade.shipping_codes()
        return Plan(
            users=Section(ids=users, make=self._user),
            products=Section(ids=[self._product_id(i) for i in range(numbers.products)], make=self._product),
            purchases=Section(ids=[self._purchase_id(i) for i in range(numbers.purchases)], make=self._purchase),
            is_through_carts=numbers.is_through_carts,
            currency=CURRENCY,
            addresses=Section(ids=users, make=lambda i: (users[i], trade.postal(i))) if numbers.has_trade else NONE,
            shipping_methods=Section(ids=methods, make=trade.shipping_method) if numbers.has_trade else NONE,
            vouchers=Section(ids=[trade.voucher_code(i) for i in range(numbers.vouchers)], make=trade.voucher),
            payments=self._orders() if numbers.payments else NO_ORDERS,
            carts=Section(
                ids=[self._cart_id(i) for i in range(numbers.carts)], make=lambda i: trade.cart(i, self._cart_id(i))
            ),
        )

    @cached_property
    def _trade(self) -> Trade:
        numbers = self._numbers
        return Trade(
            seed=numbers.seed,
            currency=CURRENCY,
            vouchers=numbers.vouchers,
            user=self._user_id,
            users=numbers.users,
            lines=self._lines,
        )

    def _orders(self) -> Orders:
        ids = [self._order_id(i) for i in range(self._numbers.payments)]
        return Orders(ids=ids, make=self._order, fates={id: self._trade.fate(i) for i, id in enumerate(ids)})

    def _order(self, i: int) -> Order:
        return self._trade.order(i, self._order_id(i), self._bought_at(i, "ordered"))

    def _id(self, kind: str, i: int, at: datetime) -> str:
        return derived_id(int(at.timestamp() * 1000), "made up", self._numbers.seed, kind, i)

    def _user_id(self, i: int) -> str:
        return self._id("user", i, _nth(USERS_FROM, i))

    def _product_id(self, i: int) -> str:
        return self._id("product", i, _nth(PRODUCTS_FROM, i))

    def _purchase_id(self, i: int) -> str:
        return self._id("purchase", i, self._bought_at(i, "bought"))

    def _order_id(self, i: int) -> str:
        return self._id("order", i, self._bought_at(i, "ordered"))

    def _cart_id(self, i: int) -> str:
        return self._id("cart", i, _nth(PURCHASES_FROM, i))

    def _bought_at(self, i: int, how: str) -> datetime:
        return PURCHASES_FROM + timedelta(seconds=draw(int(SELLING.total_seconds()), self._numbers.seed, how, i))

    def _user(self, i: int) -> User:
        self._person.reseed(f"{self._numbers.seed}/user/{i}")
        first, last = self._person.first_name(), self._person.last_name()
        at = _nth(USERS_FROM, i)
        return User(
            id=self._user_id(i),
            email=f"{first}.{last}.{self._numbers.seed}.{i}@example.com".lower().replace(" ", "").replace("'", ""),
            first_name=first,
            last_name=last,
            role=Role.CUSTOMER,
            created_at=at,
            updated_at=at,
            version=1,
        )

    def _product(self, i: int) -> Product:
        seed, at = self._numbers.seed, _nth(PRODUCTS_FROM, i)
        category, provider, thing, least, most = self._shelves[draw(len(self._shelves), seed, "category", i)]
        provider.reseed(f"{seed}/product/{i}")
        company = self._company(draw(COMPANIES, seed, "company", i))
        return Product(
            id=self._product_id(i),
            sku=f"MU{seed}-{i:06d}",
            name=thing(),
            description=f"A made-up product of {company}.",
            category=category,
            company=company,
            date_manufactured=date(2024, 1, 1) + timedelta(days=draw(366, seed, "manufactured", i)),
            price=Money(minor=least + draw(most - least, seed, "price", i), currency=CURRENCY),
            stock=opening_stock(self._demand[self._product_id(i)], draw(1000, seed, "stock", i)),
            created_at=at,
            updated_at=at,
            stock_changed_at=at,
            version=1,
        )

    def _company(self, i: int) -> str:
        self._finance.reseed(f"{self._numbers.seed}/company/{i}")
        return self._finance.company()

    def _purchase(self, i: int) -> Placement:
        chance = random.Random(f"{self._numbers.seed}/purchase/{i}")
        lines = self._lines(chance)
        return Placement(
            id=self._purchase_id(i),
            user=self._user_id(chance.randrange(self._numbers.users)),
            lines=lines,
            at=self._bought_at(i, "bought"),
        )

    def _lines(self, chance: random.Random) -> list[Line]:
        # Squared, so that some products are bought often and many now and then.
        products = [int(self._numbers.products * chance.random() ** 2) for _ in range(chance.randint(1, 5))]
        lines = [Line(product=self._product_id(j), quantity=chance.choice((1, 1, 1, 2, 3))) for j in products]
        return list(merge_lines(lines))

    @cached_property
    def _demand(self) -> Counter[str]:
        units: Counter[str] = Counter()
        for i in range(self._numbers.purchases):
            for line in self._purchase(i).lines:
                units[line.product] += line.quantity
        for i in range(self._numbers.payments):
            for line in self._trade.order_lines(i):
                units[line.product] += line.quantity
        return units


def _nth(first: datetime, i: int) -> datetime:
    return first + timedelta(seconds=i)
