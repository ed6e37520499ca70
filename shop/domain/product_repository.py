"""Port to the products and their stock."""

from collections.abc import Callable, Sequence
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.movements import Movement
from shop.domain.pages import Page, Position
from shop.domain.products import Facet, Product, ProductDocument, ProductQuery


class ProductRepository(Protocol):
    """Products and their stock. Writes as in UserRepository. Reads are causal: from replicas that have every write that
    this process has acknowledged (read-your-writes), or else from the primary."""

    def get(self, id: str) -> Product:
        """Raises: NotFound."""
        ...

    def get_by_sku(self, sku: str) -> Product:
        """Raises: NotFound."""
        ...

    def ids_by_sku(self, skus: Sequence[str]) -> Sequence[str | None]:
        """Return the id of the product with each of these SKUs, None where there is none. A linearizable read."""
        ...

    def made(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of the ids that a product has, or had before it was withdrawn. A linearizable read."""
        ...

    def page(self, query: ProductQuery, size: int, position: Position | None) -> Page[ProductDocument]:
        """List the products of the query, each as `product_document` describes it. A page stays stable while products
        are created and withdrawn."""
        ...

    def json_page(self, query: ProductQuery, size: int, position: Position | None) -> Page[bytes]:
        """As `page`, each document as JSON."""
        ...

    def categories(self, size: int, position: Position | None) -> Page[Facet]:
        """List the categories in use, by name."""
        ...

    def companies(self, size: int, position: Position | None) -> Page[Facet]:
        """List the companies in use, by name."""
        ...

    def create(self, request: WriteRequest, product: Product) -> WriteResult[Product]:
        """Raises: SkuTaken. Of concurrent requests with one SKU, one succeeds."""
        ...

    def create_all(
        self, products: Sequence[tuple[WriteRequest, Product]]
    ) -> Sequence[WriteResult[Product] | Exception]:
        """Create products in one round trip. An error takes the place of its result."""
        ...

    def create_many(self, request: WriteRequest, products: Sequence[Product]) -> WriteResult[frozenset[str]]:
        """Create up to 50 products by one write. Those whose SKU another product has are left out: their ids are the
        result."""
        ...

    def update(
        self, request: WriteRequest, id: str, change: Callable[[Product], Product], if_match: int | None
    ) -> WriteResult[Product]:
        """Raises: NotFound, PreconditionFailed, and what `change` raises."""
        ...

    def withdraw(self, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
        """Withdraw the product and free its SKU. Purchases retain their copy of name and price.

        Raises: NotFound, PreconditionFailed."""
        ...

    def movements(self, product: str, size: int, position: Position | None) -> Page[Movement]:
        """List the movements of the product's stock, newest first; a withdrawn product has them too. The sum of all
        is the stock.

        Raises: NotFound."""
        ...

    def adjust_stock(self, request: WriteRequest, id: str, delta: int, expected: int | None) -> WriteResult[int]:
        """Add `delta` and return the stock afterwards, in units; never below 0.

        Raises: NotFound, InsufficientStock, StockChanged; Invalid where it would exceed MAX_UNITS."""
        ...
