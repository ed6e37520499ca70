"""Use cases of API keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from exactly_once.rate_limits import UNLIMITED, RateLimit
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.api_keys import MAX_LIFETIME, ApiKey, IssuedApiKey, StoredApiKey
from shop.domain.callers import Caller, Scope
from shop.domain.errors import FieldError, Invalid
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.services.reauthentication import Confirm


def api_key_create(
    *,
    shop: Shop,
    request: WriteRequest,
    confirm: Confirm,
    name: str,
    scopes: Sequence[Scope],
    networks: Sequence[str],
    expires_at: datetime,
) -> WriteResult[IssuedApiKey]:
    """Create an API key; the result has its secret.

    Raises:
        Invalid: the expiry is not within a year; and what `confirm` raises.
        TooManyApiKeys.
    """
    now = shop.clock.now()
    _refuse_expiry(expires_at, now)
    key = ApiKey(
        id=shop.ids.new(now),
        name=name,
        scopes=tuple(scope for scope in Scope if scope in scopes),
        networks=tuple(dict.fromkeys(networks)),
        created_at=now,
        expires_at=expires_at,
        former_expires_at=None,
        last_used_at=None,
    )
    secret = shop.secrets.make_api_key(key.id)
    stored = shop.api_keys.create(request, key, shop.secrets.digest(secret), shop.secrets.seal(secret), confirm)
    return _issued(shop, stored)


def api_key_get(*, shop: Shop, id: str) -> ApiKey:
    """Get an API key. Raises: NotFound."""
    return shop.api_keys.get(id)


def api_key_list(*, shop: Shop, size: int, position: Position | None) -> Page[ApiKey]:
    """List API keys, newest first."""
    return shop.api_keys.page(size, position)


def api_key_roll(
    *,
    shop: Shop,
    request: WriteRequest,
    confirm: Confirm,
    id: str,
    overlap: timedelta,
    expires_at: datetime | None,
) -> WriteResult[IssuedApiKey]:
    """Give an API key a new secret, which the result has; the present one stays valid for `overlap`.

    Raises:
        NotFound.
        Invalid: the expiry is not within a year; and what `confirm` raises.
    """
    now = shop.clock.now()
    if expires_at is not None:
        _refuse_expiry(expires_at, now)
    secret = shop.secrets.make_api_key(id)
    stored = shop.api_keys.roll(
        request, id, shop.secrets.digest(secret), shop.secrets.seal(secret), now + overlap, expires_at, confirm
    )
    return _issued(shop, stored)


def api_key_revoke(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[None]:
    """Revoke an API key. Raises: NotFound."""
    return shop.api_keys.revoke(request, id)


def api_key_caller(*, shop: Shop, secret: str, address: str, limit: RateLimit = UNLIMITED) -> Caller | None:
    """Return the machine of an API key, or None where the key is unknown, expired, revoked or not for this address. A
    text without the form and checksum of a key costs no read. Raises: RateLimited."""
    id, digest = shop.secrets.api_key_id(secret), shop.secrets.digest(secret)
    credentials = None if id is None else shop.api_keys.credentials(id, digest, limit)
    if credentials is None or not credentials.is_valid(digest, shop.clock.now()):
        return None
    key = credentials.key
    if not key.admits_address(address):
        return None
    return Caller(
        id=key.id,
        role=None,
        token=credentials.digest,
        scopes=frozenset(key.scopes),
        last_used_at=key.last_used_at,
    )


def api_key_use(*, shop: Shop, request: WriteRequest, caller: Caller) -> WriteResult[None]:
    """Record that the machine called now."""
    return shop.api_keys.record_use(request, caller.id, shop.clock.now())


def _refuse_expiry(expires_at: datetime, now: datetime) -> None:
    if not now < expires_at <= now + MAX_LIFETIME:
        detail = f"Use an instant in the future, at most {MAX_LIFETIME.days} days from now."
        raise Invalid(FieldError("/expires_at", "out-of-range", detail))


def _issued(shop: Shop, result: WriteResult[StoredApiKey]) -> WriteResult[IssuedApiKey]:
    stored = result.value
    issued = IssuedApiKey(key=stored.key, secret=shop.secrets.open(stored.sealed))
    return WriteResult(value=issued, origin_request_id=result.origin_request_id)
