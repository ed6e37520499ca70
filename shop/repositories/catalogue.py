"""The catalogue's indexes: the entries of a product in them, and the part of them that a page of a query reads.

They are an inverted index (a posting list of product numbers for each word prefix, category, company and currency), a
range-encoded bitmap index of prices, and for each order ordered indexes, of the catalogue, of each category and
company, and of each pair of both. The order of creation has zones; the others have a column of sort prefixes and a
block range index.
docs/adr/0018-search-the-catalogue-in-a-read-only-script.md and docs/adr/0039-walk-an-index-for-common-pages.md have the
reasons, docs/keyspace.md the keys.
"""

import re
from dataclasses import dataclass

import orjson

from exactly_once.declarations import Value
from shop.domain.pages import Position
from shop.domain.products import Product, ProductOrder, ProductQuery
from shop.domain.text import fold, prefixes, words
from shop.repositories.keys import Keys
from shop.repositories.pages import Window
from shop.repositories.records import milliseconds
from shop.repositories.records.products import LIVE_FIELDS, edited_fields

#: The scripts that find a page.
RANGE, PAGE = "product_range", "product_page"
_PRICE_DIGITS = 17
#: The scaled prices that have bitmaps: from less than a cent to more than a hundred thousand, each at most half as much
#: again as the one before.
_PRICE_LIMITS = tuple(factor << power for power in range(5, 30) for factor in (2, 3))
#: What a page reads of a product, see ListedRecord.
_FIELDS = orjson.dumps((*edited_fields(), *LIVE_FIELDS)).decode()
_SORT_PREFIX_BYTES = 6
#: Greater than every sort prefix.
_MAX_SORT_PREFIX = 2**62


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexEntry:
    """A product's entry in the indexes of one order, as parts/product_index_entries.lua takes it.

    `indexes` are the ordered indexes of the catalogue, of the product's category, of its company and of both.
    `sort_keys`, `zones`, `sort_prefixes`, `blocks` and `block_bitmap` are keys of the store, too: an order has zones,
    or a column and blocks, and the keys of the others are empty. `sort_key`, `sort_prefix` and `block` are the
    product's values.
    """

    indexes: tuple[str, ...]
    sort_keys: str
    sort_key: str
    sort_prefix: int
    zones: str = ""
    sort_prefixes: str = ""
    blocks: str = ""
    block_bitmap: str = ""
    block: str = ""


def index_sets(product: Product, keys: Keys) -> frozenset[str]:
    """Return the posting lists that hold the product, apart from those of products in stock and sold out."""
    indexed_words = words(" ".join((product.name, product.company, product.category, product.sku)))
    names = [(keys.category_prefix, product.category), (keys.company_prefix, product.company)]
    return frozenset(
        {
            *(f"{keys.word_prefix}{prefix}" for prefix in prefixes(indexed_words)),
            *(f"{prefix}{name}" for prefix, name in names if name),
            f"{keys.currency_prefix}{product.price.currency}",
        }
    )


def price_bitmaps(product: Product, keys: Keys) -> frozenset[str]:
    """Return the price bitmaps that have the product's bit: one for each limit, on the product's side of it.

    A product whose price is a limit is on both sides of it.
    """
    price = product.price.scaled
    above = (f"{keys.price_from_prefix}{limit}" for limit in _PRICE_LIMITS if limit <= price)
    below = (f"{keys.price_up_to_prefix}{limit}" for limit in _PRICE_LIMITS if limit >= price)
    return frozenset((*above, *below))


def index_entries(product: Product, keys: Keys) -> tuple[IndexEntry, ...]:
    """Return the product's entry in the indexes of each order."""
    sort_keys = {
        ProductOrder.CREATED_AT: f"{milliseconds(product.created_at):015d}",
        ProductOrder.PRICE: price_sort_key(product.price.scaled),
        ProductOrder.NAME: fold(product.name),
    }
    return tuple(_index_entry(order, sort_key, product, keys) for order, sort_key in sort_keys.items())


def price_sort_key(scaled: int) -> str:
    """Return an amount as text that sorts as amounts do."""
    return f"{scaled:0{_PRICE_DIGITS}d}"


def sort_prefix(order: ProductOrder, sort_key: str) -> int:
    """Return as much of a sort key as a double holds: an abbreviated key, as PostgreSQL's sorts call it.

    Sort prefixes never contradict the order of the sort keys. Two names that differ may have equal ones.
    """
    if order is ProductOrder.NAME:
        return int.from_bytes(sort_key.encode()[:_SORT_PREFIX_BYTES].ljust(_SORT_PREFIX_BYTES, b"\0"), "big")
    return int(sort_key)


def block(order: ProductOrder, sort_key: str) -> str:
    """Return the block of a sort key; "" in the order of creation, which has zones. Blocks are consecutive ranges of an
    order, and sort as the sort keys do.

    A block is a first letter of names, or prices from 1, 2 or 5 times a power of ten. Like a block range index (a zone
    map), the blocks tell which part of an order a page needs to scan.
    """
    if order is ProductOrder.NAME:
        return sort_key[:1]
    if order is ProductOrder.PRICE:
        digits = sort_key.lstrip("0")
        return f"{len(digits):02d}{max((first for first in '125' if first <= digits[:1]), default='')}"
    return ""


def _index_entry(order: ProductOrder, sort_key: str, product: Product, keys: Keys) -> IndexEntry:
    block_name = block(order, sort_key)
    has_zones = order is ProductOrder.CREATED_AT
    return IndexEntry(
        indexes=_ordered_indexes(order, product, keys),
        sort_keys=keys.product_sort_keys(order),
        sort_key=sort_key,
        sort_prefix=sort_prefix(order, sort_key),
        zones=keys.product_zones if has_zones else "",
        sort_prefixes="" if has_zones else keys.product_sort_prefixes(order),
        blocks="" if has_zones else keys.product_blocks(order),
        block_bitmap="" if has_zones else f"{keys.product_block_prefix(order)}{block_name}",
        block=block_name,
    )


def _ordered_indexes(order: ProductOrder, product: Product, keys: Keys) -> tuple[str, ...]:
    category, company = product.category, product.company
    of_category = (keys.products_of_category(category, order),) if category else ()
    of_company = (keys.products_of_company(company, order),) if company else ()
    of_both = (keys.products_of_both(company, category, order),) if company and category else ()
    return (keys.products_by(order), *of_category, *of_company, *of_both)


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """A page of a query, as product_range.lua takes it where one ordered index has it, else product_page.lua."""

    query: ProductQuery
    size: int
    position: Position | None

    @property
    def window(self) -> Window:
        return Window(size=self.size, position=self.position, descending=self.query.descending)

    def script(self, keys: Keys) -> tuple[str, dict[str, str], dict[str, Value]]:
        """Return the script that finds the page, with its keys and its arguments by name."""
        index = self._ordered_index(keys)
        if index is None:
            return PAGE, self.keys(keys), self.args(keys)
        return RANGE, {"index": index, "product_ids": keys.product_ids}, self._range_args(keys)

    def _ordered_index(self, keys: Keys) -> str | None:
        """The ordered index that has the page as a range: the page has no filter but a category and a company."""
        query = self.query
        is_priced = query.min_price is not None or query.max_price is not None
        is_filtered = query.currency is not None or query.in_stock is not None or bool(query.words)
        if is_filtered or (is_priced and query.order is not ProductOrder.PRICE):
            return None
        return self._shortest_index(keys, query.order)

    def _shortest_index(self, keys: Keys, order: ProductOrder) -> str:
        """The ordered index of the company and category, of one of them, or of the catalogue: it has every match."""
        company, category = self.query.company, self.query.category
        if company is not None and category is not None:
            return keys.products_of_both(company, category, order)
        if company is not None:
            return keys.products_of_company(company, order)
        return keys.products_by(order) if category is None else keys.products_of_category(category, order)

    def _range_args(self, keys: Keys) -> dict[str, Value]:
        low, high = self._key_bounds()
        return {
            "low_key": low,
            "high_key": high,
            "descending": int(self.window.is_reversed),
            "max_results": self.size + 1,
            "product_prefix": keys.product_prefix,
            "fields": _FIELDS,
        }

    def keys(self, keys: Keys) -> dict[str, str]:
        """Return the keys of product_page.lua, by name."""
        order = self.query.order
        return {
            "index": self._shortest_index(keys, order),
            "sort_keys": keys.product_sort_keys(order),
            "sort_prefixes": keys.product_sort_prefixes(order),
            "blocks": keys.product_blocks(order),
            "zones": keys.product_zones,
            "price_index": self._shortest_index(keys, ProductOrder.PRICE),
            "price_sort_keys": keys.product_sort_keys(ProductOrder.PRICE),
            "price_sort_prefixes": keys.product_sort_prefixes(ProductOrder.PRICE),
            "product_ids": keys.product_ids,
        }

    def args(self, keys: Keys) -> dict[str, Value]:
        """Return the arguments of product_page.lua, by name."""
        return {
            **self._bounds(),
            **self._filters(keys),
            "descending": int(self.window.is_reversed),
            "max_results": self.size + 1,
            "block_prefix": keys.product_block_prefix(self.query.order),
            "product_prefix": keys.product_prefix,
            "fields": _FIELDS,
        }

    def _bounds(self) -> dict[str, Value]:
        """The range of the order that the page is in, as sort keys, sort prefixes and blocks; "" is an open end."""
        low, high = self._key_bounds()
        return {
            "low_key": low,
            "high_key": high,
            "low_sort_prefix": self._sort_prefix(low, 0),
            "high_sort_prefix": self._sort_prefix(high, _MAX_SORT_PREFIX),
            "low_block": self._block(low),
            "high_block": self._block(high),
            "are_sort_prefixes_exact": int(self.query.order is not ProductOrder.NAME),
            "has_zones": int(self.query.order is ProductOrder.CREATED_AT),
        }

    def _filters(self, keys: Keys) -> dict[str, Value]:
        """What the script compares products with. In the order of prices, its bounds are the filter of prices."""
        query, is_by_price = self.query, self.query.order is ProductOrder.PRICE
        low_price, high_price = ("", "") if is_by_price else self._price_bounds()
        return {
            "low_price_key": low_price,
            "high_price_key": high_price,
            "min_price": "" if is_by_price or query.min_price is None else query.min_price,
            "max_price": "" if is_by_price or query.max_price is None else query.max_price,
            "sets": orjson.dumps(self._sets(keys)).decode(),
            "price_bitmaps": orjson.dumps([] if is_by_price else self._price_bitmaps(keys)).decode(),
        }

    def _key_bounds(self) -> tuple[str, str]:
        """The part of the order's range that lies on the position's side."""
        low, high = self._price_bounds() if self.query.order is ProductOrder.PRICE else ("", "")
        if self.position is None:
            return low, high
        return (low, self.position.key) if self.window.is_reversed else (self.position.key, high)

    def _price_bounds(self) -> tuple[str, str]:
        """The range of prices in the index of prices; "" is an open end."""
        low, high = self.query.min_price, self.query.max_price
        return "" if low is None else price_sort_key(low), "" if high is None else price_sort_key(high) + "\1"

    def _sort_prefix(self, bound: str, otherwise: int) -> int:
        return sort_prefix(self.query.order, _sort_key(bound)) if bound else otherwise

    def _block(self, bound: str) -> str:
        return block(self.query.order, _sort_key(bound)) if bound else ""

    def _price_bitmaps(self, keys: Keys) -> list[str]:
        """The tightest bitmaps that have the bit of every product in the range of prices."""
        low, high = self.query.min_price, self.query.max_price
        lower = [] if low is None else [limit for limit in _PRICE_LIMITS if limit <= low]
        upper = [] if high is None else [limit for limit in _PRICE_LIMITS if limit >= high]
        return [
            *(f"{keys.price_from_prefix}{limit}" for limit in lower[-1:]),
            *(f"{keys.price_up_to_prefix}{limit}" for limit in upper[:1]),
        ]

    def _sets(self, keys: Keys) -> list[str]:
        query = self.query
        sets = [f"{keys.word_prefix}{word}" for word in sorted(query.words)]
        names = (
            (keys.category_prefix, query.category),
            (keys.company_prefix, query.company),
            (keys.currency_prefix, query.currency),
        )
        sets.extend(f"{prefix}{name}" for prefix, name in names if name is not None)
        if query.in_stock is not None:
            sets.append(keys.in_stock if query.in_stock else keys.sold_out)
        return sets


def _sort_key(bound: str) -> str:
    return re.split("[\0\1]", bound)[0]
