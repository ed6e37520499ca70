"""The audit in the back office: who did what to what, and how far the chain has been checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse

from shop import bootstrap
from shop.api import filters
from shop.api.access import ACCESS, Audited
from shop.api.audit import audit_entry_document
from shop.api.pagination import PAGING
from shop.domain.audit import AuditEntry, AuditQuery
from shop.domain.callers import Caller
from shop.domain.errors import Invalid
from shop.office.days import day_parameter
from shop.office.frame import is_fragment, office_view, page
from shop.office.lists import list_request, listing, refused_listing
from shop.services.audit import SIGN_IN_FAILURE, audit_list

CHECKPOINT = "audit_checkpoint"
#: Kinds of objects that have a page here, and the name of its URL.
PAGES = {
    "product": "office-products-detail",
    "purchase": "office-purchases-detail",
    "user": "office-users-detail",
    "voucher": "office-vouchers-detail",
    "shipping_method": "office-shipping-methods-detail",
    "return": "office-returns-detail",
    "webhook_endpoint": "office-webhook-endpoints-detail",
}
_FILTERS = (
    filters.text_parameter("operation", "Entries of this operation."),
    filters.text_parameter("actor", "Entries of this user or API key."),
    filters.text_parameter("object", "Entries about this object, as kind:id."),
    day_parameter("since", "Entries of this day or later."),
    day_parameter("until", "Entries of this day or earlier.", is_last=True),
    *PAGING,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainState:
    """How far the chain of the audit has been checked: the entry at which that was recorded, and a break that was
    found, empty where there is none."""

    sequence: int
    at: datetime
    break_found: str


@office_view("GET", "HEAD")
def audit(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List entries of the audit, newest first, by actor, operation, object and day."""
    try:
        query = list_request(request, _FILTERS)
        found = audit_list(
            shop=bootstrap.get_shop(),
            query=AuditQuery(**query.filters),
            size=query.size,
            position=query.position,
        )
        shown, status = listing(request, found, _row), 200
    except Invalid as error:
        shown, status = refused_listing(request, error.errors), 400
    if is_fragment(request):
        return page(request, caller, "office/audit/results.html", {"listing": shown}, status=status)
    context = {"listing": shown, "operations": operations(), "chain": _chain_state()}
    return page(request, caller, "office/audit/list.html", context, status=status)


def operations() -> Sequence[str]:
    """The operations that the audit records, by name, but for those of commands."""
    audited = {
        name for name, row in ACCESS.items() if row.audited is not Audited.NEVER and not name.startswith("office")
    }
    return sorted({*audited, SIGN_IN_FAILURE, CHECKPOINT})


def _chain_state() -> ChainState | None:
    """What the last checkpoint says; None where the part of the audit that is searched has none."""
    found = audit_list(shop=bootstrap.get_shop(), query=AuditQuery(operation=CHECKPOINT), size=1, position=None)
    entry = next(iter(found.results), None)
    if entry is None:
        return None
    breaks = [change.after or "" for change in entry.changes if change.field == "break"]
    return ChainState(sequence=entry.sequence, at=entry.at, break_found=" ".join(breaks))


def _row(entry: AuditEntry) -> dict[str, Any]:
    kind, _, id = entry.object.partition(":")
    return {
        **audit_entry_document(entry),
        "object_kind": kind,
        "object_id": id,
        "object_url": _page_of(kind, id),
    }


def _page_of(kind: str, id: str) -> str:
    """The name of the URL of an object's page; empty where it has none."""
    name = PAGES.get(kind, "")
    try:
        reverse(name, kwargs={"pk": id})
    except NoReverseMatch:
        return ""
    return name
