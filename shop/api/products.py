"""Products over HTTP: the catalogue and its stock."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

import structlog
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from exactly_once.requests import WriteResult
from shop.api import fields, filters
from shop.api.conditional import product_etag, sku_etag
from shop.api.examples import PRODUCT
from shop.api.facets import FacetResponse, facet_document
from shop.api.movements import MovementResponse, movement_document
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body, UpdateBody
from shop.api.rendering import ready_json
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain import text
from shop.domain.callers import Caller
from shop.domain.money import CURRENCIES, STORED_CURRENCIES, Money
from shop.domain.products import MAX_UNITS, Product, ProductDetails, ProductOrder, ProductQuery
from shop.domain.products import product_document as product_document
from shop.services import products

_READ_ONLY = ("id", "is_sold", "created_at", "updated_at", "stock_changed_at", "version")
_UNPRICED_DETAILS = tuple(field.name for field in dataclasses.fields(ProductDetails) if field.name != "price")
_LOG = structlog.get_logger()


class _ProductFields(Body):
    id = fields.Id(read_only=True)
    sku = fields.Sku(help_text="Unique stock-keeping unit, usable in a URL without escaping.")
    name = fields.Text()
    description = fields.Text(max_chars=text.MAX_LONG_CHARS, lines=True, default="", allow_blank=True)
    category = fields.Text(default="", allow_blank=True)
    company = fields.Text(default="", allow_blank=True)
    date_manufactured = fields.Date(default=None, allow_null=True)
    price = fields.Price(help_text="Decimal string with at most as many decimals as the currency has.")
    currency = fields.Choice(sorted(CURRENCIES), component="Currency", initial="EUR")
    stock = fields.Integer(minimum=0, default=0, help_text="Units.")
    is_sold = fields.Boolean(read_only=True, help_text="Whether no unit is left.")
    created_at = fields.Instant(read_only=True)
    updated_at = fields.Instant(read_only=True, help_text="When it was last edited; a sale is no edit.")
    stock_changed_at = fields.Instant(
        read_only=True, help_text="When the stock last changed. Later after every change of the stock."
    )
    version = fields.Integer(minimum=1, read_only=True, help_text="Number of edits, from 1.")


@extend_schema_serializer(component_name="NewProduct", examples=example(PRODUCT, *_READ_ONLY))
class NewProduct(_ProductFields):
    """A product to create. Fields that are left out are empty."""


@extend_schema_serializer(component_name="ProductChange", examples=example(PRODUCT, *_READ_ONLY, "sku", "stock"))
class ProductChange(_ProductFields, UpdateBody):
    """New values of a product."""

    sku = fields.Sku(read_only=True)
    stock = fields.Integer(minimum=0, read_only=True)


@extend_schema_serializer(component_name="Product", examples=example(PRODUCT))
class ProductResponse(fields.ResponseBody, _ProductFields):
    """A product of the catalogue."""

    currency = fields.Choice(sorted(STORED_CURRENCIES), component="StoredCurrency")


@extend_schema_serializer(component_name="StockChange", examples=example({"delta": 50, "reason": "A delivery."}))
class StockChange(Body):
    """A change of the stock, in units."""

    delta = fields.Integer(minimum=-MAX_UNITS, help_text="Units to add; negative to remove.")
    reason = fields.Text(max_chars=text.MAX_REASON_CHARS, help_text="Recorded in the log.")
    expected = fields.Integer(minimum=0, required=False, help_text="The stock that the change requires.")


@extend_schema_serializer(component_name="Stock", examples=example({"stock": 170}))
class StockResponse(fields.ResponseBody):
    """The stock of a product, in units."""

    stock = fields.Integer(minimum=0)


_FILTERS = (
    filters.text_parameter("category", "Products of this category."),
    filters.text_parameter("company", "Products of this company."),
    filters.amount_parameter("min_price", "Prices of at least this amount, in any currency."),
    filters.amount_parameter("max_price", "Prices of at most this amount, in any currency."),
    filters.choice_parameter("in_stock", {"true": True, "false": False}, "Products in stock, or out of stock."),
    filters.CURRENCY,
    filters.search_parameter("Prefixes of words in name, company, category or SKU, all of which must match."),
    filters.ordering_parameter(ProductOrder, "newest first"),
)
_CHANGE, _PARTIAL_CHANGE = ProductChange(), ProductChange(partial=True)


class ProductViewSet(ShopViewSet):
    """The products of the catalogue."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "list": Operation(response=ProductResponse, is_page=True, parameters=(*_FILTERS, *PAGING)),
        "categories": Operation(response=FacetResponse, is_page=True, parameters=PAGING),
        "companies": Operation(response=FacetResponse, is_page=True, parameters=PAGING),
        "retrieve": Operation(response=ProductResponse, has_etag=True),
        "by_sku": Operation(response=ProductResponse, has_etag=True),
        "create": Operation(
            body=NewProduct(),
            response=ProductResponse,
            status=201,
            has_etag=True,
            uses_key=True,
            problems=("sku-taken",),
        ),
        "update": Operation(body=_CHANGE, response=ProductResponse, has_etag=True),
        "partial_update": Operation(body=_PARTIAL_CHANGE, response=ProductResponse, has_etag=True),
        "destroy": Operation(status=204, has_etag=True),
        "movements": Operation(response=MovementResponse, is_page=True, parameters=PAGING),
        "stock": Operation(
            body=StockChange(),
            response=StockResponse,
            uses_key=True,
            problems=("insufficient-stock", "stock-changed"),
        ),
    }

    def list(self, request: Request) -> HttpResponseBase:
        """List products.

        Newest first unless `ordering` says otherwise. Filters combine with AND, and a page stays stable while products
        are created and withdrawn.
        """
        query = self.page_request(request)
        page = products.product_json_list(
            shop=self.shop, query=product_query(query.filters), size=query.size, position=query.position
        )
        return self.page_response(request, page, ready_json)

    @action(detail=False)
    def categories(self, request: Request) -> HttpResponseBase:
        """List categories.

        By name, each with the number of its products.
        """
        query = self.page_request(request)
        page = products.product_categories(shop=self.shop, size=query.size, position=query.position)
        return self.page_response(request, page, facet_document)

    @action(detail=False)
    def companies(self, request: Request) -> HttpResponseBase:
        """List companies.

        By name, each with the number of its products.
        """
        query = self.page_request(request)
        page = products.product_companies(shop=self.shop, size=query.size, position=query.position)
        return self.page_response(request, page, facet_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get a product.

        A withdrawn product is not found.
        """
        product = products.product_get(shop=self.shop, id=pk)
        return self.resource_response(request, product_document(product), product_etag(product))

    @action(detail=False, url_path=f"by-sku/(?P<sku>{fields.SKU_PATTERN})")
    def by_sku(self, request: Request, sku: str) -> HttpResponseBase:
        """Get a product by SKU.

        A withdrawn product is not found, and its SKU may name another product later.
        """
        product = products.product_get_by_sku(shop=self.shop, sku=sku)
        return self.resource_response(request, product_document(product), sku_etag(product))

    def create(self, request: Request) -> HttpResponseBase:
        """Create a product.

        The SKU must be unique in the catalogue; of several requests with one SKU at once, one succeeds.
        """
        values = self.parsed_body(request)
        result = products.product_create(
            shop=self.shop,
            request=self.write_request(request),
            sku=values["sku"],
            details=product_details(values),
            stock=values["stock"],
        )
        return self.created_response(request, result, product_document(result.value), product_etag(result.value))

    def update(self, request: Request, pk: str) -> HttpResponseBase:
        """Replace a product.

        Optional fields that are left out become empty. SKU and stock cannot be changed here.
        """
        return self._change(request, pk, _CHANGE)

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Update a product.

        Fields that are left out keep their values. SKU and stock cannot be changed here.
        """
        return self._change(request, pk, _PARTIAL_CHANGE)

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Withdraw a product.

        It leaves the catalogue and frees its SKU. Purchases retain their copy of its name and price.
        """
        version = self.expected_version(request)
        result = products.product_withdraw(shop=self.shop, request=self.write_request(request), id=pk, if_match=version)
        return self.write_response(request, result)

    @action(detail=True, methods=["post"])
    def stock(self, request: Request, pk: str) -> HttpResponseBase:
        """Adjust the stock of a product.

        Adds or removes units, never below 0. With `expected`, only where that is the present stock.
        """
        values = self.parsed_body(request)
        result = products.product_adjust_stock(
            shop=self.shop,
            request=self.write_request(request),
            id=pk,
            delta=values["delta"],
            expected=values.get("expected"),
        )
        log_adjustment(result, pk, values, self.caller)
        return self.write_response(request, result, {"stock": result.value})

    @action(detail=True)
    def movements(self, request: Request, pk: str) -> HttpResponseBase:
        """List the movements of a product's stock.

        Newest first, of a withdrawn product too. Their quantities add up to the stock.
        """
        query = self.page_request(request)
        page = products.product_movements(shop=self.shop, id=pk, size=query.size, position=query.position)
        return self.page_response(request, page, movement_document)

    def _change(self, request: Request, id: str, body: ProductChange) -> HttpResponseBase:
        data = self.raw_body(request)
        values = body.parse(data)
        version = self.expected_version(request)

        def change(product: Product) -> ProductDetails:
            present = product_document(product)
            body.refuse_changes(data, present, has_version=version is not None)
            return product_details({**present, **values})

        result = products.product_update(
            shop=self.shop, request=self.write_request(request), id=id, change=change, if_match=version
        )
        headers = {"ETag": product_etag(result.value)}
        return self.write_response(request, result, product_document(result.value), headers)


def log_adjustment(result: WriteResult[int], id: str, values: Mapping[str, Any], caller: Caller) -> None:
    """Log a change of the stock, and return when the line is written: the log alone records its reason, which a process
    that is killed behind the answer would take with it. A log that takes nothing holds up no request for long."""
    _LOG.info(
        "stock adjusted",
        request_id=result.origin_request_id,
        product=id,
        delta=values["delta"],
        stock=result.value,
        reason=values["reason"],
        user=caller.id,
    )
    for handler in logging.getLogger().handlers:
        handler.flush()


def product_details(values: Mapping[str, Any]) -> ProductDetails:
    """Return the details that validated values make. Raises: Invalid, where the currency has fewer decimals."""
    price = Money.parse(values["price"], values["currency"])
    return ProductDetails(**{name: values[name] for name in _UNPRICED_DETAILS}, price=price)


def product_query(values: dict[str, Any]) -> ProductQuery:
    """Build the query that the values of the filters describe."""
    order, descending = values.pop("ordering", (ProductOrder.CREATED_AT, True))
    words = values.pop("search", frozenset())
    return ProductQuery(**values, words=words, order=order, descending=descending)
