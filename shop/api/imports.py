"""Imports over HTTP: staff send a file, and see what becomes of its rows."""

import threading
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.exceptions import ParseError, PermissionDenied, UnsupportedMediaType
from rest_framework.request import Request

from exactly_once.errors import StoreUnavailable
from exactly_once.requests import WriteRequest, WriteResult
from shop.api import fields, filters, writes
from shop.api.examples import IMPORT
from shop.api.filters import parse_query
from shop.api.limits import UPLOAD_TYPES
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.callers import Caller, Scope
from shop.domain.errors import FieldError, Invalid
from shop.domain.transfers import (
    MAX_ROW_ERRORS,
    ImportKind,
    RowError,
    Transfer,
    TransferFormat,
    TransferStatus,
)
from shop.services import uploads

#: Uploads that a process receives at once, each in a thread of its own, and seconds that one may take.
MAX_UPLOADS, MAX_UPLOAD_S = 2, 600.0
#: What sets how long a request may be read, in the environment of the server.
LIMIT_READING = "evergreen.limit_reading"
_KIND = filters.choice_parameter("kind", {kind.value: kind for kind in ImportKind}, "What the rows are. Required.")
_UPLOADS = threading.BoundedSemaphore(MAX_UPLOADS)
#: What an API key needs beside the scope of the operation.
_SCOPES: Mapping[str, Scope] = {ImportKind.PRODUCTS: Scope.CATALOGUE_WRITE, ImportKind.STOCK: Scope.STOCK_WRITE}


@extend_schema_serializer(component_name="RowError")
class RowErrorResponse(fields.ResponseBody):
    """Why a row was refused."""

    row = fields.Integer(minimum=1, help_text="Counted from 1; the header is not counted.")
    column = fields.Text(allow_blank=True, help_text="Empty where it is the whole row.")
    code = fields.Text()
    detail = fields.Text(max_chars=500)


@extend_schema_serializer(component_name="Import", examples=example(IMPORT))
class ImportResponse(fields.ResponseBody):
    """An import."""

    id = fields.Id()
    kind = fields.Choice([*ImportKind], component="ImportKind")
    format = fields.Choice([*TransferFormat], component="TransferFormat")
    status = fields.Choice([*TransferStatus], component="TransferStatus")
    bytes = fields.Integer(minimum=0, help_text="Of the data that was received.")
    bytes_done = fields.Integer(minimum=0, help_text="How far the rows have been carried out.")
    sha256 = fields.Text(allow_blank=True, help_text="Of the data, in hexadecimal digits.")
    rows_done = fields.Integer(minimum=0)
    rows_failed = fields.Integer(minimum=0)
    error = fields.Text(max_chars=500, allow_blank=True, help_text="Why the import as a whole has failed, or empty.")
    created_by = fields.Id()
    created_at = fields.Instant()
    started_at = fields.Instant(allow_null=True)
    finished_at = fields.Instant(allow_null=True)


@extend_schema_serializer(
    component_name="ImportReport",
    examples=example(
        {**IMPORT, "row_errors": [{"row": 3, "column": "price", "code": "required", "detail": "Give a value."}]}
    ),
)
class ImportReportResponse(ImportResponse):
    """An import with the errors of its rows."""

    row_errors = RowErrorResponse(many=True, help_text=f"The first {MAX_ROW_ERRORS}.")


class ImportViewSet(ShopViewSet):
    """Imports of products and of stock."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "create": Operation(
            response=ImportResponse,
            status=201,
            parameters=(_KIND,),
            uses_key=True,
            uploads=tuple(UPLOAD_TYPES),
            problems=("too-many-transfers", "transfers-full", "upload-lost"),
        ),
        "list": Operation(response=ImportResponse, is_page=True, parameters=PAGING),
        "retrieve": Operation(response=ImportReportResponse),
        "destroy": Operation(status=204),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Import products or stock.

        The body is a file in UTF-8, up to 100 MB, whose rows a worker carries out: products are created, or updated
        where the SKU is known; of stock, a row has `stock`, the units that there are to be, or `delta`, those to add.
        After an upload that broke off, send the same request with the same Idempotency-Key again.
        """
        kind, format = self._kind(request), _format(request._request)
        require_scope(self.caller, _SCOPES[kind])
        size = int(request.META.get("CONTENT_LENGTH") or 0)
        if not _UPLOADS.acquire(blocking=False):
            raise StoreUnavailable("Other uploads are being received: wait, and send it again.")
        try:
            write = self.write_request(request)
            made = uploads.import_create(shop=self.shop, request=write, kind=kind, format=format, by=self.caller.id)
            transfer = self._receive(request._request, made.value.id, size)
        finally:
            _UPLOADS.release()
        result = WriteResult(value=transfer, origin_request_id=made.origin_request_id)
        return self.write_response(
            request, result, import_document(transfer), {"Location": f"{request.path}{transfer.id}/"}
        )

    def list(self, request: Request) -> HttpResponseBase:
        """List imports.

        Newest first, of the last 30 days.
        """
        query = self.page_request(request)
        page = uploads.import_list(shop=self.shop, size=query.size, position=query.position)
        return self.page_response(request, page, import_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get an import.

        How far it is, and why rows were refused.
        """
        transfer = uploads.import_get(shop=self.shop, id=pk)
        errors = uploads.import_errors(shop=self.shop, id=pk)
        return self.respond(request, {**import_document(transfer), "row_errors": [*map(_error_document, errors)]})

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Cancel an import.

        Rows that were carried out stay so. The data of the import is dropped; its record stays for 30 days.
        """
        result = uploads.import_cancel(shop=self.shop, request=self.write_request(request), id=pk)
        return self.write_response(request, result)

    def write_request(self, request: Request) -> WriteRequest:
        """As of every operation; but the fingerprint of an upload has its length, and not the body: that is compared
        by its digest."""
        if self.action != "create":
            return super().write_request(request)
        sent = (request.META.get(name, "") for name in ("QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH"))
        return writes.write_request(
            request._request, self.caller, uses_key=True, operation="imports_create", body="\n".join(sent).encode()
        )

    def _receive(self, request: HttpRequest, id: str, size: int) -> Transfer:
        limit_reading = request.META.get(LIMIT_READING)
        if limit_reading is not None:
            limit_reading(MAX_UPLOAD_S)
        try:
            return uploads.import_receive(
                shop=self.shop,
                id=id,
                read=request.read,
                size=size,
                may_repeat="HTTP_IDEMPOTENCY_KEY" in request.META,
            )
        except uploads.UploadCutShort:
            raise ParseError("The body ended before its Content-Length: send it again.") from None

    def _kind(self, request: Request) -> ImportKind:
        kind: ImportKind | None = parse_query((_KIND,), request.query_params).get("kind")
        if kind is None:
            raise Invalid(FieldError("kind", "required", _KIND.expected))
        return kind


def require_scope(caller: Caller, scope: Scope) -> None:
    """Raises: PermissionDenied, where the caller is an API key without this scope."""
    if caller.scopes is not None and scope not in caller.scopes:
        raise PermissionDenied(f"The API key lacks the scope {scope}.")


def import_document(transfer: Transfer) -> dict[str, Any]:
    """Build the JSON document of an import."""
    return {
        "id": transfer.id,
        "kind": transfer.kind,
        "format": transfer.format,
        "status": transfer.status,
        "bytes": transfer.size,
        "bytes_done": int(transfer.cursor or 0),
        "sha256": transfer.sha256,
        "rows_done": transfer.rows_done,
        "rows_failed": transfer.rows_failed,
        "error": transfer.error,
        "created_by": transfer.by,
        "created_at": transfer.created_at,
        "started_at": transfer.started_at,
        "finished_at": transfer.finished_at,
    }


def _error_document(error: RowError) -> dict[str, Any]:
    return {"row": error.row, "column": error.column, "code": error.code, "detail": error.detail}


def _format(request: HttpRequest) -> TransferFormat:
    """Raises: UnsupportedMediaType."""
    media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type not in UPLOAD_TYPES or request.META.get("HTTP_CONTENT_ENCODING"):
        detail = f"Send {' or '.join(UPLOAD_TYPES)} without compression."
        raise UnsupportedMediaType(media_type, detail)
    return TransferFormat(UPLOAD_TYPES[media_type])
