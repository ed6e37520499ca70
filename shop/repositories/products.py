"""Products and their stock in Redis."""

from collections.abc import Callable, Iterable, Sequence

import orjson

from exactly_once import (
    Consistency,
    Reply,
    WriteCall,
    WriteDeclaration,
    WriteRequest,
    WriteResult,
    fails,
    refuses,
    returns,
)
from exactly_once.declarations import Value
from shop.domain.audit import differences
from shop.domain.errors import (
    FieldError,
    InsufficientStock,
    Invalid,
    NotFound,
    PreconditionFailed,
    Shortage,
    SkuTaken,
    StockChanged,
)
from shop.domain.pages import Page, Position
from shop.domain.ports import ProductRepository
from shop.domain.products import MAX_UNITS, Facet, Product, ProductDocument, ProductQuery
from shop.repositories import catalogue, records
from shop.repositories.pages import Window
from shop.repositories.product_batches import RedisProductBatches


def _product(reply: Reply) -> Product:
    return records.PRODUCT.read_flat(reply.values)


def _insufficient_stock(reply: Reply) -> InsufficientStock:
    requested, available = -int(reply.args["delta"]), int(reply.values[0])
    return InsufficientStock([Shortage(product=reply.about, requested=requested, available=available)])


def _stock_too_large(_: Reply) -> Invalid:
    return Invalid(FieldError("/delta", "stock-too-large", f"A stock may be at most {MAX_UNITS}."))


_PRECONDITION_FAILED = refuses(lambda reply: PreconditionFailed(int(reply.values[0])))
_NOT_FOUND = fails(lambda reply: NotFound("product", reply.about))

CREATE = WriteDeclaration(
    script="product_create",
    kind="product",
    keys=("product", "skus", "product_sequence", "product_ids", "in_stock", "sold_out", "categories", "companies"),
    args=("id", "sku", "stock", "category", "company", "fields", "sets", "price_bitmaps", "entries"),
    replies={
        "CREATED": returns(_product),
        "SKU_TAKEN": refuses(lambda reply: SkuTaken("Another product has this SKU.")),
    },
)
UPDATE = WriteDeclaration(
    script="product_update",
    kind="product",
    keys=("product", "categories", "companies"),
    args=(
        "base",
        "if_match",
        "fields",
        "sets_joined",
        "sets_left",
        "bitmaps_added",
        "bitmaps_removed",
        "old_entries",
        "entries",
        "category_prefix",
        "company_prefix",
        "category",
        "company",
    ),
    replies={"UPDATED": returns(_product), "PRECONDITION_FAILED": _PRECONDITION_FAILED, "NOT_FOUND": _NOT_FOUND},
    is_optimistic=True,
)
WITHDRAW: WriteDeclaration[None] = WriteDeclaration(
    script="product_withdraw",
    kind="product",
    keys=("product", "skus", "product_ids", "in_stock", "sold_out", "categories", "companies"),
    args=("base", "if_match", "sets", "price_bitmaps", "entries", "category_prefix", "company_prefix"),
    replies={
        "WITHDRAWN": returns(lambda reply: None),
        "PRECONDITION_FAILED": _PRECONDITION_FAILED,
        "NOT_FOUND": _NOT_FOUND,
    },
    is_optimistic=True,
)
ADJUST_STOCK = WriteDeclaration(
    script="product_adjust_stock",
    kind="product",
    keys=("product", "in_stock", "sold_out"),
    args=("delta", "expected", "max_stock"),
    replies={
        "ADJUSTED": returns(lambda reply: int(reply.values[0])),
        "STOCK_CHANGED": refuses(lambda reply: StockChanged(int(reply.values[0]))),
        "INSUFFICIENT_STOCK": refuses(_insufficient_stock),
        "STOCK_TOO_LARGE": fails(_stock_too_large),
        "NOT_FOUND": _NOT_FOUND,
    },
)


class RedisProductRepository(RedisProductBatches, ProductRepository):
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
        search = catalogue.Search(query=query, size=size, position=position)
        name, keys, args = search.script(self._keys)
        found = self._store.read_script(name, keys=keys, args=args, consistency=Consistency.CAUSAL)
        return search.window.page([(key, records.products.document(values)) for key, values in found])

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
            args={"delta": delta, "expected": "" if expected is None else expected, "max_stock": MAX_UNITS},
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
