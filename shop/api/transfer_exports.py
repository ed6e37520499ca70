"""Exports of products, purchases and users over HTTP: staff ask for a file, and get it when a worker has written it."""

from collections.abc import Mapping
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from shop.api import fields
from shop.api.examples import EXPORT
from shop.api.exports import streamed
from shop.api.imports import require_scope
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.callers import Scope
from shop.domain.errors import FileNotReady, NotFound
from shop.domain.transfers import ExportKind, Transfer, TransferFormat, TransferStatus
from shop.services import transfer_exports as exports

#: What an API key needs beside the scope of the operation, by what is exported.
_SCOPES: Mapping[str, Scope] = {
    ExportKind.PRODUCTS: Scope.CATALOGUE_READ,
    ExportKind.PURCHASES: Scope.PURCHASES_READ,
    ExportKind.USERS: Scope.USERS_READ,
}
_MEDIA_TYPES = {TransferFormat.CSV: "text/csv", TransferFormat.NDJSON: "application/x-ndjson"}


@extend_schema_serializer(component_name="NewExport", examples=example({"kind": "purchases", "format": "csv"}))
class NewExport(Body):
    """What is to be exported."""

    kind = fields.Choice([*ExportKind], component="ExportKind")
    format = fields.Choice([*TransferFormat], component="TransferFormat", default=TransferFormat.CSV.value)
    since = fields.Instant(required=False, help_text="Purchases that were placed then or later; of others ignored.")
    until = fields.Instant(required=False, help_text="Purchases that were placed before; of others ignored.")


@extend_schema_serializer(component_name="Export", examples=example(EXPORT))
class ExportResponse(fields.ResponseBody):
    """An export."""

    id = fields.Id()
    kind = fields.Choice([*ExportKind], component="ExportKind")
    format = fields.Choice([*TransferFormat], component="TransferFormat")
    status = fields.Choice([*TransferStatus], component="TransferStatus")
    since = fields.Instant(allow_null=True)
    until = fields.Instant(allow_null=True)
    bytes = fields.Integer(minimum=0, help_text="Of the file, as far as it is written.")
    rows_done = fields.Integer(minimum=0)
    error = fields.Text(max_chars=500, allow_blank=True, help_text="Why the export has failed, or empty.")
    created_by = fields.Id()
    created_at = fields.Instant()
    started_at = fields.Instant(allow_null=True)
    finished_at = fields.Instant(allow_null=True)


class TransferExportViewSet(ShopViewSet):
    """Exports of products, purchases and users."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "create": Operation(
            body=NewExport(), response=ExportResponse, status=201, uses_key=True, problems=("too-many-transfers",)
        ),
        "list": Operation(response=ExportResponse, is_page=True, parameters=PAGING),
        "retrieve": Operation(response=ExportResponse),
        "destroy": Operation(status=204),
        "file": Operation(downloads=tuple(_MEDIA_TYPES.values()), problems=("file-not-ready",)),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Export products, purchases or users.

        A worker writes the file, which is stored for 24 hours. An API key also needs the scope that reads what it
        exports.
        """
        values = self.parsed_body(request)
        require_scope(self.caller, _SCOPES[values["kind"]])
        result = exports.export_create(
            shop=self.shop,
            request=self.write_request(request),
            kind=ExportKind(values["kind"]),
            format=TransferFormat(values["format"]),
            by=self.caller.id,
            since=values.get("since"),
            until=values.get("until"),
        )
        headers = {"Location": f"{request.path}{result.value.id}/"}
        return self.write_response(request, result, export_document(result.value), headers)

    def list(self, request: Request) -> HttpResponseBase:
        """List exports.

        Newest first, of the last 30 days.
        """
        query = self.page_request(request)
        page = exports.export_list(shop=self.shop, size=query.size, position=query.position)
        return self.page_response(request, page, export_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get an export.

        How far it is.
        """
        return self.respond(request, export_document(exports.export_get(shop=self.shop, id=pk)))

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Delete the file of an export.

        One that is not done is cancelled. Its record stays for 30 days.
        """
        result = exports.export_cancel(shop=self.shop, request=self.write_request(request), id=pk)
        return self.write_response(request, result)

    @action(detail=True)
    def file(self, request: Request, pk: str) -> HttpResponseBase:
        """Get the file of an export.

        For whom has created it, once the export is `done`, for 24 hours. Cells of CSV that a spreadsheet would take
        for a formula begin with an apostrophe.
        """
        transfer = exports.export_get(shop=self.shop, id=pk)
        # Where nothing was exported nothing is stored, and the file is empty.
        if transfer.status is not TransferStatus.DONE or (transfer.chunks and self.shop.transfers.chunk(pk, 0) is None):
            raise FileNotReady
        if transfer.by != self.caller.id:
            raise NotFound("file of your own of the export", pk)
        name = f"{transfer.kind}-{transfer.created_at:%Y-%m-%d}.{transfer.format}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        parts = exports.export_chunks(shop=self.shop, transfer=transfer)
        return streamed(request._request, self.caller.id, parts, _MEDIA_TYPES[transfer.format], headers)


def export_document(transfer: Transfer) -> dict[str, Any]:
    """Build the JSON document of an export."""
    return {
        "id": transfer.id,
        "kind": transfer.kind,
        "format": transfer.format,
        "status": transfer.status,
        "since": transfer.since,
        "until": transfer.until,
        "bytes": transfer.size,
        "rows_done": transfer.rows_done,
        "error": transfer.error,
        "created_by": transfer.by,
        "created_at": transfer.created_at,
        "started_at": transfer.started_at,
        "finished_at": transfer.finished_at,
    }
