"""The history of one object: its entries in the audit, newest first."""

from django.http import HttpRequest, HttpResponse

from shop import bootstrap
from shop.api.audit import audit_entry_document
from shop.api.pagination import PAGING
from shop.domain.audit import AuditEntry, AuditQuery
from shop.domain.callers import Caller
from shop.office.frame import is_fragment, page
from shop.office.lists import list_request, listing
from shop.services.audit import audit_list


def history_page(request: HttpRequest, caller: Caller, *, kind: str, id: str) -> HttpResponse:
    """Answer with the history of this object, as a page or as a part of the object's page."""
    query = list_request(request, PAGING)
    found = audit_list(shop=bootstrap.get_shop(), query=_about(kind, id), size=query.size, position=query.position)
    is_part = is_fragment(request)
    context = {
        "listing": listing(request, found, audit_entry_document),
        "kind": kind.replace("_", " "),
        "id": id,
        "is_part": is_part,
        "whole_url": request.path,
    }
    return page(request, caller, "office/history_entries.html" if is_part else "office/history.html", context)


def last_entry(kind: str, id: str) -> AuditEntry | None:
    """Return the last entry about this object, or None where the part of the audit that is searched has none."""
    found = audit_list(shop=bootstrap.get_shop(), query=_about(kind, id), size=1, position=None)
    return next(iter(found.results), None)


def _about(kind: str, id: str) -> AuditQuery:
    return AuditQuery(object=f"{kind}:{id}")
