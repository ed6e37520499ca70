"""Where a product stands in the catalogue's indexes, and which part of them a query asks for."""

from dataclasses import dataclass

import orjson

from shop.domain.pages import Position
from shop.domain.products import Product, ProductOrder, ProductQuery
from shop.domain.text import edges, folded, words
from shop.repositories.keys import Keys
from shop.repositories.pages import Window
from shop.repositories.records import milliseconds
from shop.repositories.scripts import Value

# Behind every other text, and behind every price.
_LAST = "\U0010ffff"


def sets(product: Product, keys: Keys) -> frozenset[str]:
    """The index sets that a product is in, apart from those of products in stock and sold out."""
    found = words(" ".join((product.name, product.company, product.category, product.sku)))
    named = [(keys.category_prefix, product.category), (keys.company_prefix, product.company)]
    return frozenset(
        {
            *(f"{keys.word_prefix}{edge}" for edge in edges(found)),
            *(f"{prefix}{name}" for prefix, name in named if name),
            f"{keys.currency_prefix}{product.price.currency}",
        }
    )


def orders(product: Product, keys: Keys) -> str:
    """For each order: its index, the hash of its sort keys, and the product's sort key, as scripts take it."""
    sort_keys = {
        ProductOrder.CREATED_AT: f"{milliseconds(product.created_at):015d}",
        ProductOrder.PRICE: price_key(product.price.scaled),
        ProductOrder.NAME: folded(product.name),
    }
    rows = [(keys.products_by(order), keys.product_sort_keys(order), key) for order, key in sort_keys.items()]
    return orjson.dumps(rows).decode()


def price_key(scaled: int) -> str:
    """An amount as text that sorts as amounts do."""
    return f"{scaled:017d}"


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
        return {
            "index": keys.products_by(self.query.order),
            "sort_keys": keys.product_sort_keys(self.query.order),
            "prices": keys.products_by(ProductOrder.PRICE),
            "price_keys": keys.product_sort_keys(ProductOrder.PRICE),
            "product_ids": keys.product_ids,
        }

    def argv(self, keys: Keys) -> dict[str, Value]:
        low, high = self._bounds()
        price_low, price_high = ("", "") if self.query.order is ProductOrder.PRICE else self._prices()
        return {
            "low": low,
            "high": high,
            "descending": int(self.window.is_reversed),
            "wanted": self.size + 1,
            "sets": orjson.dumps(self._sets(keys)).decode(),
            "price_low": price_low,
            "price_high": price_high,
            "product_prefix": keys.product_prefix,
        }

    def _prices(self) -> tuple[str, str]:
        least, most = self.query.min_price, self.query.max_price
        if least is None and most is None:
            return "", ""
        return price_key(least or 0), (_LAST if most is None else f"{price_key(most)}{_LAST}")

    def _bounds(self) -> tuple[str, str]:
        price_low, price_high = self._prices() if self.query.order is ProductOrder.PRICE else ("", "")
        low, high = (f"[{price_low}" if price_low else "-"), (f"[{price_high}" if price_high else "+")
        if self.position is None:
            return low, high
        behind = f"({self.position.key}"
        return (low, behind) if self.window.is_reversed else (behind, high)

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
