"""The export of what is held about the caller: one JSON document, written page by page.

Its last member is `"complete": true`. An export that fails in its midst ends without it, and without the end of the
chunked body: no client can take it for whole.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.request import Request

from shop.api import fields
from shop.api.addresses import AddressResponse, address_document
from shop.api.audit import AuditEntryResponse, audit_entry_document
from shop.api.cart_bodies import CartResponse, cart_document
from shop.api.errors import problem_response
from shop.api.examples import ADDRESS, AUDIT_ENTRY, CART, PURCHASE, RETURN, SESSION, USER
from shop.api.operations import Operation
from shop.api.purchase_bodies import PurchaseResponse, purchase_document
from shop.api.rendering import as_json
from shop.api.returns import ReturnResponse, return_document
from shop.api.serializer_examples import example
from shop.api.tokens import SessionResponse, session_document
from shop.api.users import UserResponse, user_document
from shop.api.viewsets import ShopViewSet
from shop.concurrency import REQUESTS, ConcurrencyLimit
from shop.domain.audit import AuditEntry
from shop.domain.callers import Caller
from shop.domain.outcomes import RecordedOutcome
from shop.domain.ports import Shop
from shop.services.addresses import address_list_all
from shop.services.carts import cart_list_all
from shop.services.exports import (
    export_audit,
    export_networks,
    export_outcomes,
    export_purchases,
    export_resets,
    export_returns,
)
from shop.services.tokens import session_list
from shop.services.users import user_get

T = TypeVar("T")

#: Of one process, each of another user: a slow reader holds a thread for as long as it reads.
MAX_EXPORTS = 4
#: Seconds after which an export is ended, in its midst.
MAX_EXPORT_S = 900.0
_OUTCOME = {"request_id": "0af7651916cd43dd8448eb211c80319c", "expires_at": "2026-11-11T09:32:20Z"}
_ENTRY = AUDIT_ENTRY | {
    "operation": "user_update",
    "actor": USER["id"],
    "role": "customer",
    "object": f"user:{USER['id']}",
    "changes": [{"field": "first_name", "before": None, "after": None}],
}
_EXAMPLE = {
    "exported_at": "2026-11-10T10:00:00.125000Z",
    "user": USER,
    "sessions": [SESSION],
    "sign_in_networks": [{"network": "5f0c1f6e6a3d4b589c1a", "last_sign_in_at": "2026-11-10T09:30:00.125000Z"}],
    "password_resets": [{"expires_at": "2026-11-10T10:12:00.125000Z"}],
    "recorded_outcomes": [_OUTCOME],
    "addresses": [ADDRESS],
    "carts": [CART],
    "purchases": [PURCHASE],
    "returns": [RETURN],
    "audit": [_ENTRY],
    "complete": True,
}


@extend_schema_serializer(component_name="RecordedOutcome")
class RecordedOutcomeResponse(fields.ResponseBody):
    """An outcome of a write that a repeat would get."""

    request_id = fields.Text()
    expires_at = fields.Instant()


@extend_schema_serializer(component_name="SignInNetwork")
class SignInNetworkResponse(fields.ResponseBody):
    """A network from which the user has signed in."""

    network = fields.Text(help_text="Keyed digest: it tells whether two are the same, and not which one it is.")
    last_sign_in_at = fields.Instant()


@extend_schema_serializer(component_name="PendingPasswordReset")
class PasswordResetResponse(fields.ResponseBody):
    """A pending password reset: its token was mailed, and is not used yet."""

    expires_at = fields.Instant()


@extend_schema_serializer(component_name="UserAuditEntry", examples=example(_ENTRY))
class UserAuditEntryResponse(AuditEntryResponse):
    """What the user did, or what was done to the user."""

    network = fields.Text(allow_null=True, help_text="As in the audit; null where another one acted.")


@extend_schema_serializer(component_name="UserExport", examples=example(_EXAMPLE))
class UserExportResponse(fields.ResponseBody):
    """What the shop holds about a user. Without `complete` at its end, it is not whole."""

    exported_at = fields.Instant()
    user = UserResponse()
    sessions = SessionResponse(many=True)
    sign_in_networks = SignInNetworkResponse(many=True)
    password_resets = PasswordResetResponse(many=True)
    recorded_outcomes = RecordedOutcomeResponse(many=True)
    addresses = AddressResponse(many=True)
    carts = CartResponse(many=True)
    purchases = PurchaseResponse(many=True)
    returns = ReturnResponse(many=True)
    audit = UserAuditEntryResponse(many=True)
    complete = fields.Boolean()


class ExportTimedOut(Exception):
    """The client read too slowly, or there was too much: MAX_EXPORT_S is over."""


class ExportViewSet(ShopViewSet):
    """The export of the caller's own data."""

    operations = {"export": Operation(response=UserExportResponse)}

    def export(self, request: Request) -> HttpResponseBase:
        """Export the current user's data.

        What the shop holds about the user, as a file: the record, the sessions without their secrets, networks of
        sign-ins, pending password resets, which outcomes of requests are recorded, the addresses, the carts, the
        purchases with their history, the oldest first, and the returns and the audit's entries of the user and about
        the user, the newest first. The last member is `complete`; an export that fails in its midst ends without it, as
        JSON that is not whole.
        """
        headers = {"Content-Disposition": 'attachment; filename="evergreen-export.json"', "Vary": "Accept"}
        parts = _document(self.shop, self.caller)
        return streamed(request._request, self.caller.id, parts, "application/json", headers)


def streamed(
    request: HttpRequest, caller: str, parts: Iterator[bytes], content_type: str, headers: Mapping[str, str]
) -> HttpResponseBase:
    """Respond with what comes in parts, each made as a read does, one document for each caller at a time."""
    if request.method == "HEAD":
        return HttpResponse(content_type=content_type, headers=dict(headers))
    release = _EXPORTS.acquire(caller)
    if release is None:
        return problem_response(request, "store-unavailable", _BUSY)
    return StreamingHttpResponse(_Parts(parts, release), content_type=content_type, headers=dict(headers))


_BUSY = "Another export runs already: wait until it has ended, and try again."


class RunningExports:
    """The exports of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, object] = {}

    def acquire(self, user: str) -> Callable[[], None] | None:
        """Begin an export of this user, and return what ends it, however often it is called; None where that is one
        too many."""
        export = object()
        with self._lock:
            if user in self._running or len(self._running) >= MAX_EXPORTS:
                return None
            self._running[user] = export
        return lambda: self._release(user, export)

    def _release(self, user: str, export: object) -> None:
        with self._lock:
            if self._running.get(user) is export:
                del self._running[user]


_EXPORTS = RunningExports()


class _Parts:
    """The parts of a document. The first is made at once, so that what fails by then is an answer of its own. `release`
    is called before the client sees the end, or when the response is closed, whether it was read or not."""

    def __init__(self, parts: Iterator[bytes], release: Callable[[], None]) -> None:
        self._release = release
        try:
            self._parts: Iterable[bytes] = chain([next(parts, b"")], _each_in_a_slot(parts, REQUESTS))
        except BaseException:
            release()
            raise

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        self._release()

    def close(self) -> None:
        self._release()


def _each_in_a_slot(parts: Iterator[bytes], limit: ConcurrencyLimit) -> Iterator[bytes]:
    """Make each part as a read does, within the concurrency limit, and let the client take it without a slot. A part
    may be empty: then there is nothing to take.

    Raises:
        Overloaded: no slot is free in time.
        ExportTimedOut.
    """
    end = time.monotonic() + MAX_EXPORT_S
    while True:
        with limit.acquired(settings.EVERGREEN_READ_SLOT_TIMEOUT_S):
            part = next(parts, None)
        if part is None:
            return
        if time.monotonic() > end:
            raise ExportTimedOut
        if part:
            yield part


def _document(shop: Shop, caller: Caller) -> Iterator[bytes]:
    user = user_get(shop=shop, id=caller.id)
    yield b'{"exported_at":%b,"user":%b' % (as_json(shop.clock.now()), as_json(user_document(user)))
    yield from _member("sessions", [session_list(shop=shop, caller=caller)], session_document)
    yield from _member("sign_in_networks", [export_networks(shop=shop, caller=caller)], _network_document)
    yield from _member("password_resets", [export_resets(shop=shop, caller=caller)], _reset_document)
    yield from _member("recorded_outcomes", export_outcomes(shop=shop, caller=caller), _outcome_document)
    yield from _member("addresses", [address_list_all(shop=shop, caller=caller)], address_document)
    yield from _member("carts", [cart_list_all(shop=shop, user=caller.id)], cart_document)
    yield from _member("purchases", export_purchases(shop=shop, caller=caller), purchase_document)
    yield from _member("returns", export_returns(shop=shop, caller=caller), return_document)
    yield from _member("audit", export_audit(shop=shop, user=user), lambda entry: _entry_document(entry, user.id))
    # The lists of a user who is erased meanwhile end early: NotFound ends the document, too.
    user_get(shop=shop, id=caller.id)
    yield b',"complete":true}\n'


def _member(name: str, pages: Iterable[Sequence[T]], to_document: Callable[[T], Any]) -> Iterator[bytes]:
    separator = b',"%b":[' % name.encode()
    for page in pages:
        if page:
            # Without the brackets of the page: all pages are one array.
            yield separator + as_json([to_document(entry) for entry in page])[1:-1]
            separator = b","
        else:
            yield b""
    yield b"]" if separator == b"," else separator + b"]"


def _network_document(network: tuple[str, datetime]) -> dict[str, Any]:
    digest, last_sign_in_at = network
    return {"network": digest, "last_sign_in_at": last_sign_in_at}


def _reset_document(expires_at: datetime) -> dict[str, Any]:
    return {"expires_at": expires_at}


def _entry_document(entry: AuditEntry, user: str) -> dict[str, Any]:
    document = audit_entry_document(entry)
    return document if entry.actor == user else document | {"network": None}


def _outcome_document(outcome: RecordedOutcome) -> dict[str, Any]:
    return {"request_id": outcome.request_id, "expires_at": outcome.expires_at}
