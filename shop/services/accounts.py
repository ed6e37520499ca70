"""Use cases that a mail confirms: a new password, and registration where the shop sends mail.

What a client is answered, and after which time, does not depend on whether a user has the address. The store is asked
for that in the background, and only a mail says so.
"""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from exactly_once.rate_limits import UNLIMITED, RateLimit
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.accounts import (
    REGISTRATION_LIFETIME,
    RESET_LIFETIME,
    MailPurpose,
    MailQuota,
    MailToken,
    PendingRegistration,
    email_locator,
)
from shop.domain.callers import Role
from shop.domain.credentials import Credentials
from shop.domain.errors import FieldError, Invalid, InvalidMailToken, NotFound
from shop.domain.mail import Mail
from shop.domain.ports import Shop
from shop.domain.rate_limits import NO_LIMITS, PasswordLimits
from shop.domain.users import User, email_key
from shop.services import mails
from shop.services.admission import attempt_admit, digest_of, registration_admit
from shop.services.users import refuse

#: Seconds that the store is given in the background.
TIMEOUT_S = 10.0
_USER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOCATOR = re.compile(r"[0-9a-f]{40}")


def reset_request(*, shop: Shop, request: WriteRequest, email: str, network: str, limit: RateLimit = UNLIMITED) -> None:
    """Mail a token for a new password to the user with this email, if there is one. Done in the background; only the
    network is looked at before.

    Raises:
        RateLimited.
    """
    registration_admit(shop=shop, limit=limit, network=network, request=request)
    shop.mailer.enqueue(lambda: _reset_mail(shop, _background(request), email, network))


def reset_confirm(
    *, shop: Shop, request: WriteRequest, token: str, new_password: str, limits: PasswordLimits = NO_LIMITS
) -> WriteResult[None]:
    """Set a password by the token of a mail, and revoke every token of the user.

    Raises:
        RateLimited: before the token is looked at.
        Invalid: the token is not valid (at /token), or the password is too weak (at /new_password).
    """
    id, secret = _parts(token, _USER_ID)
    _admit(shop, limits, request, token)
    now = shop.clock.now()

    def change(credentials: Credentials | None) -> tuple[str, str]:
        digest = _reset_digest(shop, secret, credentials)
        if credentials is None or not shop.accounts.is_reset(id, digest, now):
            raise InvalidMailToken
        user = credentials.user
        weaknesses = shop.passwords.weaknesses(new_password, user.email, user.first_name, user.last_name)
        refuse([replace(weakness, pointer="/new_password") for weakness in weaknesses])
        return digest, shop.passwords.hash(new_password)

    return shop.accounts.reset_password(request, id, now, change)


def registration_begin(
    *, shop: Shop, request: WriteRequest, network: str, email: str, password: str, first_name: str, last_name: str
) -> WriteResult[None]:
    """Store a registration until it is confirmed by the token of a mail. Where the address is taken, the mail says so
    and has no token.

    Raises:
        Invalid: the password is too weak.
    """
    refuse(shop.passwords.weaknesses(password, email, first_name, last_name))
    token = _mail_token(shop, shop.clock.now(), REGISTRATION_LIFETIME, shop.secrets.digest)
    registration = PendingRegistration(
        email=email,
        first_name=first_name,
        last_name=last_name,
        password_hash=shop.passwords.hash(password),
        expires_at=token.expires_at,
    )
    quota = mail_quota(shop, MailPurpose.REGISTRATION, email, network)
    result = shop.accounts.begin_registration(request, registration, token, quota)
    if result.value and not result.is_replay_for(request.id):
        secret = shop.secrets.open(result.value)
        shop.mailer.enqueue(lambda: _registration_mail(shop, email, secret))
    return WriteResult(value=None, origin_request_id=result.origin_request_id)


def registration_confirm(
    *, shop: Shop, request: WriteRequest, token: str, password: str, limits: PasswordLimits = NO_LIMITS
) -> WriteResult[User]:
    """Register the user of a registration by the token of its mail and its password: who has the mail alone, or the
    password alone, cannot.

    Raises:
        RateLimited: before the password is looked at.
        Invalid: the token is not valid (at /token), or the password is another one (at /password).
        EmailTaken: another registration of the address was confirmed first.
    """
    locator, secret = _parts(token, _LOCATOR)
    _admit(shop, limits, request, token)
    now = shop.clock.now()

    def make(registration: PendingRegistration | None) -> tuple[User, str]:
        if registration is None or registration.expires_at <= now:
            raise InvalidMailToken
        if not shop.passwords.matches(password, registration.password_hash):
            detail = "Wrong password: enter the one with which you registered."
            raise Invalid(FieldError("/password", "wrong-password", detail))
        return _user(shop, registration, now), registration.password_hash

    digest = shop.secrets.digest(secret)
    return shop.accounts.confirm_registration(request, locator, digest, make)


def _admit(shop: Shop, limits: PasswordLimits, request: WriteRequest, token: str) -> None:
    """Admit an attempt with a token. The account is the token: attempts with others, which anyone can make up for an
    address, do not keep its owner waiting. Raises: RateLimited."""
    attempt_admit(shop=shop, limits=limits, account=token, networks={}, request=request)


def mail_quota(shop: Shop, purpose: MailPurpose, email: str, network: str) -> MailQuota:
    """Return under what a mail is counted. Without the shop's secret, it says nothing of the address or the network."""
    address = email_key(email)
    return MailQuota(
        address_and_network=digest_of(shop, f"{purpose} to", f"{address} {network}"),
        address=digest_of(shop, f"{purpose} address", address),
        network=digest_of(shop, f"{purpose} network", network),
    )


def _reset_mail(shop: Shop, request: WriteRequest, email: str, network: str) -> Mail | None:
    credentials = shop.users.credentials(email)
    if credentials is None:
        return None
    token = _mail_token(shop, shop.clock.now(), RESET_LIFETIME, lambda secret: _reset_digest(shop, secret, credentials))
    quota = mail_quota(shop, MailPurpose.RESET, email, network)
    try:
        result = shop.accounts.issue_reset(request, credentials, token, quota)
    except NotFound:
        return None
    if result.value is None:
        return None
    return mails.reset(credentials.user, shop.mailer.origin, f"{credentials.user.id}.{shop.secrets.open(result.value)}")


def _registration_mail(shop: Shop, email: str, secret: str) -> Mail:
    if shop.users.credentials(email) is not None:
        return mails.taken(email, shop.mailer.origin)
    return mails.registration(email, shop.mailer.origin, f"{email_locator(email)}.{secret}")


def _background(request: WriteRequest) -> WriteRequest:
    """The write that the request leaves to the background: a repeat by nginx finds its outcome."""
    key = f"mail:{request.idempotency_key}"
    return replace(request, idempotency_key=key, deadline=time.monotonic() + TIMEOUT_S)


def _mail_token(shop: Shop, now: datetime, lifetime: timedelta, digest: Callable[[str], str]) -> MailToken:
    secret = shop.secrets.make_token()
    return MailToken(digest=digest(secret), sealed=shop.secrets.seal(secret), created_at=now, expires_at=now + lifetime)


def _reset_digest(shop: Shop, secret: str, credentials: Credentials | None) -> str:
    """The digest of the secret, the present address and the present password hash: with another one of them the token
    is another one. A mail to a former address is of no use to its owner."""
    bound = f"{email_key(credentials.user.email)}:{credentials.password_hash}" if credentials else ""
    return shop.secrets.digest(f"{secret}:{bound}")


def _parts(token: str, name: re.Pattern[str]) -> tuple[str, str]:
    """Whom a token is for, and its secret. Raises: Invalid."""
    owner, _, secret = token.partition(".")
    if not name.fullmatch(owner) or not secret:
        raise InvalidMailToken
    return owner, secret


def _user(shop: Shop, registration: PendingRegistration, now: datetime) -> User:
    return User(
        id=shop.ids.new(now),
        email=registration.email,
        first_name=registration.first_name,
        last_name=registration.last_name,
        role=Role.CUSTOMER,
        created_at=now,
        updated_at=now,
        version=1,
    )
