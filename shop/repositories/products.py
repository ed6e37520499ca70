"""Products and their stock in Redis."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import orjson

from exactly_once import Consistency, WriteCall, WriteRequest, WriteResult
from exactly_once.declarations import Value
from shop.domain.audit import differences
from shop.domain.errors import NotFound
from shop.domain.pages import Page, Position
from shop.domain.ports import ProductRepository
from shop.domain.products import MAX_UNITS, Facet, Product, ProductDocument, ProductQuery
from shop.repositories import catalogue, records
from shop.repositories.catalogue import RANGE
from shop.repositories.movements import RedisMovements
from shop.repositories.pages import Window
from shop.repositories.product_batches import RedisProductBatches
from shop.repositories.product_writes import ADJUST_STOCK, CREATE, UPDATE, WITHDRAW
from shop.repositories.records.products import ListedRecord

T = TypeVar("T")


class RedisProductRepository(RedisProductBatches, RedisMovements, ProductRepository):
    """Stores each product in a hash; a number stands for it in the index sets of the catalogue."""

    def get(self, id: str) -> Product:
        return _listed(self._store.read(("HGETALL", self._keys.product(id)), Consistency.CAUSAL), id)

    def get_by_sku(self, sku: str) -> Product:
        flat = self._store.read_script(
            "product_by_sku",
            keys={"skus": self._keys.skus},
            args={"sku": sku, "product_prefix": self._keys.product_prefix},
            consistency=Consistency.CAUSAL,
        )
        return _listed(flat, sku)

    def page(self, query: ProductQuery, size: int, position: Position | None) -> Page[ProductDocument]:
        return self._page(query, size, position, records.products.listed_document)

    def json_page(self, query: ProductQuery, size: int, position: Position | None) -> Page[bytes]:
        return self._page(query, size, position, records.products.json_document)

    def categories(self, size: int, position: Position | None) -> Page[Facet]:
        return self._facets(self._keys.categories, self._keys.category_prefix, size, position)

    def companies(self, size: int, position: Position | None) -> Page[Facet]:
        return self._facets(self._keys.companies, self._keys.company_prefix, size, position)

    def create(self, request: WriteRequest, product: Product) -> WriteResult[Product]:
        return self._store.write(self._creation(request, product))

    def create_all(
        self, products: Sequence[tuple[WriteRequest, Product]]
    ) -> Sequence[WriteResult[Product] | Exception]:
        return self._store.write_all([self._creation(*product) for product in products])

    def update(
        self, request: WriteRequest, id: str, change: Callable[[Product], Product], if_match: int | None
    ) -> WriteResult[Product]:
        def prepare() -> WriteCall[Product]:
            product = self._present(id)
            changed = change(product) if if_match in (None, product.version) else product
            return self._put(request, product, changed, if_match)

        return self._store.write_optimistic(UPDATE, request, prepare)

    def withdraw(self, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
        def prepare() -> WriteCall[None]:
            return self._withdrawal(request, self._present(id), if_match)

        return self._store.write_optimistic(WITHDRAW, request, prepare)

    def adjust_stock(self, request: WriteRequest, id: str, delta: int, expected: int | None) -> WriteResult[int]:
        call = ADJUST_STOCK.call(
            request,
            keys={
                "product": self._keys.product(id),
                "in_stock": self._keys.in_stock,
                "sold_out": self._keys.sold_out,
            },
            args={
                "id": id,
                "delta": delta,
                "expected": "" if expected is None else expected,
                "max_stock": MAX_UNITS,
                "by": request.caller,
                "product_prefix": self._keys.product_prefix,
                "movements_prefix": self._keys.movements_prefix,
                "holds_prefix": self._keys.holds_prefix,
            },
            about=id,
        )
        return self._store.write(call)

    def _creation(self, request: WriteRequest, product: Product) -> WriteCall[Product]:
        return CREATE.call(
            request,
            keys={
                "product": self._keys.product(product.id),
                "skus": self._keys.skus,
                "product_sequence": self._keys.product_sequence,
                "product_ids": self._keys.product_ids,
                "in_stock": self._keys.in_stock,
                "sold_out": self._keys.sold_out,
                "categories": self._keys.categories,
                "companies": self._keys.companies,
            },
            args={
                "id": product.id,
                "sku": product.sku,
                "stock": product.stock,
                "category": product.category,
                "company": product.company,
                "fields": records.PRODUCT.creation(product),
                **self._index_args(product),
            },
            about=product.id,
            changes=[*differences({}, {"sku": product.sku, "stock": product.stock, **product.values()})],
        )

    def _page(
        self, query: ProductQuery, size: int, position: Position | None, read: Callable[[ListedRecord], T]
    ) -> Page[T]:
        search = catalogue.Search(query=query, size=size, position=position)
        name, keys, args = search.script(self._keys)
        reply = self._store.read_script(name, keys=keys, args=args, consistency=Consistency.CAUSAL)
        # A range of an index is never cut: its script replies with the texts alone.
        cut, texts = ("", reply) if name == RANGE else reply
        found = [(key, read(record)) for key, record in map(records.products.listed_record, texts)]
        return search.window.cut(found, cut) if cut else search.window.page(found)

    def _facets(self, names: str, prefix: str, size: int, position: Position | None) -> Page[Facet]:
        window = Window(size=size, position=position, descending=False)
        found = self._store.read_script(
            "facet_page",
            keys={"names": names},
            args={**window.args(), "set_prefix": prefix},
            consistency=Consistency.CAUSAL,
        )
        return window.page([(name, Facet(name=name, count=count)) for name, count in found])

    def _present(self, id: str) -> Product:
        return _listed(self._store.read(("HGETALL", self._keys.product(id))), id)

    def _put(self, request: WriteRequest, old: Product, new: Product, if_match: int | None) -> WriteCall[Product]:
        old_sets, new_sets = (catalogue.index_sets(product, self._keys) for product in (old, new))
        old_bitmaps, new_bitmaps = (catalogue.price_bitmaps(product, self._keys) for product in (old, new))
        old_entries, new_entries = (catalogue.index_entries(product, self._keys) for product in (old, new))
        return UPDATE.call(
            request,
            keys={
                "product": self._keys.product(old.id),
                "categories": self._keys.categories,
                "companies": self._keys.companies,
            },
            args={
                **self._base(old, if_match),
                "fields": records.PRODUCT.update(new),
                "sets_joined": _json(new_sets - old_sets),
                "sets_left": _json(old_sets - new_sets),
                "bitmaps_added": _json(new_bitmaps - old_bitmaps),
                "bitmaps_removed": _json(old_bitmaps - new_bitmaps),
                # An order in which the product stays where it is costs nothing.
                "old_entries": _entries(entry for entry in old_entries if entry not in new_entries),
                "entries": _entries(entry for entry in new_entries if entry not in old_entries),
                "category": new.category,
                "company": new.company,
            },
            about=old.id,
            changes=[*differences(old.values(), new.values())],
        )

    def _withdrawal(self, request: WriteRequest, product: Product, if_match: int | None) -> WriteCall[None]:
        return WITHDRAW.call(
            request,
            keys={
                "product": self._keys.product(product.id),
                "skus": self._keys.skus,
                "product_ids": self._keys.product_ids,
                "in_stock": self._keys.in_stock,
                "sold_out": self._keys.sold_out,
                "categories": self._keys.categories,
                "companies": self._keys.companies,
            },
            args={
                **self._base(product, if_match),
                **self._index_args(product),
            },
            about=product.id,
        )

    def _index_args(self, product: Product) -> dict[str, Value]:
        return {
            "sets": _json(catalogue.index_sets(product, self._keys)),
            "price_bitmaps": _json(catalogue.price_bitmaps(product, self._keys)),
            "entries": _entries(catalogue.index_entries(product, self._keys)),
        }

    def _base(self, product: Product, if_match: int | None) -> dict[str, Value]:
        return {
            "base": product.version,
            "if_match": "" if if_match is None else if_match,
            "category_prefix": self._keys.category_prefix,
            "company_prefix": self._keys.company_prefix,
        }


def _entries(entries: Iterable[catalogue.IndexEntry]) -> str:
    return orjson.dumps(tuple(entries)).decode()


def _json(names: frozenset[str]) -> str:
    return orjson.dumps(sorted(names)).decode()


def _listed(flat: Sequence[str], name: str) -> Product:
    record = records.pairs(flat)
    if not record or "withdrawn" in record:
        raise NotFound("product", name)
    return records.PRODUCT.read(record)
