"""What makes a write happen once: its id, the record of its outcome, and its deadline."""

import math
import re
import time

from django.conf import settings
from django.http import HttpRequest

from exactly_once.requests import WriteRequest
from shop.api.hmac import signature
from shop.api.middleware import received_at, request_id
from shop.domain.callers import Caller
from shop.domain.errors import FieldError, Invalid

#: Seconds that outcomes are remembered: under a request's id, while nginx may repeat it; under a client's key, a day.
REPEATS, KEYS = 600, 86_400
#: Seconds that a request may have waited: one in an instance that was frozen must be known for as old as it is, or it
#: would be carried out after its record has expired.
CREDIBLE = 86_400.0
#: Seconds after which a request that only now arrives here may have been in another instance first: nginx passes it on
#: in milliseconds, and takes it from an instance that does not answer after some seconds.
PROMPT = 1.0

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def write_request(request: HttpRequest, caller: Caller | None, *, keyed: bool) -> WriteRequest:
    """The write that this request asks for; where it is `keyed`, under the client's Idempotency-Key, if there is one.

    Raises:
        Invalid: the key cannot be used.
    """
    id = request_id(request)
    said = (str(request.method).encode(), request.path.encode(), request.body)
    fingerprint = signature("fingerprint", *said).hex()
    key = request.META.get("HTTP_IDEMPOTENCY_KEY") if keyed else None
    arrival = _arrival(request)
    return WriteRequest(
        id=id,
        idempotency_key=id if key is None else _record(key, caller, fingerprint),
        fingerprint=fingerprint,
        ttl_s=REPEATS if key is None else KEYS,
        deadline=min(arrival + settings.EVERGREEN_WRITE_DEADLINE_S, _given_up_at(request)),
        may_be_retry=received_at(request) - arrival > PROMPT,
    )


def _record(key: str, caller: Caller | None, fingerprint: str) -> str:
    if not _KEY.fullmatch(key):
        detail = "Use 1 to 255 visible ASCII characters."
        raise Invalid(FieldError("Idempotency-Key", "invalid-idempotency-key", detail))
    # Nobody's keys are everybody's: only who repeats the whole request may learn of its outcome.
    whose = f"user:{caller.id}" if caller else f"request:{fingerprint}"
    return signature("record", whose.encode(), key.encode()).hex()


def _given_up_at(request: HttpRequest) -> float:
    """When nginx has somebody else try, in seconds since 1970: what is not done by then would be done for nobody, and
    keep others waiting."""
    try:
        return received_at(request) + float(request.META["HTTP_X_EVERGREEN_PATIENCE"])
    except (KeyError, ValueError):
        return math.inf


def _arrival(request: HttpRequest) -> float:
    """When nginx got the request, in seconds since 1970; now, where that is not said or not to be believed."""
    now = time.time()
    try:
        said = float(request.META["HTTP_X_REQUEST_START"].removeprefix("t="))
    except (KeyError, ValueError):
        return now
    return said if now - CREDIBLE < said < now + 1 else now
