"""Tokens of mails in Redis."""

from collections.abc import Callable, Sequence
from datetime import datetime

import orjson

from exactly_once import Reply, Store, WriteCall, WriteDeclaration, WriteRequest, WriteResult, fails, refuses, returns
from exactly_once.declarations import Value
from shop.domain.accounts import (
    MAX_PENDING_RESETS,
    MAX_REGISTRATIONS,
    MAX_REGISTRATIONS_PER_ADDRESS,
    AccountRepository,
    MailQuota,
    MailToken,
    PendingRegistration,
    email_locator,
)
from shop.domain.credentials import Credentials
from shop.domain.errors import EmailTaken, InvalidMailToken, NotFound
from shop.domain.users import User, email_key
from shop.repositories import records
from shop.repositories.keys import Keys
from shop.repositories.user_tokens import REVOKED_FOR_S


def _sealed(reply: Reply) -> str | None:
    return reply.values[0]


def _limited(_: Reply) -> str | None:
    return None


_INVALID_TOKEN = fails(lambda reply: InvalidMailToken())

ISSUE_RESET = WriteDeclaration(
    script="reset_issue",
    keys=("user", "resets", "mails_of_pair", "mails_of_address", "mails_of_network"),
    args=("checked_hash", "digest", "at", "expires_at", "sealed", "max_of_pair", "max_of_address", "max_of_network"),
    replies={
        "ISSUED": returns(_sealed),
        "LIMITED": returns(_limited),
        "NOT_FOUND": fails(lambda reply: NotFound("user", reply.about)),
    },
)
CONFIRM_RESET: WriteDeclaration[None] = WriteDeclaration(
    script="reset_confirm",
    kind="user",
    keys=("user", "tokens", "resets"),
    args=("base", "digest", "at", "password_hash", "token_prefix", "revoked_for"),
    replies={"PASSWORD_SET": returns(lambda reply: None), "INVALID_TOKEN": _INVALID_TOKEN},
    is_optimistic=True,
)
BEGIN = WriteDeclaration(
    script="registration_begin",
    keys=("registration", "registrations", "mails_of_pair", "mails_of_address", "mails_of_network"),
    args=(
        "locator",
        "digest",
        "fields",
        "at",
        "expires_at",
        "sealed",
        "max_of_email",
        "max_registrations",
        "registration_prefix",
        "max_of_pair",
        "max_of_address",
        "max_of_network",
    ),
    replies={"BEGUN": returns(_sealed), "LIMITED": returns(_limited)},
)
CONFIRM = WriteDeclaration(
    script="registration_confirm",
    keys=("user", "emails", "users", "users_by_email", "staff", "registration", "registrations"),
    args=("id", "email_key", "role", "fields", "digest", "locator"),
    replies={
        "REGISTERED": returns(lambda reply: records.USER.read_flat(reply.values)),
        "EMAIL_TAKEN": refuses(lambda reply: EmailTaken("Another user has this email address.")),
        "INVALID_TOKEN": _INVALID_TOKEN,
    },
    subject="id",
)


class RedisAccountRepository(AccountRepository):
    """Stores the digests of tokens for a new password in a set of their user, ordered by expiry, and registrations in a
    hash of their address, by the digest of their token."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def issue_reset(
        self, request: WriteRequest, checked: Credentials, token: MailToken, quota: MailQuota
    ) -> WriteResult[str | None]:
        user = checked.user
        call = ISSUE_RESET.call(
            request,
            keys={
                "user": self._keys.user(user.id),
                "resets": self._keys.user_resets(user.id),
                **self._quota_keys(quota),
            },
            args={"checked_hash": checked.password_hash, **_token_args(token), **_quota_args(quota)},
            about=user.id,
        )
        return self._store.write(call)

    def is_reset(self, user: str, digest: str, at: datetime) -> bool:
        score = self._store.read(("ZSCORE", self._keys.user_resets(user), digest))
        return score is not None and float(score) > records.milliseconds(at)

    def pending_resets(self, user: str, at: datetime) -> Sequence[datetime]:
        valid = (f"({records.milliseconds(at)}", "+inf", "BYSCORE", "LIMIT", 0, MAX_PENDING_RESETS, "WITHSCORES")
        row = self._store.read(("ZRANGE", self._keys.user_resets(user), *valid))
        return [records.instant(score) for score in row[1::2]]

    def reset_password(
        self, request: WriteRequest, user: str, at: datetime, change: Callable[[Credentials | None], tuple[str, str]]
    ) -> WriteResult[None]:
        def prepare() -> WriteCall[None]:
            credentials = self._credentials(user)
            digest, password_hash = change(credentials)
            return CONFIRM_RESET.call(
                request,
                keys={
                    "user": self._keys.user(user),
                    "tokens": self._keys.user_tokens(user),
                    "resets": self._keys.user_resets(user),
                },
                args={
                    "base": credentials.password_hash if credentials else "",
                    "digest": digest,
                    "at": records.milliseconds(at),
                    "password_hash": password_hash,
                    "token_prefix": self._keys.token_prefix,
                    "revoked_for": REVOKED_FOR_S,
                },
                about=user,
            )

        return self._store.write_optimistic(CONFIRM_RESET, request, prepare)

    def begin_registration(
        self, request: WriteRequest, registration: PendingRegistration, token: MailToken, quota: MailQuota
    ) -> WriteResult[str | None]:
        locator = email_locator(registration.email)
        call = BEGIN.call(
            request,
            keys={
                "registration": self._keys.registration(locator),
                "registrations": self._keys.registrations,
                **self._quota_keys(quota),
            },
            args={
                "locator": locator,
                "fields": _encoded(registration),
                "max_of_email": MAX_REGISTRATIONS_PER_ADDRESS,
                "max_registrations": MAX_REGISTRATIONS,
                "registration_prefix": self._keys.registration_prefix,
                **_token_args(token),
                **_quota_args(quota),
            },
        )
        return self._store.write(call)

    def confirm_registration(
        self,
        request: WriteRequest,
        locator: str,
        digest: str,
        make: Callable[[PendingRegistration | None], tuple[User, str]],
    ) -> WriteResult[User]:
        def prepare() -> WriteCall[User]:
            text = self._store.read(("HGET", self._keys.registration(locator), digest))
            user, password_hash = make(_registration(text) if text else None)
            return self._confirmation(request, locator, digest, user, password_hash)

        return self._store.write_optimistic(CONFIRM, request, prepare)

    def _confirmation(
        self, request: WriteRequest, locator: str, digest: str, user: User, password_hash: str
    ) -> WriteCall[User]:
        return CONFIRM.call(
            request,
            keys={
                "user": self._keys.user(user.id),
                "emails": self._keys.emails,
                "users": self._keys.users,
                "users_by_email": self._keys.users_by_email,
                "staff": self._keys.staff,
                "registration": self._keys.registration(locator),
                "registrations": self._keys.registrations,
            },
            args={
                "id": user.id,
                "email_key": email_key(user.email),
                "role": user.role,
                "fields": records.USER.creation(user, password=password_hash),
                "digest": digest,
                "locator": locator,
            },
            about=locator,
        )

    def _credentials(self, user: str) -> Credentials | None:
        record = records.pairs(self._store.read(("HGETALL", self._keys.user(user))))
        return Credentials(user=records.USER.read(record), password_hash=record["password"]) if record else None

    def _quota_keys(self, quota: MailQuota) -> dict[str, str]:
        names = "mails_of_pair", "mails_of_address", "mails_of_network"
        return {name: self._keys.mails(digest) for name, digest in zip(names, quota.limits(), strict=True)}


def _quota_args(quota: MailQuota) -> dict[str, Value]:
    return dict(zip(("max_of_pair", "max_of_address", "max_of_network"), quota.limits().values(), strict=True))


def _token_args(token: MailToken) -> dict[str, Value]:
    return {
        "digest": token.digest,
        "sealed": token.sealed,
        "at": records.milliseconds(token.created_at),
        "expires_at": records.milliseconds(token.expires_at),
    }


def _encoded(registration: PendingRegistration) -> str:
    row = (
        registration.email,
        registration.first_name,
        registration.last_name,
        registration.password_hash,
        records.milliseconds(registration.expires_at),
    )
    return orjson.dumps(row).decode()


def _registration(text: str) -> PendingRegistration:
    email, first_name, last_name, password_hash, expires_at = orjson.loads(text)
    return PendingRegistration(
        email=email,
        first_name=first_name,
        last_name=last_name,
        password_hash=password_hash,
        expires_at=records.instant(expires_at),
    )
