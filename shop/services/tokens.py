"""Use cases of tokens: signing in and out, and the sessions of a user."""

from collections.abc import Sequence
from datetime import timedelta

from exactly_once.rate_limits import UNLIMITED, RateLimit
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Caller
from shop.domain.errors import InvalidCredentials, NotFound
from shop.domain.ports import Credentials, Shop
from shop.domain.rate_limits import NO_LIMITS, PasswordLimits
from shop.domain.sessions import Session
from shop.domain.users import Token, email_key
from shop.services.admission import AdmitAttempt, attempt_admission, network_digest
from shop.services.audit import sign_in_failure_record, sign_in_request

TOKEN_LIFETIME = timedelta(days=14)
#: Another sign-in may replace an outdated hash between the check of the password and the write.
_MAX_TRIES = 2


def token_issue(
    *, shop: Shop, request: WriteRequest, email: str, password: str, limits: PasswordLimits = NO_LIMITS
) -> Token:
    """Create a token for the user of this email and password. An outdated hash of the password is replaced.

    Raises:
        RateLimited: before the password is looked at.
        InvalidCredentials: unknown email or wrong password; both take the same time.
    """
    admit = attempt_admission(shop=shop, limits=limits, request=request)
    for _ in range(_MAX_TRIES):
        credentials = _checked(shop, request, email, password, admit)
        try:
            write = sign_in_request(request, credentials.user)
            return _issued(shop, write, credentials, password, network_digest(shop=shop, limits=limits))
        except NotFound:
            continue
    raise InvalidCredentials


def token_caller(*, shop: Shop, secret: str, request_id: str, limit: RateLimit = UNLIMITED) -> Caller | None:
    """Return the user of a token, or None where it is unknown, expired or revoked. Raises: RateLimited."""
    return shop.users.caller(shop.secrets.digest(secret), request_id, limit)


def token_use(*, shop: Shop, request: WriteRequest, caller: Caller) -> WriteResult[None]:
    """Record that the caller's token was used now."""
    return shop.users.record_token_use(request, caller.token, shop.clock.now())


def token_revoke(*, shop: Shop, request: WriteRequest, caller: Caller) -> WriteResult[None]:
    """Revoke the caller's token."""
    return shop.users.revoke_token(request, caller)


def token_revoke_all(*, shop: Shop, request: WriteRequest, caller: Caller) -> WriteResult[None]:
    """Revoke all tokens of the caller."""
    return shop.users.revoke_tokens(request, caller)


def token_revoke_every(*, shop: Shop, request: WriteRequest) -> WriteResult[None]:
    """Revoke the tokens of every user."""
    return shop.users.revoke_every_token(request, shop.clock.now())


def session_list(*, shop: Shop, caller: Caller) -> Sequence[Session]:
    """List the live tokens of the caller."""
    return shop.users.sessions(caller, shop.clock.now())


def session_revoke(*, shop: Shop, request: WriteRequest, caller: Caller, id: str) -> WriteResult[None]:
    """Revoke one of the caller's tokens. Raises: NotFound."""
    return shop.users.revoke_session(request, caller, id, shop.clock.now())


def _checked(shop: Shop, request: WriteRequest, email: str, password: str, admit: AdmitAttempt) -> Credentials:
    credentials = shop.users.credentials(email)
    admit(email_key(email), credentials.networks if credentials else {})
    if not shop.passwords.matches(password, credentials.password_hash if credentials else None) or credentials is None:
        sign_in_failure_record(shop=shop, request=request, email=email, user=credentials.user if credentials else None)
        raise InvalidCredentials
    return credentials


def _issued(shop: Shop, request: WriteRequest, credentials: Credentials, password: str, network: str) -> Token:
    secret, now = shop.secrets.make_token(), shop.clock.now()
    is_outdated = shop.passwords.is_outdated(credentials.password_hash)
    stored = shop.users.issue_token(
        request,
        credentials,
        shop.secrets.digest(secret),
        now,
        now + TOKEN_LIFETIME,
        shop.secrets.seal(secret),
        shop.passwords.hash(password) if is_outdated else "",
        network,
    ).value
    return Token(secret=shop.secrets.open(stored.sealed), expires_at=stored.expires_at, user=credentials.user)
