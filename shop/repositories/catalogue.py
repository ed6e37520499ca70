"""Where a product stands in the catalogue's indexes, and which part of them a query asks for."""

import re
from dataclasses import dataclass

import orjson

from exactly_once.declarations import Value
from shop.domain.pages import Position
from shop.domain.products import Product, ProductOrder, ProductQuery
from shop.domain.text import fold, prefixes, words
from shop.repositories.keys import Keys
from shop.repositories.pages import Window
from shop.repositories.records import PRODUCT, milliseconds

_PRICE_DIGITS = 17
#: From less than a cent to more than a hundred thousand, each half as much again as the one before, or less.
_ROUND_PRICES = tuple(factor << power for power in range(5, 30) for factor in (2, 3))
_FIELDS = orjson.dumps(PRODUCT).decode()
_MONTH = 30 * 86_400_000
#: Behind every rank.
_LAST = 2**62


def sets(product: Product, keys: Keys) -> frozenset[str]:
    """The index sets that a product is in, apart from those of products in stock and sold out."""
    found = words(" ".join((product.name, product.company, product.category, product.sku)))
    named = [(keys.category_prefix, product.category), (keys.company_prefix, product.company)]
    return frozenset(
        {
            *(f"{keys.word_prefix}{edge}" for edge in prefixes(found)),
            *(f"{prefix}{name}" for prefix, name in named if name),
            f"{keys.currency_prefix}{product.price.currency}",
        }
    )


def marks(product: Product, keys: Keys) -> frozenset[str]:
    """The strings of bits that say of every product on which side of a round price it is."""
    price = product.price.scaled
    above = (f"{keys.price_from_prefix}{limit}" for limit in _ROUND_PRICES if limit <= price)
    below = (f"{keys.price_up_to_prefix}{limit}" for limit in _ROUND_PRICES if limit >= price)
    return frozenset((*above, *below))


def orders(product: Product, keys: Keys) -> str:
    """For each order: its index, the hash of its sort keys, the column of its ranks and the set of its zones, and the
    product's sort key, rank and zone, as scripts take it."""
    sort_keys = {
        ProductOrder.CREATED_AT: f"{milliseconds(product.created_at):015d}",
        ProductOrder.PRICE: price_key(product.price.scaled),
        ProductOrder.NAME: fold(product.name),
    }
    rows = [(*_indexes(order, keys), key, rank(order, key), zone(order, key)) for order, key in sort_keys.items()]
    return orjson.dumps(rows).decode()


def price_key(scaled: int) -> str:
    """An amount as text that sorts as amounts do."""
    return f"{scaled:0{_PRICE_DIGITS}d}"


def rank(order: ProductOrder, sort_key: str) -> int:
    """As much of a sort key as a double can hold: never the other way round than the keys, though at times equal."""
    if order is ProductOrder.NAME:
        return int.from_bytes(sort_key.encode()[:6].ljust(6, b"\0"), "big")
    return int(sort_key)


def zone(order: ProductOrder, sort_key: str) -> str:
    """The stretch of the order in which a sort key is: the first letter of a name, thirty days of creation, prices from
    1, 2 or 5 of a power of ten. Zones sort as the keys do."""
    if order is ProductOrder.NAME:
        return sort_key[:1]
    if order is ProductOrder.PRICE:
        digits = sort_key.lstrip("0")
        return f"{len(digits):02d}{max((first for first in '125' if first <= digits[:1]), default='')}"
    return f"{int(sort_key) // _MONTH:05d}"


def _indexes(order: ProductOrder, keys: Keys) -> tuple[str, str, str, str]:
    return (
        keys.products_by(order),
        keys.product_sort_keys(order),
        keys.product_ranks(order),
        keys.product_zones(order),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """A page of a query, as product_page.lua takes it."""

    query: ProductQuery
    size: int
    position: Position | None

    @property
    def window(self) -> Window:
        return Window(size=self.size, position=self.position, descending=self.query.descending)

    def keys(self, keys: Keys) -> dict[str, str]:
        order = self.query.order
        return {
            "index": keys.products_by(order),
            "sort_keys": keys.product_sort_keys(order),
            "ranks": keys.product_ranks(order),
            "zones": keys.product_zones(order),
            "prices": keys.products_by(ProductOrder.PRICE),
            "price_ranks": keys.product_ranks(ProductOrder.PRICE),
            "product_ids": keys.product_ids,
        }

    def argv(self, keys: Keys) -> dict[str, Value]:
        query, is_by_price = self.query, self.query.order is ProductOrder.PRICE
        prices, no_range = self._prices(), ("", "")
        low, high = self._bounds(*(prices if is_by_price else no_range))
        price_low, price_high = no_range if is_by_price else prices
        return {
            "low": low,
            "high": high,
            "low_rank": self._rank(low, 0),
            "high_rank": self._rank(high, _LAST),
            "low_zone": self._zone(low),
            "high_zone": self._zone(high),
            "exact": int(query.order is not ProductOrder.NAME),
            "price_low": price_low,
            "price_high": price_high,
            "cheapest": "" if is_by_price or query.min_price is None else query.min_price,
            "dearest": "" if is_by_price or query.max_price is None else query.max_price,
            "descending": int(self.window.is_reversed),
            "wanted": self.size + 1,
            "sets": orjson.dumps(self._sets(keys)).decode(),
            "marks": orjson.dumps([] if is_by_price else self._marks(keys)).decode(),
            "product_prefix": keys.product_prefix,
            "fields": _FIELDS,
        }

    def _prices(self) -> tuple[str, str]:
        """Between which texts the index of prices has the range; nothing for an open end."""
        least, most = self.query.min_price, self.query.max_price
        return "" if least is None else price_key(least), "" if most is None else price_key(most) + "\1"

    def _bounds(self, low: str, high: str) -> tuple[str, str]:
        """The part of the order's range that lies on the position's side."""
        if self.position is None:
            return low, high
        return (low, self.position.key) if self.window.is_reversed else (self.position.key, high)

    def _rank(self, bound: str, otherwise: int) -> int:
        return rank(self.query.order, _sort_key(bound)) if bound else otherwise

    def _zone(self, bound: str) -> str:
        return zone(self.query.order, _sort_key(bound)) if bound else ""

    def _marks(self, keys: Keys) -> list[str]:
        """Strings of bits in which everything in the range of prices is, and little else."""
        least, most = self.query.min_price, self.query.max_price
        lower = [] if least is None else [limit for limit in _ROUND_PRICES if limit <= least]
        upper = [] if most is None else [limit for limit in _ROUND_PRICES if limit >= most]
        return [
            *(f"{keys.price_from_prefix}{limit}" for limit in lower[-1:]),
            *(f"{keys.price_up_to_prefix}{limit}" for limit in upper[:1]),
        ]

    def _sets(self, keys: Keys) -> list[str]:
        query = self.query
        found = [f"{keys.word_prefix}{word}" for word in sorted(query.words)]
        named = (
            (keys.category_prefix, query.category),
            (keys.company_prefix, query.company),
            (keys.currency_prefix, query.currency),
        )
        found.extend(f"{prefix}{name}" for prefix, name in named if name is not None)
        if query.in_stock is not None:
            found.append(keys.in_stock if query.in_stock else keys.sold_out)
        return found


def _sort_key(bound: str) -> str:
    return re.split("[\0\1]", bound)[0]
