"""The addresses of the current user over HTTP."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from exactly_once.requests import WriteResult
from shop.api import fields
from shop.api.conditional import address_etag
from shop.api.examples import ADDRESS
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body, UpdateBody
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.addresses import Address, PostalAddress
from shop.domain.countries import COUNTRIES
from shop.services import addresses

#: Characters of a postal code and of a phone number.
MAX_CODE_CHARS, MAX_PHONE_CHARS = 20, 30
_READ_ONLY = ("id", "created_at", "updated_at", "version")
_POSTAL = tuple(field.name for field in dataclasses.fields(PostalAddress))


class PostalAddressBody(Body):
    """Where something is sent."""

    name = fields.Text(help_text="Who receives it.")
    line_1 = fields.Text(help_text="Street and number.")
    line_2 = fields.Text(default="", allow_blank=True)
    postal_code = fields.Text(max_chars=MAX_CODE_CHARS, default="", allow_blank=True)
    city = fields.Text()
    region = fields.Text(default="", allow_blank=True, help_text="State or province, where the country has them.")
    country = fields.Choice(sorted(COUNTRIES), component="Country", help_text="ISO 3166-1, two letters.")
    phone = fields.Text(max_chars=MAX_PHONE_CHARS, default="", allow_blank=True, help_text="For the carrier.")


class _AddressFields(PostalAddressBody):
    id = fields.Id(read_only=True)
    is_default = fields.Boolean(default=False, help_text="Whether it is the default. One address is, at most.")
    created_at = fields.Instant(read_only=True)
    updated_at = fields.Instant(read_only=True)
    version = fields.Integer(minimum=1, read_only=True, help_text="Number of edits, from 1.")


@extend_schema_serializer(component_name="NewAddress", examples=example(ADDRESS, *_READ_ONLY))
class NewAddress(_AddressFields):
    """An address to store. The first one becomes the default."""


@extend_schema_serializer(component_name="AddressChange", examples=example(ADDRESS, *_READ_ONLY, "is_default"))
class AddressChange(_AddressFields, UpdateBody):
    """New values of an address."""

    is_default = fields.Boolean(read_only=True)


@extend_schema_serializer(component_name="Address", examples=example(ADDRESS))
class AddressResponse(fields.ResponseBody, _AddressFields):
    """An address of the current user."""


_CHANGE, _PARTIAL_CHANGE = AddressChange(), AddressChange(partial=True)


class AddressViewSet(ShopViewSet):
    """The addresses of the current user."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "create": Operation(
            body=NewAddress(),
            response=AddressResponse,
            status=201,
            has_etag=True,
            uses_key=True,
            problems=("too-many-addresses",),
        ),
        "list": Operation(response=AddressResponse, is_page=True, parameters=PAGING),
        "retrieve": Operation(response=AddressResponse, has_etag=True),
        "update": Operation(body=_CHANGE, response=AddressResponse, has_etag=True),
        "partial_update": Operation(body=_PARTIAL_CHANGE, response=AddressResponse, has_etag=True),
        "destroy": Operation(status=204, has_etag=True),
        "default": Operation(response=AddressResponse, has_etag=True, uses_key=True),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Store an address.

        A user has at most 20. They are erased with the user.
        """
        values = self.parsed_body(request)
        result = addresses.address_create(
            shop=self.shop,
            request=self.write_request(request),
            caller=self.caller,
            postal=postal_address(values),
            is_default=values["is_default"],
        )
        return self.created_response(request, result, address_document(result.value), address_etag(result.value))

    def list(self, request: Request) -> HttpResponseBase:
        """List the current user's addresses.

        Newest first.
        """
        query = self.page_request(request)
        page = addresses.address_list(shop=self.shop, caller=self.caller, size=query.size, position=query.position)
        return self.page_response(request, page, address_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get an address."""
        address = addresses.address_get(shop=self.shop, caller=self.caller, id=pk)
        return self.resource_response(request, address_document(address), address_etag(address))

    def update(self, request: Request, pk: str) -> HttpResponseBase:
        """Replace an address.

        Optional fields that are left out become empty. Purchases keep the address that they were placed with.
        """
        return self._change(request, pk, _CHANGE)

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Update an address.

        Fields that are left out keep their values. Purchases keep the address that they were placed with.
        """
        return self._change(request, pk, _PARTIAL_CHANGE)

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Delete an address.

        Where it was the default, no address is.
        """
        version = self.expected_version(request)
        write = self.write_request(request)
        result = addresses.address_delete(shop=self.shop, request=write, caller=self.caller, id=pk, if_match=version)
        return self.write_response(request, result)

    @action(detail=True, methods=["post"])
    def default(self, request: Request, pk: str) -> HttpResponseBase:
        """Make an address the default.

        Another one that was the default is that no longer.
        """
        self.parsed_body(request)
        write = self.write_request(request)
        result = addresses.address_set_default(shop=self.shop, request=write, caller=self.caller, id=pk)
        return self._changed_response(request, result)

    def _change(self, request: Request, id: str, body: AddressChange) -> HttpResponseBase:
        data = self.raw_body(request)
        values = body.parse(data)
        version = self.expected_version(request)

        def change(address: Address) -> PostalAddress:
            present = address_document(address)
            body.refuse_changes(data, present, has_version=version is not None)
            return postal_address({**present, **values})

        result = addresses.address_update(
            shop=self.shop,
            request=self.write_request(request),
            caller=self.caller,
            id=id,
            change=change,
            if_match=version,
        )
        return self._changed_response(request, result)

    def _changed_response(self, request: Request, result: WriteResult[Address]) -> HttpResponseBase:
        headers = {"ETag": address_etag(result.value)}
        return self.write_response(request, result, address_document(result.value), headers)


def postal_address(values: Mapping[str, Any]) -> PostalAddress:
    """Return the postal address that validated values make."""
    return PostalAddress(**{name: values[name] for name in _POSTAL})


def postal_document(address: PostalAddress) -> dict[str, Any]:
    """Build the JSON document of a postal address."""
    return {name: getattr(address, name) for name in _POSTAL}


def address_document(address: Address) -> dict[str, Any]:
    """Build the JSON document of an address."""
    return {
        "id": address.id,
        **postal_document(address),
        "is_default": address.is_default,
        "created_at": address.created_at,
        "updated_at": address.updated_at,
        "version": address.version,
    }
