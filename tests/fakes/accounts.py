"""Tokens of mails in memory."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.accounts import (
    MAX_REGISTRATIONS,
    MAX_REGISTRATIONS_PER_ADDRESS,
    AccountRepository,
    MailQuota,
    MailToken,
    PendingRegistration,
    email_locator,
)
from shop.domain.credentials import Credentials
from shop.domain.errors import InvalidMailToken, NotFound
from shop.domain.users import User
from tests.fakes.store import FakeStore
from tests.fakes.users import FakeUsers


@dataclass
class FakeAccounts(AccountRepository):
    store: FakeStore
    users: FakeUsers
    mails: Counter[str] = field(default_factory=Counter)

    def issue_reset(
        self, request: WriteRequest, checked: Credentials, token: MailToken, quota: MailQuota
    ) -> WriteResult[str | None]:
        def effect() -> str | None:
            user = checked.user
            if self.store.password_hashes.get(user.id) != checked.password_hash:
                raise NotFound("user", user.id)
            if not self._take_mail(quota):
                return None
            self.store.resets.setdefault(user.id, {})[token.digest] = token.expires_at
            return token.sealed

        return self.store.once(request, effect)

    def is_reset(self, user: str, digest: str, at: datetime) -> bool:
        with self.store.reading():
            expires_at = self.store.resets.get(user, {}).get(digest)
            return expires_at is not None and expires_at > at

    def pending_resets(self, user: str, at: datetime) -> Sequence[datetime]:
        with self.store.reading():
            return sorted(expires_at for expires_at in self.store.resets.get(user, {}).values() if expires_at > at)

    def reset_password(
        self, request: WriteRequest, user: str, at: datetime, change: Callable[[Credentials | None], tuple[str, str]]
    ) -> WriteResult[None]:
        def effect() -> None:
            present = self.store.users.get(user)
            known = Credentials(user=present, password_hash=self.store.password_hashes[user]) if present else None
            digest, password_hash = change(known)
            if not self.is_reset(user, digest, at):
                raise InvalidMailToken
            self.store.password_hashes[user] = password_hash
            del self.store.resets[user]
            self.users.revoke(user, request)
            self.store.note(f"user:{user}")

        return self.store.once(request, effect)

    def begin_registration(
        self, request: WriteRequest, registration: PendingRegistration, token: MailToken, quota: MailQuota
    ) -> WriteResult[str | None]:
        def effect() -> str | None:
            if not self._take_mail(quota):
                return None
            pending = self.store.registrations
            former = pending.pop(email_locator(registration.email), {})
            if len(former) >= MAX_REGISTRATIONS_PER_ADDRESS:
                former = {}
            pending[email_locator(registration.email)] = former | {token.digest: registration}
            while len(pending) > MAX_REGISTRATIONS:
                del pending[next(iter(pending))]
            return token.sealed

        return self.store.once(request, effect)

    def confirm_registration(
        self,
        request: WriteRequest,
        locator: str,
        digest: str,
        make: Callable[[PendingRegistration | None], tuple[User, str]],
    ) -> WriteResult[User]:
        def effect() -> User:
            registration = self.store.registrations.get(locator, {}).get(digest)
            user, password_hash = make(registration)
            if registration is None:
                raise InvalidMailToken
            self.users.add(user, password_hash)
            del self.store.registrations[locator]
            return user

        return self.store.once(request, effect, lambda user: user.id)

    def _take_mail(self, quota: MailQuota) -> bool:
        if any(self.mails[digest] >= limit for digest, limit in quota.limits().items()):
            return False
        self.mails.update(quota.limits().keys())
        return True
