"""Use cases of the audit."""

import time
from dataclasses import replace

from exactly_once.errors import Unavailable
from exactly_once.rate_limits import UNLIMITED
from exactly_once.requests import WriteRequest
from shop.domain.audit import (
    ANONYMOUS,
    KEY_ROLE,
    LOCAL_NETWORK,
    OPERATOR_ROLE,
    SYSTEM,
    AuditEntry,
    AuditJournal,
    AuditQuery,
    audit_keys,
    network_of,
)
from shop.domain.callers import Caller
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.users import User

#: Seconds that the record of a failed sign-in may take: the answer does not wait longer for it.
FAILURE_TIMEOUT_S = 0.5
#: The operation of a failed sign-in.
SIGN_IN_FAILURE = "sign_in_failure"


def audit_list(*, shop: Shop, query: AuditQuery, size: int, position: Position | None) -> Page[AuditEntry]:
    """List entries, newest first."""
    return shop.audit.page(query, size, position)


def request_journal(
    *, shop: Shop, operation: str, caller: Caller | None, address: str, request_id: str
) -> AuditJournal:
    """Return what records an operation that came over HTTP, from this IP address."""
    return AuditJournal(
        keys=audit_keys(shop.idempotency.value()),
        at=shop.clock.now(),
        operation=operation,
        actor=caller.id if caller else ANONYMOUS,
        role=_role(caller),
        network=network_of(address),
        request_id=request_id,
    )


def command_request(*, shop: Shop, command: str, timeout_s: float) -> WriteRequest:
    """Return a write request like no other for a command, which is recorded."""
    request = WriteRequest.unique(timeout_s)
    journal = AuditJournal(
        keys=audit_keys(shop.idempotency.value()),
        at=shop.clock.now(),
        operation=command,
        actor=SYSTEM,
        role=OPERATOR_ROLE,
        network=LOCAL_NETWORK,
        request_id=request.id,
    )
    return replace(request, journal=journal)


def sign_in_request(request: WriteRequest, user: User) -> WriteRequest:
    """Return the request of a sign-in whose password was right: the user acts, who was anonymous until then."""
    journal = request.journal
    if isinstance(journal, AuditJournal) and journal.actor == ANONYMOUS:
        return replace(request, journal=journal.acting_as(user.id, user.role))
    return request


def sign_in_failure_record(*, shop: Shop, request: WriteRequest, email: str, user: User | None) -> None:
    """Record a failed sign-in, or a wrong password beside a token, once however often its request is repeated. It is
    charged to no limit of writes, and a store that does not answer is no error of the sign-in."""
    journal = request.journal
    if not isinstance(journal, AuditJournal):
        return
    subject = f"user:{user.id}" if user else f"email:{journal.keys.email_hash(email)}"
    failure = replace(
        request,
        idempotency_key=f"{request.idempotency_key}:failure:{request.fingerprint}",
        deadline=min(request.deadline, time.monotonic() + FAILURE_TIMEOUT_S),
        rate_limit=UNLIMITED,
        journal=replace(journal, operation=SIGN_IN_FAILURE, object=subject),
    )
    try:
        shop.audit.record_failure(failure, journal.network)
    except Unavailable:
        return


def _role(caller: Caller | None) -> str:
    if caller is None:
        return ANONYMOUS
    return KEY_ROLE if caller.role is None else caller.role
