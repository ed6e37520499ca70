"""The write request of an HTTP request: the ids by which it takes effect once, and its deadline."""

import hmac
import re
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

from exactly_once.requests import WriteRequest
from shop import bootstrap
from shop.api import rate_limits
from shop.api.access import ACCESS
from shop.api.client_address import client_address
from shop.api.context import context_of
from shop.domain.audit import AuditJournal
from shop.domain.callers import Caller
from shop.domain.errors import FieldError, Invalid
from shop.services.audit import request_journal

#: How long an outcome is recorded: under nginx's request id while nginx may retry, under an Idempotency-Key a day.
RETRY_TTL_S, IDEMPOTENCY_KEY_TTL_S = 600, 86_400

#: The fingerprint of a caller who is not signed in.
ANONYMOUS = "anonymous"

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def write_request(
    request: HttpRequest,
    caller: Caller | None,
    *,
    uses_key: bool,
    operation: str,
    guest: str = "",
    body: bytes | None = None,
) -> WriteRequest:
    """Build the write request of an operation of the access table. With `uses_key`, the client's Idempotency-Key
    counts, where there is one. `guest` is the digest of a cart's token, which stands for a caller who is not signed in.
    `body` takes the place of the request's body in its fingerprint.

    Raises:
        Invalid: the Idempotency-Key is not 1 to 255 visible ASCII characters.
    """
    context, name = context_of(request), caller.id if caller else guest
    fingerprint = _fingerprint(request, request.body if body is None else body)
    key = request.META.get("HTTP_IDEMPOTENCY_KEY") if uses_key else None
    return WriteRequest(
        id=context.request_id,
        idempotency_key=context.request_id if key is None else _scoped_key(key, caller, guest, fingerprint),
        fingerprint=fingerprint,
        ttl_s=RETRY_TTL_S if key is None else IDEMPOTENCY_KEY_TTL_S,
        deadline=context.deadline(settings.EVERGREEN_WRITE_DEADLINE_S),
        may_be_retry=context.may_be_retry,
        caller=caller.id if caller else "",
        rate_limit=rate_limits.of_writes(request, caller, guest),
        caller_fingerprint=_caller_fingerprint(_secret(), name) if name else ANONYMOUS,
        journal=_journal(request, caller, operation),
    )


def _journal(request: HttpRequest, caller: Caller | None, operation: str) -> AuditJournal | None:
    """What records the operation in the audit; None where its row of the access table records nothing."""
    if not ACCESS[operation].is_audited_of(caller):
        return None
    return request_journal(
        shop=bootstrap.get_shop(),
        operation=operation,
        caller=caller,
        address=client_address(request),
        request_id=context_of(request).request_id,
    )


@lru_cache(maxsize=1024)
def _caller_fingerprint(secret: bytes, caller: str) -> str:
    """Keyed hash of a caller's id."""
    return _hmac("caller", caller.encode())


def _fingerprint(request: HttpRequest, body: bytes) -> str:
    """Keyed hash of method, path and body."""
    return _hmac("fingerprint", str(request.method).encode(), request.path.encode(), body)


def _scoped_key(key: str, caller: Caller | None, guest: str, fingerprint: str) -> str:
    """Keyed hash of the Idempotency-Key within its scope: the caller, a guest's cart, or the whole request of an
    anonymous one.

    Otherwise an anonymous client could read the outcome of another one with the same key.
    """
    if not _KEY.fullmatch(key):
        detail = "Use 1 to 255 visible ASCII characters."
        raise Invalid(FieldError("Idempotency-Key", "invalid-idempotency-key", detail))
    anonymous = f"cart:{guest}" if guest else f"request:{fingerprint}"
    scope = f"user:{caller.id}" if caller else anonymous
    return _hmac("record", scope.encode(), key.encode())


def _hmac(purpose: str, *parts: bytes) -> str:
    """Keyed hash of the parts; the length before each keeps apart what has the same bytes.

    A persisted format: with another one, requests whose outcomes were recorded before would take effect once more.
    """
    message = b"".join(len(part).to_bytes(4) + part for part in (purpose.encode(), *parts))
    keyed = _keyed(_secret()).copy()
    keyed.update(message)
    return keyed.hexdigest()


def _secret() -> bytes:
    return bootstrap.get_shop().idempotency.value()


@lru_cache(maxsize=1)
def _keyed(secret: bytes) -> hmac.HMAC:
    """Prepare the key, which is more work than a short message."""
    return hmac.new(secret, digestmod="sha256")
