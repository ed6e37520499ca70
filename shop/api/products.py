"""The catalogue over HTTP."""

from collections.abc import Mapping
from typing import Any

import structlog
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from shop import bootstrap
from shop.api import fields, filters
from shop.api.conditional import if_match, product_tag, sku_tag
from shop.api.examples import PRODUCT, example
from shop.api.operations import Access, Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body, Edit
from shop.api.viewsets import ShopViewSet
from shop.domain import text
from shop.domain.money import CURRENCIES, STORED_CURRENCIES, Money
from shop.domain.products import MAX_UNITS, Facet, Product, ProductOrder, ProductQuery
from shop.services import products
from shop.services.products import ProductDetails

_KEPT = ("id", "is_sold", "created_at", "updated_at", "version")


_LOG = structlog.get_logger()


class _ProductFields(Body):
    id = fields.Id(read_only=True)
    sku = fields.Sku(help_text="The shop's own name for the product; good in a URL as it is.")
    name = fields.Text()
    description = fields.Text(limit=text.LONG, lines=True, default="", allow_blank=True)
    category = fields.Text(default="", allow_blank=True)
    company = fields.Text(default="", allow_blank=True)
    date_manufactured = fields.Day(default=None, allow_null=True)
    price = fields.Price(help_text="A decimal string, with no more decimals than its currency has.")
    currency = fields.Choice(sorted(CURRENCIES), component="Currency", initial="EUR")
    stock = fields.Whole(least=0, default=0)
    is_sold = fields.Flag(read_only=True, help_text="Whether no unit is left.")
    created_at = fields.Instant(read_only=True)
    updated_at = fields.Instant(read_only=True)
    version = fields.Whole(least=1, read_only=True, help_text="Counts edits, from 1.")


@extend_schema_serializer(component_name="NewProduct", examples=example(PRODUCT, *_KEPT))
class NewProduct(_ProductFields):
    """A product to add; what is left out is empty."""


@extend_schema_serializer(component_name="ProductChange", examples=example(PRODUCT, *_KEPT, "sku", "stock"))
class ProductChange(_ProductFields, Edit):
    """What is to be said about a product from now on."""

    sku = fields.Sku(read_only=True)
    stock = fields.Whole(least=0, read_only=True)


@extend_schema_serializer(component_name="Product", examples=example(PRODUCT))
class ProductAnswer(fields.Answer, _ProductFields):
    """A product of the catalogue."""

    currency = fields.Choice(sorted(STORED_CURRENCIES), component="StoredCurrency")


@extend_schema_serializer(component_name="StockChange", examples=example({"delta": 50, "reason": "A delivery."}))
class StockChange(Body):
    """A change of the stock, in units."""

    delta = fields.Whole(least=-MAX_UNITS, help_text="Units that came, or with a minus went.")
    reason = fields.Text(limit=text.REASON)
    expected = fields.Whole(least=0, required=False, help_text="Only if this is the stock now.")


@extend_schema_serializer(component_name="Stock", examples=example({"stock": 170}))
class StockAnswer(fields.Answer):
    """What is in stock now, in units."""

    stock = fields.Whole(least=0)


@extend_schema_serializer(component_name="NameWithCount", examples=example({"name": "Fruit", "count": 12}))
class FacetAnswer(fields.Answer):
    """A name, and how many products have it."""

    name = fields.Text(allow_blank=True)
    count = fields.Whole(least=0)


_FILTERS = (
    filters.named("category", "Only this category."),
    filters.named("company", "Only this company."),
    filters.amount("min_price", "Only prices of at least this amount, whatever their currency."),
    filters.amount("max_price", "Only prices of at most this amount, whatever their currency."),
    filters.one_of("in_stock", {"true": True, "false": False}, "Only what is in stock, or only what is not."),
    filters.CURRENCY,
    filters.search("Beginnings of words in name, company, category or SKU; every one must be found."),
    filters.ordering(ProductOrder, "newest first"),
)
_CHANGE, _PATCH = ProductChange(), ProductChange(partial=True)


class ProductViewSet(ShopViewSet):
    """What the shop sells."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "list": Operation(access=Access.ANYONE, answer=ProductAnswer, page=True, parameters=(*_FILTERS, *PAGING)),
        "categories": Operation(access=Access.ANYONE, answer=FacetAnswer, page=True, parameters=PAGING),
        "companies": Operation(access=Access.ANYONE, answer=FacetAnswer, page=True, parameters=PAGING),
        "retrieve": Operation(access=Access.ANYONE, answer=ProductAnswer, tagged=True),
        "by_sku": Operation(access=Access.ANYONE, answer=ProductAnswer, tagged=True),
        "create": Operation(
            access=Access.STAFF,
            body=NewProduct(),
            answer=ProductAnswer,
            status=201,
            tagged=True,
            keyed=True,
            problems=("sku-taken",),
        ),
        "update": Operation(access=Access.STAFF, body=_CHANGE, answer=ProductAnswer, tagged=True),
        "partial_update": Operation(access=Access.STAFF, body=_PATCH, answer=ProductAnswer, tagged=True),
        "destroy": Operation(access=Access.STAFF, status=204, tagged=True),
        "stock": Operation(
            access=Access.STAFF,
            body=StockChange(),
            answer=StockAnswer,
            keyed=True,
            problems=("insufficient-stock", "stock-changed"),
        ),
    }

    def list(self, request: Request) -> HttpResponseBase:
        """A page of the catalogue, newest first."""
        asked = self.page_request(request)
        page = products.product_list(
            shop=bootstrap.get_shop(), query=_query(asked.filters), size=asked.size, position=asked.position
        )
        return self.page(request, page, represented)

    @action(detail=False)
    def categories(self, request: Request) -> HttpResponseBase:
        """The categories in use, by name, with how many products each has."""
        asked = self.page_request(request)
        page = products.product_categories(shop=bootstrap.get_shop(), size=asked.size, position=asked.position)
        return self.page(request, page, _facet)

    @action(detail=False)
    def companies(self, request: Request) -> HttpResponseBase:
        """The companies in use, by name, with how many products each has."""
        asked = self.page_request(request)
        page = products.product_companies(shop=bootstrap.get_shop(), size=asked.size, position=asked.position)
        return self.page(request, page, _facet)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """One product."""
        product = products.product_get(shop=bootstrap.get_shop(), id=pk)
        return self.single(request, represented(product), product_tag(product))

    @action(detail=False, url_path=f"by-sku/(?P<sku>{fields.SKU})")
    def by_sku(self, request: Request, sku: str) -> HttpResponseBase:
        """One product, by the shop's own name for it."""
        product = products.product_get_by_sku(shop=bootstrap.get_shop(), sku=sku)
        return self.single(request, represented(product), sku_tag(product))

    def create(self, request: Request) -> HttpResponseBase:
        """Adds a product to the catalogue."""
        values = self.values(request)
        done = products.product_create(
            shop=bootstrap.get_shop(),
            request=self.write_request(request),
            sku=values["sku"],
            details=_details(values),
            stock=values["stock"],
        )
        return self.created(request, done, represented(done.value), product_tag(done.value))

    def update(self, request: Request, pk: str) -> HttpResponseBase:
        """Says everything about a product anew."""
        return self._change(request, pk, _CHANGE)

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Says some things about a product anew."""
        return self._change(request, pk, _PATCH)

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Withdraws a product; purchases keep what they copied of it."""
        done = products.product_withdraw(
            shop=bootstrap.get_shop(),
            request=self.write_request(request),
            id=pk,
            if_match=if_match(request._request),
        )
        return self.done(request, done)

    @action(detail=True, methods=["post"])
    def stock(self, request: Request, pk: str) -> HttpResponseBase:
        """Adds units to a product's stock, or takes some away, never below 0."""
        values = self.values(request)
        done = products.product_adjust_stock(
            shop=bootstrap.get_shop(),
            request=self.write_request(request),
            id=pk,
            delta=values["delta"],
            expected=values.get("expected"),
        )
        # The log is where the reason is kept.
        _LOG.info(
            "stock adjusted",
            request_id=done.origin_request_id,
            product=pk,
            delta=values["delta"],
            stock=done.value,
            reason=values["reason"],
            user=self.caller.id,
        )
        return self.done(request, done, {"stock": done.value})

    def _change(self, request: Request, id: str, body: ProductChange) -> HttpResponseBase:
        given = self.given(request)
        values = body.parsed(given)

        def change(product: Product) -> ProductDetails:
            present = represented(product)
            body.refuse_changes(given, present)
            return _details({**present, **values})

        done = products.product_update(
            shop=bootstrap.get_shop(),
            request=self.write_request(request),
            id=id,
            change=change,
            if_match=if_match(request._request),
        )
        return self.done(request, done, represented(done.value), {"ETag": product_tag(done.value)})


def represented(product: Product) -> dict[str, Any]:
    """The product as it is answered."""
    return {
        "id": product.id,
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "category": product.category,
        "company": product.company,
        "date_manufactured": product.date_manufactured,
        "price": str(product.price),
        "currency": product.price.currency,
        "stock": product.stock,
        "is_sold": product.is_sold,
        "created_at": product.created_at,
        "updated_at": product.updated_at,
        "version": product.version,
    }


def _facet(facet: Facet) -> dict[str, Any]:
    return {"name": facet.name, "count": facet.count}


def _details(values: Mapping[str, Any]) -> ProductDetails:
    return ProductDetails(
        name=values["name"],
        description=values["description"],
        category=values["category"],
        company=values["company"],
        date_manufactured=values["date_manufactured"],
        price=Money.parse(values["price"], values["currency"]),
    )


def _query(values: dict[str, Any]) -> ProductQuery:
    order, descending = values.pop("ordering", (ProductOrder.CREATED_AT, True))
    words = values.pop("search", frozenset())
    return ProductQuery(**values, words=words, order=order, descending=descending)
