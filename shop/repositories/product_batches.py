"""Many products in one script, for loading a catalogue: indexes that several products share take one command."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from exactly_once import Reply, Store, WriteCall, WriteDeclaration, WriteRequest, WriteResult, returns
from exactly_once.declarations import Value
from shop.domain.products import Product
from shop.repositories import catalogue, records
from shop.repositories.catalogue import IndexEntry
from shop.repositories.keys import Keys

#: Products of one script: it runs for some milliseconds, in which the store does nothing else.
MAX_PRODUCTS = 50


def _refused(reply: Reply) -> frozenset[str]:
    return frozenset(orjson.loads(reply.values[0]))


CREATE_MANY = WriteDeclaration(
    script="product_create_many",
    kind="product",
    keys=("skus", "product_sequence", "product_ids", "in_stock", "sold_out", "categories", "companies"),
    args=("product_prefix", "products", "sets", "price_bitmaps", "orders"),
    replies={"CREATED": returns(_refused)},
)


class RedisProductBatches:
    """Creates products many at a time."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def ids_by_sku(self, skus: Sequence[str]) -> Sequence[str | None]:
        found: Sequence[str | None] = self._store.read(("HMGET", self._keys.skus, *skus)) if skus else ()
        return found

    def made(self, ids: Sequence[str]) -> frozenset[str]:
        if not ids or not self._store.read(("EXISTS", *(self._keys.product(id) for id in ids))):
            return frozenset()
        return frozenset(id for id in ids if self._store.read(("EXISTS", self._keys.product(id))))

    def create_many(self, request: WriteRequest, products: Sequence[Product]) -> WriteResult[frozenset[str]]:
        if not 0 < len(products) <= MAX_PRODUCTS:
            raise ValueError(f"from 1 to {MAX_PRODUCTS} products, not {len(products)}")
        return self._store.write(self._creation_of_many(request, products))

    def _creation_of_many(self, request: WriteRequest, products: Sequence[Product]) -> WriteCall[frozenset[str]]:
        keys = self._keys
        return CREATE_MANY.call(
            request,
            keys={
                "skus": keys.skus,
                "product_sequence": keys.product_sequence,
                "product_ids": keys.product_ids,
                "in_stock": keys.in_stock,
                "sold_out": keys.sold_out,
                "categories": keys.categories,
                "companies": keys.companies,
            },
            args={"product_prefix": keys.product_prefix, **_args(products, keys)},
            about=products[0].id,
        )


def _args(products: Sequence[Product], keys: Keys) -> dict[str, Value]:
    entries = zip(*(catalogue.index_entries(product, keys) for product in products), strict=True)
    return {
        "products": _json([_record(product) for product in products]),
        "sets": _json(_places(catalogue.index_sets(product, keys) for product in products)),
        "price_bitmaps": _json(_places(catalogue.price_bitmaps(product, keys) for product in products)),
        "orders": _json([_order(of_order) for of_order in entries]),
    }


def _record(product: Product) -> Sequence[Any]:
    texts = records.PRODUCT.texts(product)
    fields = [str(part) for pair in texts.items() for part in pair]
    return [product.id, product.sku, str(product.stock), product.category, product.company, fields]


def _order(entries: Sequence[IndexEntry]) -> dict[str, Any]:
    """The entries of all products in the indexes of one order."""
    first = entries[0]
    bitmaps = {entry.block: entry.block_bitmap for entry in entries if entry.block}
    places = _places([entry.block] if entry.block else [] for entry in entries)
    return {
        "sort_keys": first.sort_keys,
        "zones": first.zones,
        "sort_prefixes": first.sort_prefixes,
        "blocks": first.blocks,
        "values": [[entry.sort_key, entry.sort_prefix] for entry in entries],
        "indexes": _places(entry.indexes for entry in entries),
        "block_bitmaps": {block: [bitmaps[block], places[block]] for block in bitmaps},
    }


def _places(names: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """The places, from 1, of the products that have each name."""
    places: dict[str, list[int]] = {}
    for place, of_product in enumerate(names, start=1):
        for name in of_product:
            places.setdefault(name, []).append(place)
    return places


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
