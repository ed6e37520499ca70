"""Shipping methods over HTTP."""

from collections.abc import Mapping
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.request import Request

from shop.api import fields
from shop.api.code_fields import ShippingMethodCode
from shop.api.conditional import shipping_method_etag
from shop.api.examples import SHIPPING_METHOD
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body, UpdateBody
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.countries import COUNTRIES
from shop.domain.money import CURRENCIES, STORED_CURRENCIES, Money
from shop.domain.shipping_methods import CODE_PATTERN, MAX_COUNTRIES, ShippingMethod, ShippingMethodDetails
from shop.services import shipping_methods

_READ_ONLY = ("created_at", "updated_at", "version")


class _ShippingMethodFields(Body):
    code = ShippingMethodCode(help_text="What a cart names it by.")
    name = fields.Text()
    price = fields.Price(help_text="Decimal string with at most as many decimals as the currency has.")
    currency = fields.Choice(sorted(CURRENCIES), component="Currency", initial="EUR")
    countries = fields.List(
        child=fields.Choice(sorted(COUNTRIES), component="Country"),
        min_items=0,
        max_items=MAX_COUNTRIES,
        default=(),
        help_text="Where it is offered, ISO 3166-1; everywhere where there is none.",
    )
    active = fields.Boolean(default=True, help_text="Whether it may be chosen.")
    created_at = fields.Instant(read_only=True)
    updated_at = fields.Instant(read_only=True)
    version = fields.Integer(minimum=1, read_only=True, help_text="Number of edits, from 1.")


@extend_schema_serializer(component_name="NewShippingMethod", examples=example(SHIPPING_METHOD, *_READ_ONLY))
class NewShippingMethod(_ShippingMethodFields):
    """A shipping method to create."""


@extend_schema_serializer(component_name="ShippingMethodChange", examples=example(SHIPPING_METHOD, *_READ_ONLY, "code"))
class ShippingMethodChange(_ShippingMethodFields, UpdateBody):
    """New values of a shipping method."""

    code = ShippingMethodCode(read_only=True)


@extend_schema_serializer(component_name="ShippingMethod", examples=example(SHIPPING_METHOD))
class ShippingMethodResponse(fields.ResponseBody, _ShippingMethodFields):
    """A way to send purchases."""

    currency = fields.Choice(sorted(STORED_CURRENCIES), component="StoredCurrency")


_CHANGE, _PARTIAL_CHANGE = ShippingMethodChange(), ShippingMethodChange(partial=True)


class ShippingMethodViewSet(ShopViewSet):
    """The shipping methods of the shop."""

    lookup_value_regex = CODE_PATTERN
    id_parameter = "ShippingMethodCode"
    operations = {
        "create": Operation(
            body=NewShippingMethod(),
            response=ShippingMethodResponse,
            status=201,
            has_etag=True,
            uses_key=True,
            problems=("shipping-method-taken", "too-many-shipping-methods"),
        ),
        "list": Operation(response=ShippingMethodResponse, is_page=True, parameters=PAGING),
        "retrieve": Operation(response=ShippingMethodResponse, has_etag=True),
        "update": Operation(body=_CHANGE, response=ShippingMethodResponse, has_etag=True),
        "partial_update": Operation(body=_PARTIAL_CHANGE, response=ShippingMethodResponse, has_etag=True),
        "destroy": Operation(status=204, has_etag=True),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Create a shipping method.

        A shop has at most 100.
        """
        values = self.parsed_body(request)
        write = self.write_request(request)
        result = shipping_methods.shipping_method_create(
            shop=self.shop, request=write, code=values["code"], details=shipping_method_details(values)
        )
        document = shipping_method_document(result.value)
        return self.created_response(request, result, document, shipping_method_etag(result.value), "code")

    def list(self, request: Request) -> HttpResponseBase:
        """List shipping methods.

        By code, those that are not active included.
        """
        query = self.page_request(request)
        page = shipping_methods.shipping_method_list(shop=self.shop, size=query.size, position=query.position)
        return self.page_response(request, page, shipping_method_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get a shipping method."""
        method = shipping_methods.shipping_method_get(shop=self.shop, code=pk)
        return self.resource_response(request, shipping_method_document(method), shipping_method_etag(method))

    def update(self, request: Request, pk: str) -> HttpResponseBase:
        """Replace a shipping method.

        Optional fields that are left out get their defaults. Purchases keep the price that they were placed at.
        """
        return self._change(request, pk, _CHANGE)

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Update a shipping method.

        Fields that are left out keep their values. Purchases keep the price that they were placed at.
        """
        return self._change(request, pk, _PARTIAL_CHANGE)

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Delete a shipping method.

        Purchases keep their copy of its code and price.
        """
        version = self.expected_version(request)
        write = self.write_request(request)
        result = shipping_methods.shipping_method_delete(shop=self.shop, request=write, code=pk, if_match=version)
        return self.write_response(request, result)

    def _change(self, request: Request, code: str, body: ShippingMethodChange) -> HttpResponseBase:
        data = self.raw_body(request)
        values = body.parse(data)
        version = self.expected_version(request)

        def change(method: ShippingMethod) -> ShippingMethodDetails:
            present = shipping_method_document(method)
            body.refuse_changes(data, present, has_version=version is not None)
            return shipping_method_details({**present, **values})

        write = self.write_request(request)
        result = shipping_methods.shipping_method_update(
            shop=self.shop, request=write, code=code, change=change, if_match=version
        )
        headers = {"ETag": shipping_method_etag(result.value)}
        return self.write_response(request, result, shipping_method_document(result.value), headers)


def shipping_method_details(values: Mapping[str, Any]) -> ShippingMethodDetails:
    """The details that validated values make. Raises: Invalid, where the currency has fewer decimals."""
    return ShippingMethodDetails(
        name=values["name"],
        price=Money.parse(values["price"], values["currency"]),
        countries=tuple(dict.fromkeys(values["countries"])),
        is_active=values["active"],
    )


def shipping_method_document(method: ShippingMethod) -> dict[str, Any]:
    """Build the JSON document of a shipping method."""
    return {
        "code": method.code,
        "name": method.name,
        "price": str(method.price),
        "currency": method.price.currency,
        "countries": method.countries,
        "active": method.is_active,
        "created_at": method.created_at,
        "updated_at": method.updated_at,
        "version": method.version,
    }
