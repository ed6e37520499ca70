"""Use cases of products and their stock."""

from collections.abc import Callable

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.movements import Movement
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.products import Facet, Product, ProductDetails, ProductDocument, ProductQuery


def product_create(
    *, shop: Shop, request: WriteRequest, sku: str, details: ProductDetails, stock: int
) -> WriteResult[Product]:
    """Create a product.

    Raises:
        SkuTaken: another product of the catalogue has this SKU.
    """
    now = shop.clock.now()
    product = Product(
        id=shop.ids.new(now),
        sku=sku,
        stock=stock,
        created_at=now,
        updated_at=now,
        stock_changed_at=now,
        version=1,
        **details.values(),
    )
    return shop.products.create(request, product)


def product_get(*, shop: Shop, id: str) -> Product:
    """Get a product. Raises: NotFound."""
    return shop.products.get(id)


def product_get_by_sku(*, shop: Shop, sku: str) -> Product:
    """Get a product by SKU. Raises: NotFound."""
    return shop.products.get_by_sku(sku)


def product_list(*, shop: Shop, query: ProductQuery, size: int, position: Position | None) -> Page[ProductDocument]:
    """List products."""
    return shop.products.page(query, size, position)


def product_json_list(*, shop: Shop, query: ProductQuery, size: int, position: Position | None) -> Page[bytes]:
    """List products, each as JSON."""
    return shop.products.json_page(query, size, position)


def product_categories(*, shop: Shop, size: int, position: Position | None) -> Page[Facet]:
    """List the categories in use, by name."""
    return shop.products.categories(size, position)


def product_companies(*, shop: Shop, size: int, position: Position | None) -> Page[Facet]:
    """List the companies in use, by name."""
    return shop.products.companies(size, position)


def product_update(
    *, shop: Shop, request: WriteRequest, id: str, change: Callable[[Product], ProductDetails], if_match: int | None
) -> WriteResult[Product]:
    """Update a product to the details that `change` makes of the present one; a concurrent edit makes it run again.

    Raises:
        NotFound, PreconditionFailed, and what `change` raises.
    """
    now = shop.clock.now()

    def apply(product: Product) -> Product:
        return product.with_changes(at=now, **change(product).values())

    return shop.products.update(request, id, apply, if_match)


def product_withdraw(*, shop: Shop, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
    """Withdraw a product from the catalogue.

    Raises:
        NotFound, PreconditionFailed.
    """
    return shop.products.withdraw(request, id, if_match)


def product_movements(*, shop: Shop, id: str, size: int, position: Position | None) -> Page[Movement]:
    """List the movements of a product's stock, newest first.

    Raises:
        NotFound.
    """
    return shop.products.movements(id, size, position)


def product_adjust_stock(
    *, shop: Shop, request: WriteRequest, id: str, delta: int, expected: int | None
) -> WriteResult[int]:
    """Add `delta` to the stock, and return the stock afterwards, in units.

    Raises:
        NotFound, InsufficientStock, StockChanged; Invalid where it would exceed MAX_UNITS.
    """
    return shop.products.adjust_stock(request, id, delta, expected)
