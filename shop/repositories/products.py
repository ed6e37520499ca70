"""Products and their stock in Redis."""

from collections.abc import Callable, Sequence

import orjson

from exactly_once.reads import Reader
from exactly_once.scripts import Value
from exactly_once.writes import Reply, Write, Writer, each, refused
from shop.domain.errors import (
    Fault,
    InsufficientStock,
    Invalid,
    NotFound,
    PreconditionFailed,
    ShopError,
    Shortage,
    SkuTaken,
    StockChanged,
)
from shop.domain.pages import Page, Position
from shop.domain.ports import ProductRepository
from shop.domain.products import MOST_UNITS, Facet, Product, ProductQuery
from shop.domain.requests import Done, WriteRequest
from shop.repositories import catalogue, records
from shop.repositories.keys import Keys
from shop.repositories.pages import Window


class RedisProductRepository(ProductRepository):
    """Keeps each product in a hash, and a number for it in the catalogue's index sets."""

    def __init__(self, reader: Reader, writer: Writer, keys: Keys) -> None:
        self._reader = reader
        self._writer = writer
        self._keys = keys

    def get(self, id: str) -> Product:
        return _listed(self._reader.catalogue(("HGETALL", self._keys.product(id))), id)

    def get_by_sku(self, sku: str) -> Product:
        argv: dict[str, Value] = {"sku": sku, "product_prefix": self._keys.product_prefix}
        return _listed(self._reader.catalogue_script("product_by_sku", {"skus": self._keys.skus}, argv), sku)

    def page(self, query: ProductQuery, size: int, position: Position | None) -> Page[Product]:
        search = catalogue.Search(query=query, size=size, position=position)
        found = self._reader.catalogue_script("product_page", search.keys(self._keys), search.argv(self._keys))
        return search.window.page([(key, records.product(records.shown(values))) for key, values in found])

    def categories(self, size: int, position: Position | None) -> Page[Facet]:
        return self._facets(self._keys.categories, self._keys.category_prefix, size, position)

    def companies(self, size: int, position: Position | None) -> Page[Facet]:
        return self._facets(self._keys.companies, self._keys.company_prefix, size, position)

    def create(self, request: WriteRequest, product: Product) -> Done[Product]:
        return _product(self._writer.write(self._creation(request, product)), product.id)

    def create_all(self, products: Sequence[tuple[WriteRequest, Product]]) -> Sequence[Done[Product] | ShopError]:
        replies = self._writer.write_all([self._creation(*product) for product in products])
        return each(replies, lambda reply: _product(reply, "just created"))

    def update(
        self, request: WriteRequest, id: str, change: Callable[[Product], Product], if_match: int | None
    ) -> Done[Product]:
        def attempt() -> Reply:
            product = self._present(id)
            changed = change(product) if if_match in (None, product.version) else product
            return self._put(request, product, changed, if_match)

        return _product(self._writer.decide(request, attempt), id)

    def withdraw(self, request: WriteRequest, id: str, if_match: int | None) -> Done[None]:
        reply = self._writer.decide(request, lambda: self._take_out(request, self._present(id), if_match))
        _refuse(reply, id)
        return Done(value=None, carried_out_by=reply.carried_out_by)

    def adjust_stock(self, request: WriteRequest, id: str, delta: int, expected: int | None) -> Done[int]:
        reply = self._writer.write(
            Write(
                script="product_adjust_stock",
                request=request,
                keys={
                    "product": self._keys.product(id),
                    "in_stock": self._keys.in_stock,
                    "sold_out": self._keys.sold_out,
                },
                argv={"delta": delta, "expected": "" if expected is None else expected, "most": MOST_UNITS},
            )
        )
        if reply.tag == "STOCK_TOO_LARGE":
            raise Invalid(Fault("/delta", "stock-too-large", f"A stock may be at most {MOST_UNITS}."))
        if reply.tag == "INSUFFICIENT_STOCK":
            shortage = Shortage(product=id, requested=-delta, available=int(reply.values[0]))
            raise refused(InsufficientStock([shortage]), reply)
        _refuse(reply, id)
        return Done(value=int(reply.values[0]), carried_out_by=reply.carried_out_by)

    def _creation(self, request: WriteRequest, product: Product) -> Write:
        record = records.of_product(product)
        return Write(
            script="product_create",
            request=request,
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
            argv={
                "id": product.id,
                "sku": product.sku,
                "stock": product.stock,
                "category": product.category,
                "company": product.company,
                "fields": records.flat({**record, "stock": product.stock}),
                "sets": _json(catalogue.sets(product, self._keys)),
                "marks": _json(catalogue.marks(product, self._keys)),
                "orders": catalogue.orders(product, self._keys),
            },
        )

    def _facets(self, names: str, prefix: str, size: int, position: Position | None) -> Page[Facet]:
        window = Window(size=size, position=position, descending=False)
        found = self._reader.catalogue_script("facet_page", {"names": names}, {**window.argv(), "set_prefix": prefix})
        return window.page([(name, Facet(name=name, count=count)) for name, count in found])

    def _present(self, id: str) -> Product:
        return _listed(self._reader.own(("HGETALL", self._keys.product(id))), id)

    def _put(self, request: WriteRequest, old: Product, new: Product, if_match: int | None) -> Reply:
        before, after = catalogue.sets(old, self._keys), catalogue.sets(new, self._keys)
        unmarked, marked = catalogue.marks(old, self._keys), catalogue.marks(new, self._keys)
        return self._writer.write(
            Write(
                script="product_update",
                request=request,
                keys={
                    "product": self._keys.product(old.id),
                    "categories": self._keys.categories,
                    "companies": self._keys.companies,
                },
                argv={
                    **self._base(old, if_match),
                    "fields": records.flat(records.of_product(new)),
                    "joins": _json(after - before),
                    "leaves": _json(before - after),
                    "marks": _json(marked - unmarked),
                    "unmarks": _json(unmarked - marked),
                    "left": catalogue.orders(old, self._keys),
                    "orders": catalogue.orders(new, self._keys),
                    "category": new.category,
                    "company": new.company,
                },
            )
        )

    def _take_out(self, request: WriteRequest, product: Product, if_match: int | None) -> Reply:
        return self._writer.write(
            Write(
                script="product_withdraw",
                request=request,
                keys={
                    "product": self._keys.product(product.id),
                    "skus": self._keys.skus,
                    "product_ids": self._keys.product_ids,
                    "in_stock": self._keys.in_stock,
                    "sold_out": self._keys.sold_out,
                    "categories": self._keys.categories,
                    "companies": self._keys.companies,
                },
                argv={
                    **self._base(product, if_match),
                    "leaves": _json(catalogue.sets(product, self._keys)),
                    "unmarks": _json(catalogue.marks(product, self._keys)),
                    "orders": catalogue.orders(product, self._keys),
                },
            )
        )

    def _base(self, product: Product, if_match: int | None) -> dict[str, Value]:
        return {
            "base": product.version,
            "if_match": "" if if_match is None else if_match,
            "category_prefix": self._keys.category_prefix,
            "company_prefix": self._keys.company_prefix,
        }


def _json(names: frozenset[str]) -> str:
    return orjson.dumps(sorted(names)).decode()


def _listed(flat: records.Flat, name: str) -> Product:
    record = records.fields(flat)
    if not record or "withdrawn" in record:
        raise NotFound("product", name)
    return records.product(record)


def _product(reply: Reply, id: str) -> Done[Product]:
    _refuse(reply, id)
    return Done(value=records.product(records.fields(reply.values)), carried_out_by=reply.carried_out_by)


def _refuse(reply: Reply, id: str) -> None:
    if reply.tag in ("NOT_FOUND", "FORGOTTEN"):
        raise NotFound("product", id)
    if reply.tag == "SKU_TAKEN":
        raise refused(SkuTaken("Another product has this SKU."), reply)
    if reply.tag == "PRECONDITION_FAILED":
        raise refused(PreconditionFailed(int(reply.values[0])), reply)
    if reply.tag == "STOCK_CHANGED":
        raise refused(StockChanged(int(reply.values[0])), reply)
