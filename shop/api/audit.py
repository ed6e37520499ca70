"""The audit over HTTP: who did what to what, and when."""

import re
from datetime import datetime
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.request import Request

from shop.api import fields, filters
from shop.api.examples import AUDIT_ENTRY
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.audit import AuditChange, AuditEntry, AuditQuery
from shop.services.audit import audit_list


@extend_schema_serializer(component_name="AuditChange")
class AuditChangeResponse(fields.ResponseBody):
    """A field that was changed. Its values are null where there was none, and where they are not recorded; a long one
    is replaced by its hash, an email address by a keyed one."""

    field = fields.Text()
    before = fields.Text(allow_null=True, allow_blank=True, lines=True)
    after = fields.Text(allow_null=True, allow_blank=True, lines=True)


@extend_schema_serializer(component_name="AuditEntry", examples=example(AUDIT_ENTRY))
class AuditEntryResponse(fields.ResponseBody):
    """What was done by whom."""

    sequence = fields.Integer(minimum=1, help_text="Number of the entry, from 1.")
    at = fields.Instant()
    operation = fields.Text(help_text="Name in the access table, or of a command.")
    actor = fields.Text(help_text="Id of a user or an API key; `anonymous`, or `system` for a command.")
    role = fields.Text(help_text="Role of the user; `api-key`, `operator` or `anonymous`.")
    network = fields.Text(help_text="The /24 of an IPv4 address or the /48 of an IPv6 one.")
    object = fields.Text(help_text="Kind and id of what the operation was done to.")
    changes = AuditChangeResponse(many=True)
    request_id = fields.Text()


def _instant(text: str) -> datetime:
    if not re.fullmatch(fields.INSTANT_PATTERN, text, re.ASCII):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _instant_parameter(name: str, description: str) -> filters.Parameter:
    return filters.Parameter(
        name=name,
        description=description,
        expected="Use an instant in UTC, as 2026-11-24T09:30:00Z.",
        schema={"type": "string", "format": "date-time", "pattern": f"^{fields.INSTANT_PATTERN}$"},
        parse=_instant,
    )


_FILTERS = (
    filters.text_parameter("operation", "Entries of this operation."),
    filters.text_parameter("actor", "Entries of this user or API key."),
    filters.text_parameter("object", "Entries about this object, as kind:id."),
    _instant_parameter("since", "Entries of this instant or later."),
    _instant_parameter("until", "Entries before this instant."),
)


class AuditViewSet(ShopViewSet):
    """The audit of the shop."""

    operations = {
        "list": Operation(response=AuditEntryResponse, is_page=True, parameters=(*_FILTERS, *PAGING)),
    }

    def list(self, request: Request) -> HttpResponseBase:
        """List audit entries.

        Newest first. A page may have fewer entries than `page_size` and still a `next` link: with filters, a bounded
        part of the audit is searched for each page.
        """
        query = self.page_request(request)
        page = audit_list(shop=self.shop, query=AuditQuery(**query.filters), size=query.size, position=query.position)
        return self.page_response(request, page, audit_entry_document)


def audit_entry_document(entry: AuditEntry) -> dict[str, Any]:
    """Build the JSON document of an entry."""
    return {
        "sequence": entry.sequence,
        "at": entry.at,
        "operation": entry.operation,
        "actor": entry.actor,
        "role": entry.role,
        "network": entry.network,
        "object": entry.object,
        "changes": [_change_document(change) for change in entry.changes],
        "request_id": entry.request_id,
    }


def _change_document(change: AuditChange) -> dict[str, str | None]:
    return {"field": change.field, "before": change.before, "after": change.after}
