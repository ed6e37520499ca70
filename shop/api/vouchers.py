"""Vouchers over HTTP: staff make, change, pause and delete them."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from shop.api import fields
from shop.api.code_fields import VoucherCode
from shop.api.conditional import voucher_etag
from shop.api.credential_fields import FutureInstant
from shop.api.examples import VOUCHER
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body, UpdateBody
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.money import CURRENCIES, STORED_CURRENCIES
from shop.domain.vouchers import (
    CODE_PATTERN,
    Voucher,
    VoucherKind,
    VoucherTerms,
    minimum_text,
    parse_terms,
    value_text,
)
from shop.services import vouchers

_READ_ONLY = ("id", "redeemed", "is_paused", "created_at", "updated_at", "version")
_TERMS = ("kind", "value", "currency", "minimum", "starts_at", "ends_at", "limit", "limit_per_customer")
_VALUE = (
    "Percent: 0.01 to 100. Amount: in the currency, above zero. Shipping: none, the price of shipping is taken off."
)


class _VoucherFields(Body):
    id = fields.Id(read_only=True)
    code = VoucherCode(help_text="What a customer enters, in any case.")
    kind = fields.Choice(list(VoucherKind), component="VoucherKind")
    value = fields.Price(default=None, allow_null=True, help_text=_VALUE)
    currency = fields.Choice(
        sorted(CURRENCIES),
        component="Currency",
        default=None,
        allow_null=True,
        help_text="Of `value` and `minimum`; the voucher applies to carts in this currency alone.",
    )
    minimum = fields.Price(default=None, allow_null=True, help_text="What the items must cost at least.")
    starts_at = FutureInstant(default=None, allow_null=True, help_text="Valid from this instant on.")
    ends_at = FutureInstant(default=None, allow_null=True, help_text="No longer valid from this instant on.")
    limit = fields.Integer(minimum=1, default=None, allow_null=True, help_text="Redemptions by all customers together.")
    limit_per_customer = fields.Integer(
        minimum=1, default=None, allow_null=True, help_text="Redemptions by one customer."
    )
    redeemed = fields.Integer(
        minimum=0, read_only=True, help_text="Purchases that it is redeemed in, without those that gave it back."
    )
    is_paused = fields.Boolean(read_only=True, help_text="Whether it is not redeemed for now.")
    created_at = fields.Instant(read_only=True)
    updated_at = fields.Instant(read_only=True, help_text="When it was last edited; a redemption is no edit.")
    version = fields.Integer(minimum=1, read_only=True, help_text="Number of edits, from 1.")


@extend_schema_serializer(component_name="NewVoucher", examples=example(VOUCHER, *_READ_ONLY))
class NewVoucher(_VoucherFields):
    """A voucher to create."""


@extend_schema_serializer(component_name="VoucherChange", examples=example(VOUCHER, *_READ_ONLY, "code"))
class VoucherChange(_VoucherFields, UpdateBody):
    """New terms of a voucher."""

    code = VoucherCode(read_only=True)


@extend_schema_serializer(component_name="Voucher", examples=example(VOUCHER))
class VoucherResponse(fields.ResponseBody, _VoucherFields):
    """A voucher of the shop."""

    currency = fields.Choice(sorted(STORED_CURRENCIES), component="StoredCurrency", allow_null=True)
    starts_at = fields.Instant(allow_null=True)  # type: ignore[assignment]
    ends_at = fields.Instant(allow_null=True)  # type: ignore[assignment]


_CHANGE, _PARTIAL_CHANGE = VoucherChange(), VoucherChange(partial=True)


class VoucherViewSet(ShopViewSet):
    """The vouchers of the shop."""

    lookup_value_regex = CODE_PATTERN
    id_parameter = "VoucherCode"
    operations = {
        "create": Operation(
            body=NewVoucher(),
            response=VoucherResponse,
            status=201,
            has_etag=True,
            uses_key=True,
            problems=("voucher-code-taken",),
        ),
        "list": Operation(response=VoucherResponse, is_page=True, parameters=PAGING),
        "retrieve": Operation(response=VoucherResponse, has_etag=True),
        "update": Operation(body=_CHANGE, response=VoucherResponse, has_etag=True),
        "partial_update": Operation(body=_PARTIAL_CHANGE, response=VoucherResponse, has_etag=True),
        "destroy": Operation(status=204, has_etag=True),
        "pause": Operation(response=VoucherResponse, has_etag=True, uses_key=True),
        "resume": Operation(response=VoucherResponse, has_etag=True, uses_key=True),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Create a voucher.

        No two vouchers have the same code, whatever its case.
        """
        values = self.parsed_body(request)
        write = self.write_request(request)
        result = vouchers.voucher_create(
            shop=self.shop, request=write, code=values["code"], terms=voucher_terms(values)
        )
        return self.created_response(
            request, result, voucher_document(result.value), voucher_etag(result.value), "code"
        )

    def list(self, request: Request) -> HttpResponseBase:
        """List vouchers.

        By code.
        """
        query = self.page_request(request)
        page = vouchers.voucher_list(shop=self.shop, size=query.size, position=query.position)
        return self.page_response(request, page, voucher_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get a voucher."""
        voucher = vouchers.voucher_get(shop=self.shop, code=pk)
        return self.resource_response(request, voucher_document(voucher), voucher_etag(voucher))

    def update(self, request: Request, pk: str) -> HttpResponseBase:
        """Replace a voucher.

        Optional fields that are left out become null. Purchases that have redeemed it keep their discount.
        """
        return self._change(request, pk, _CHANGE)

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Update a voucher.

        Fields that are left out keep their values. Purchases that have redeemed it keep their discount.
        """
        return self._change(request, pk, _PARTIAL_CHANGE)

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Delete a voucher.

        Purchases keep their discount. Another voucher may get the code, and counts its own redemptions alone.
        """
        version = self.expected_version(request)
        write = self.write_request(request)
        result = vouchers.voucher_delete(shop=self.shop, request=write, code=pk, if_match=version)
        return self.write_response(request, result)

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> HttpResponseBase:
        """Pause a voucher.

        It is not redeemed until it is resumed.
        """
        return self._set_paused(request, pk, is_paused=True)

    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> HttpResponseBase:
        """Resume a voucher.

        It is redeemed again, if it was paused.
        """
        return self._set_paused(request, pk, is_paused=False)

    def _set_paused(self, request: Request, code: str, *, is_paused: bool) -> HttpResponseBase:
        self.parsed_body(request)
        write = self.write_request(request)
        result = vouchers.voucher_pause(shop=self.shop, request=write, code=code, is_paused=is_paused)
        headers = {"ETag": voucher_etag(result.value)}
        return self.write_response(request, result, voucher_document(result.value), headers)

    def _change(self, request: Request, code: str, body: VoucherChange) -> HttpResponseBase:
        data = self.raw_body(request)
        values = body.parse(data)
        version = self.expected_version(request)

        def change(voucher: Voucher) -> VoucherTerms:
            present = voucher_document(voucher)
            body.refuse_changes(data, present, has_version=version is not None)
            return voucher_terms({**present, **values})

        write = self.write_request(request)
        result = vouchers.voucher_update(shop=self.shop, request=write, code=code, change=change, if_match=version)
        headers = {"ETag": voucher_etag(result.value)}
        return self.write_response(request, result, voucher_document(result.value), headers)


def voucher_terms(values: dict[str, Any]) -> VoucherTerms:
    """The terms that validated values make. Raises: Invalid."""
    terms = {name: values[name] for name in _TERMS}
    return parse_terms(**{**terms, "kind": VoucherKind(values["kind"])})


def voucher_document(voucher: Voucher) -> dict[str, Any]:
    """Build the JSON document of a voucher."""
    return {
        "id": voucher.id,
        "code": voucher.code,
        "kind": voucher.kind,
        "value": value_text(voucher),
        "currency": voucher.currency,
        "minimum": minimum_text(voucher),
        "starts_at": voucher.starts_at,
        "ends_at": voucher.ends_at,
        "limit": voucher.limit,
        "limit_per_customer": voucher.limit_per_customer,
        "redeemed": voucher.redeemed,
        "is_paused": voucher.is_paused,
        "created_at": voucher.created_at,
        "updated_at": voucher.updated_at,
        "version": voucher.version,
    }
