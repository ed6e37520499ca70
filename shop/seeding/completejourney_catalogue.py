"""The grocer's listings as products: names, categories, prices and opening stock."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from statistics import median
from typing import TypeVar

from shop.domain.money import Money
from shop.domain.products import Product
from shop.seeding.grocer import Grocer, Listing
from shop.seeding.ids import derived_id, draw
from shop.seeding.plan import opening_stock

K = TypeVar("K")

CURRENCY = "USD"
#: The year before the first sale: products came in the order of their numbers.
LISTED_FROM, LISTED_UNTIL = datetime(2016, 1, 1, tzinfo=UTC), datetime(2017, 1, 1, tzinfo=UTC)
#: In cents, for what neither its category nor its department gives a price to.
DEFAULT_PRICE = 199
#: The grocer counts fuel in thousandths of a gallon, at a fraction of a cent each.
THOUSAND = 1000
#: In dollars: what costs less is counted so.
LEAST_PRICE = 0.005

_DEPARTMENTS = {
    "CHARITABLE CONT": "Charity",
    "CNTRL/STORE SUP": "Store Supplies",
    "COUPON": "Coupons",
    "DRUG GM": "Drugstore",
    "ELECT &PLUMBING": "Electrical & Plumbing",
    "GM MERCH EXP": "Merchandise",
    "MEAT-PCKGD": "Packaged Meat",
    "PROD-WHS SALES": "Wholesale Produce",
    "SEAFOOD-PCKGD": "Packaged Seafood",
}
_LETTERS = re.compile(r"(?<![0-9'a-z])[a-z]")


class Catalogue:
    """The products of a grocer; what needs all its sales is worked out when it is first asked for."""

    def __init__(self, grocer: Grocer) -> None:
        self._grocer = grocer
        self._step = (LISTED_UNTIL - LISTED_FROM) / max(len(grocer.listings), 1)
        self.ids = {listing.product: self._id(place, listing) for place, listing in enumerate(grocer.listings)}

    def product(self, place: int) -> Product:
        """The product of the listing at this place."""
        listing, at = self._grocer.listings[place], self._listed_at(place)
        number = listing.product
        return Product(
            id=self.ids[number],
            sku=f"CJ-{number}",
            name=name(listing),
            description=" / ".join(filter(None, (listing.department, listing.category, listing.type, listing.size))),
            category=category(listing),
            company=f"{listing.brand} Brand {listing.manufacturer}",
            date_manufactured=None,
            price=Money(minor=self._price(listing), currency=CURRENCY),
            stock=opening_stock(self._demand[number], draw(1000, "stock", number)),
            created_at=at,
            updated_at=at,
            stock_changed_at=at,
            version=1,
        )

    def units(self, line: int) -> int:
        """How many units of its product the line at this place of the sales is about."""
        sales = self._grocer.sales
        quantity = sales.quantity[line]
        return max(round(quantity / THOUSAND), 1) if sales.product[line] in self._bulk else quantity

    def _price(self, listing: Listing) -> int:
        """In cents: the median of what was paid for a unit; for what was never paid for, of its neighbours' prices."""
        by_category, by_department = self._usual_prices
        own = self._prices.get(listing.product)
        usual = by_category.get((listing.department, listing.category)) or by_department.get(listing.department)
        return own or usual or DEFAULT_PRICE

    @cached_property
    def _medians(self) -> Mapping[int, float]:
        """In dollars, per unit as the grocer counts it."""
        sales = self._grocer.sales
        paid: dict[int, list[float]] = defaultdict(list)
        for product, quantity, value in zip(sales.product, sales.quantity, sales.value, strict=True):
            if quantity:
                paid[product].append(value / quantity)
        return {product: median(values) for product, values in paid.items()}

    @cached_property
    def _bulk(self) -> frozenset[int]:
        return frozenset(product for product, price in self._medians.items() if 0 < price < LEAST_PRICE)

    @cached_property
    def _prices(self) -> Mapping[int, int]:
        """In cents, per unit as we count it; 0 for what was given away."""
        scale = {True: 100 * THOUSAND, False: 100}
        return {product: round(price * scale[product in self._bulk]) for product, price in self._medians.items()}

    @cached_property
    def _usual_prices(self) -> tuple[Mapping[tuple[str, str], int], Mapping[str, int]]:
        by_category: dict[tuple[str, str], list[int]] = defaultdict(list)
        by_department: dict[str, list[int]] = defaultdict(list)
        for listing in self._grocer.listings:
            if price := self._prices.get(listing.product):
                by_category[listing.department, listing.category].append(price)
                by_department[listing.department].append(price)
        return _middles(by_category), _middles(by_department)

    @cached_property
    def _demand(self) -> Counter[int]:
        units: Counter[int] = Counter()
        for line, product in enumerate(self._grocer.sales.product):
            if self._grocer.sales.quantity[line]:
                units[product] += self.units(line)
        return units

    def _id(self, place: int, listing: Listing) -> str:
        return derived_id(int(self._listed_at(place).timestamp() * 1000), "completejourney", "product", listing.product)

    def _listed_at(self, place: int) -> datetime:
        return (LISTED_FROM + place * self._step).replace(microsecond=0)


def category(listing: Listing) -> str:
    """The department, as a shop would call it."""
    return _DEPARTMENTS.get(listing.department) or _title(listing.department)


def name(listing: Listing) -> str:
    """What it is and how much of it, and in brackets what kind of thing, where that is not said already."""
    what = _title(listing.type) or _title(listing.category) or f"{category(listing)} {listing.product}"
    size = f", {' '.join(listing.size.lower().split())}" if listing.size else ""
    kind = "" if _says(what, listing.category) else f" ({_title(listing.category)})"
    return f"{what}{size}{kind}"


def _says(what: str, kind: str) -> bool:
    beginnings = {word[:4] for word in re.findall(r"[a-z]{3,}", what.lower())}
    return not kind or any(word[:4] in beginnings for word in re.findall(r"[a-z]{3,}", kind.lower()))


def _title(text: str) -> str:
    return _LETTERS.sub(lambda letter: letter[0].upper(), " ".join(text.lower().split()))


def _middles(prices: Mapping[K, list[int]]) -> dict[K, int]:
    return {group: round(median(found)) for group, found in prices.items()}
