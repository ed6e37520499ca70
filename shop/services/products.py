"""What can be done with products and their stock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.money import Money
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.products import Facet, Product, ProductQuery


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductDetails:
    """What staff say about a product, and may say anew."""

    name: str
    description: str
    category: str
    company: str
    date_manufactured: date | None
    price: Money


def product_create(
    *, shop: Shop, request: WriteRequest, sku: str, details: ProductDetails, stock: int
) -> WriteResult[Product]:
    """The new product.

    Raises:
        SkuTaken: another product has this SKU.
    """
    now = shop.clock.now()
    product = Product(
        id=shop.ids.new(now),
        sku=sku,
        name=details.name,
        description=details.description,
        category=details.category,
        company=details.company,
        date_manufactured=details.date_manufactured,
        price=details.price,
        stock=stock,
        created_at=now,
        updated_at=now,
        version=1,
    )
    return shop.products.create(request, product)


def product_get(*, shop: Shop, id: str) -> Product:
    """Raises: NotFound."""
    return shop.products.get(id)


def product_get_by_sku(*, shop: Shop, sku: str) -> Product:
    """Raises: NotFound."""
    return shop.products.get_by_sku(sku)


def product_list(*, shop: Shop, query: ProductQuery, size: int, position: Position | None) -> Page[Product]:
    """A page of the products of the query."""
    return shop.products.page(query, size, position)


def product_categories(*, shop: Shop, size: int, position: Position | None) -> Page[Facet]:
    """A page of the categories in use, by name."""
    return shop.products.categories(size, position)


def product_companies(*, shop: Shop, size: int, position: Position | None) -> Page[Facet]:
    """A page of the companies in use, by name."""
    return shop.products.companies(size, position)


def product_update(
    *, shop: Shop, request: WriteRequest, id: str, change: Callable[[Product], ProductDetails], if_match: int | None
) -> WriteResult[Product]:
    """The product with the details that `change` makes of the present one.

    Raises:
        NotFound, PreconditionFailed, and what `change` raises.
    """
    now = shop.clock.now()

    def changed(product: Product) -> Product:
        details = change(product)
        return product.edited(
            at=now,
            name=details.name,
            description=details.description,
            category=details.category,
            company=details.company,
            date_manufactured=details.date_manufactured,
            price=details.price,
        )

    return shop.products.update(request, id, changed, if_match)


def product_withdraw(*, shop: Shop, request: WriteRequest, id: str, if_match: int | None) -> WriteResult[None]:
    """Takes the product out of the catalogue.

    Raises:
        NotFound, PreconditionFailed.
    """
    return shop.products.withdraw(request, id, if_match)


def product_adjust_stock(
    *, shop: Shop, request: WriteRequest, id: str, delta: int, expected: int | None
) -> WriteResult[int]:
    """The stock afterwards, in units.

    Raises:
        NotFound, InsufficientStock, StockChanged; Invalid where it would exceed what a stock can be.
    """
    return shop.products.adjust_stock(request, id, delta, expected)
