"""Products in memory."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson

from exactly_once.requests import WriteRequest, WriteResult
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
from shop.domain.events import EventType
from shop.domain.movements import Movement, MovementKind
from shop.domain.pages import Page, Position
from shop.domain.ports import ProductRepository
from shop.domain.products import (
    MAX_UNITS,
    Facet,
    Product,
    ProductDocument,
    ProductOrder,
    ProductQuery,
    product_document,
)
from shop.domain.text import fold, prefixes, words
from tests.fakes.paging import SortKey, page_of
from tests.fakes.store import FakeStore, each

MILLISECOND = timedelta(milliseconds=1)


class FakeProducts(ProductRepository):
    def __init__(self, store: FakeStore) -> None:
        self._store = store

    def get(self, id: str) -> Product:
        with self._store.reading():
            return self._found(id)

    def get_by_sku(self, sku: str) -> Product:
        with self._store.reading():
            product = self._with(sku)
        if product is None:
            raise NotFound("product", sku)
        return product

    def ids_by_sku(self, skus: Sequence[str]) -> Sequence[str | None]:
        with self._store.reading():
            found = [self._with(sku) for sku in skus]
        return [product and product.id for product in found]

    def made(self, ids: Sequence[str]) -> frozenset[str]:
        with self._store.reading():
            return frozenset(id for id in ids if id in self._store.products or id in self._store.withdrawn)

    def page(self, query: ProductQuery, size: int, position: Position | None) -> Page[ProductDocument]:
        with self._store.reading():
            found = [product for product in self._store.products.values() if answers(product, query)]
            page = page_of(found, ORDERS[query.order], descending=query.descending, size=size, position=position)
        documents = [product_document(product) for product in page.results]
        return Page(results=documents, next=page.next, previous=page.previous)

    def json_page(self, query: ProductQuery, size: int, position: Position | None) -> Page[bytes]:
        page = self.page(query, size, position)
        documents = [orjson.dumps(document, option=orjson.OPT_UTC_Z) for document in page.results]
        return Page(results=documents, next=page.next, previous=page.previous)

    def categories(self, size: int, position: Position | None) -> Page[Facet]:
        return self._facets(lambda product: product.category, size, position)

    def companies(self, size: int, position: Position | None) -> Page[Facet]:
        return self._facets(lambda product: product.company, size, position)

    def create(self, request: WriteRequest, product: Product) -> WriteResult[Product]:
        def effect() -> Product:
            if self._with(product.sku):
                raise SkuTaken
            named = {"sku": product.sku, "stock": product.stock, **product.values()}
            self._store.note(f"product:{product.id}", *differences({}, named))
            return self._created(product)

        return self._store.once(request, effect)

    def create_all(
        self, products: Sequence[tuple[WriteRequest, Product]]
    ) -> Sequence[WriteResult[Product] | Exception]:
        return each(self.create, products)

    def create_many(self, request: WriteRequest, products: Sequence[Product]) -> WriteResult[frozenset[str]]:
        def effect() -> frozenset[str]:
            refused = set()
            for product in products:
                if self._with(product.sku):
                    refused.add(product.id)
                else:
                    self._created(product)
            return frozenset(refused)

        return self._store.once(request, effect)

    def update(
        self, request: WriteRequest, id: str, change: Callable[[Product], Product], if_match: int | None
    ) -> WriteResult[Product]:
        def effect() -> Product:
            present = self._matching(id, if_match)
            changed = change(present)
            self._store.note(f"product:{id}", *differences(present.values(), changed.values()))
            self._store.emit(EventType.PRODUCT_UPDATED, id, {"version": changed.version})
            return self._put(_with_stock_of(self._found(id), changed))

        return self._store.once(request, effect)

    def withdraw(self, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
        def effect() -> None:
            self._store.withdrawn[id] = self._matching(id, if_match)
            del self._store.products[id]
            self._store.note(f"product:{id}")
            self._store.emit(EventType.PRODUCT_WITHDRAWN, id, {"sku": self._store.withdrawn[id].sku})

        return self._store.once(request, effect)

    def adjust_stock(self, request: WriteRequest, id: str, delta: int, expected: int | None) -> WriteResult[int]:
        def effect() -> int:
            product = self._found(id)
            _refuse_adjustment(product, delta, expected, self._store.held(id))
            self._store.note(f"product:{id}", ("stock", product.stock, product.stock + delta))
            if not delta:
                return product.stock
            data = {"stock": product.stock + delta, "delta": delta}
            self._store.emit(EventType.PRODUCT_STOCK_ADJUSTED, id, data)
            kind = MovementKind.ADJUSTMENT
            return self._put(moved(self._store, product, delta, kind, request.id, request.caller)).stock

        return self._store.once(request, effect)

    def movements(self, product: str, size: int, position: Position | None) -> Page[Movement]:
        with self._store.reading():
            known = self._store.products.get(product) or self._store.withdrawn.get(product)
            if known is None:
                raise NotFound("product", product)
            found = self._store.movements.get(product) or [
                Movement(
                    id="0-1",
                    at=known.created_at,
                    kind=MovementKind.OPENING,
                    quantity=known.stock,
                    reference=product,
                    by=None,
                )
            ]
            return page_of(found, _order, descending=True, size=size, position=position)

    def _found(self, id: str) -> Product:
        if id not in self._store.products:
            raise NotFound("product", id)
        return self._store.products[id]

    def _with(self, sku: str) -> Product | None:
        return next((product for product in self._store.products.values() if product.sku == sku), None)

    def _matching(self, id: str, if_match: int | None) -> Product:
        product = self._found(id)
        if if_match not in (None, product.version):
            raise PreconditionFailed(product.version)
        return product

    def _created(self, product: Product) -> Product:
        data = {"sku": product.sku, "stock": product.stock, "version": product.version}
        self._store.emit(EventType.PRODUCT_CREATED, product.id, data)
        return self._put(product)

    def _put(self, product: Product) -> Product:
        self._store.products[product.id] = product
        return product

    def _facets(self, name: Callable[[Product], str], size: int, position: Position | None) -> Page[Facet]:
        with self._store.reading():
            counts = Counter(filter(None, map(name, self._store.products.values())))
        facets = [Facet(name=name, count=count) for name, count in counts.items()]
        return page_of(facets, lambda facet: (facet.name,), descending=False, size=size, position=position)


def moved(store: FakeStore, product: Product, quantity: int, kind: MovementKind, reference: str, by: str) -> Product:
    """The product with so many more units, changed later than before, and with a movement."""
    now = datetime.now(UTC)
    at = max(now.replace(microsecond=now.microsecond // 1000 * 1000), product.stock_changed_at + MILLISECOND)
    ledger = store.movements.setdefault(product.id, [])
    if not ledger and product.stock:
        _record(ledger, at, product.stock, MovementKind.OPENING, product.id, "")
    _record(ledger, at, quantity, kind, reference, by)
    return replace(product, stock=product.stock + quantity, stock_changed_at=at)


def _record(ledger: list[Movement], at: datetime, quantity: int, kind: MovementKind, reference: str, by: str) -> None:
    id = f"{int(at.timestamp() * 1000)}-{len(ledger)}"
    ledger.append(Movement(id=id, at=at, kind=kind, quantity=quantity, reference=reference, by=by or None))


def _with_stock_of(product: Product, changed: Product) -> Product:
    return replace(changed, stock=product.stock, stock_changed_at=product.stock_changed_at)


def answers(product: Product, query: ProductQuery) -> bool:
    """Whether the product is one of those that the query asks for."""
    return (
        query.category in (None, product.category)
        and query.company in (None, product.company)
        and query.currency in (None, product.price.currency)
        and query.in_stock in (None, product.stock > 0)
        and (query.min_price is None or query.min_price <= product.price.scaled)
        and (query.max_price is None or product.price.scaled <= query.max_price)
        and query.words <= prefixes(words(f"{product.name} {product.company} {product.category} {product.sku}"))
    )


def _order(movement: Movement) -> SortKey:
    return tuple(int(number) for number in movement.id.split("-"))


def _creation(product: Product) -> SortKey:
    return product.created_at.isoformat(timespec="milliseconds"), product.id


ORDERS: dict[ProductOrder, Callable[[Product], SortKey]] = {
    ProductOrder.CREATED_AT: _creation,
    ProductOrder.PRICE: lambda product: (product.price.scaled, *_creation(product)),
    ProductOrder.NAME: lambda product: (fold(product.name), *_creation(product)),
}


def _refuse_adjustment(product: Product, delta: int, expected: int | None, held: int) -> None:
    if expected not in (None, product.stock):
        raise StockChanged(product.stock)
    if delta < 0 and product.stock - held + delta < 0:
        raise InsufficientStock([Shortage(product=product.id, requested=-delta, available=product.stock - held)])
    if product.stock + delta > MAX_UNITS:
        raise Invalid(FieldError("/delta", "stock-too-large", f"The stock would exceed {MAX_UNITS} units."))
