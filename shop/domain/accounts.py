"""What a mail to its address confirms: a new password, and the registration of a user."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.credentials import Credentials
from shop.domain.users import User, email_key

RESET_LIFETIME, REGISTRATION_LIFETIME = timedelta(minutes=30), timedelta(hours=24)
#: Mails of one purpose within an hour: to an address as asked for by one network, to an address, and asked for by one
#: network. One network cannot use up what an address may have.
MAX_MAILS_PER_ADDRESS_AND_NETWORK, MAX_MAILS_PER_ADDRESS, MAX_MAILS_PER_NETWORK = 5, 20, 20
#: Valid tokens for a new password that are listed: more than the mails of an hour are, before and after its turn.
MAX_PENDING_RESETS = 2 * MAX_MAILS_PER_ADDRESS
#: Unconfirmed registrations of one address, and addresses that have some. Those that expire first make room.
MAX_REGISTRATIONS_PER_ADDRESS, MAX_REGISTRATIONS = 5, 20_000


class MailPurpose(StrEnum):
    """What a mail has a token for. Mails of each are counted apart: registrations use up no reset."""

    RESET = "reset"
    REGISTRATION = "registration"


@dataclass(frozen=True, kw_only=True, slots=True)
class MailQuota:
    """The keyed digests under which a mail is counted: of its purpose with the address and the network that asks for
    it, with the address, and with the network."""

    address_and_network: str
    address: str
    network: str

    def limits(self) -> Mapping[str, int]:
        """How many mails an hour are sent, by digest."""
        return {
            self.address_and_network: MAX_MAILS_PER_ADDRESS_AND_NETWORK,
            self.address: MAX_MAILS_PER_ADDRESS,
            self.network: MAX_MAILS_PER_NETWORK,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingRegistration:
    """A user to be, until a mail confirms the address."""

    email: str
    first_name: str
    last_name: str
    password_hash: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MailToken:
    """A secret for a mail: its digest, which is stored, its sealed form for repeats, and how long it is valid."""

    digest: str
    sealed: str
    created_at: datetime
    expires_at: datetime


class AccountRepository(Protocol):
    """Tokens from mails. Reads and writes as in UserRepository. A write that needs a mail returns the sealed secret of
    the first try, or None where one of the limits of `quota` is reached; then nothing is stored."""

    def issue_reset(
        self, request: WriteRequest, checked: Credentials, token: MailToken, quota: MailQuota
    ) -> WriteResult[str | None]:
        """Store a token for a new password.

        Raises: NotFound where the user is gone, or the password is not the one in `checked`."""
        ...

    def is_reset(self, user: str, digest: str, at: datetime) -> bool:
        """Whether the user has a valid token for a new password with this digest."""
        ...

    def pending_resets(self, user: str, at: datetime) -> Sequence[datetime]:
        """When each of the user's valid tokens for a new password expires, the next one first."""
        ...

    def reset_password(
        self, request: WriteRequest, user: str, at: datetime, change: Callable[[Credentials | None], tuple[str, str]]
    ) -> WriteResult[None]:
        """Set the password by what `change` makes of the present credentials, None where there is no such user: the
        digest of the token and the new hash. Revoke every token of the user.

        Raises: InvalidMailToken, and what `change` raises."""
        ...

    def begin_registration(
        self, request: WriteRequest, registration: PendingRegistration, token: MailToken, quota: MailQuota
    ) -> WriteResult[str | None]:
        """Store a registration until it is confirmed, whether or not the address is taken."""
        ...

    def confirm_registration(
        self,
        request: WriteRequest,
        locator: str,
        digest: str,
        make: Callable[[PendingRegistration | None], tuple[User, str]],
    ) -> WriteResult[User]:
        """Register the user that `make` makes of the registration, with the password hash.

        Raises: EmailTaken, InvalidMailToken, and what `make` raises."""
        ...


def email_locator(email: str) -> str:
    """Return under what name the store has the registrations of an address: no secret, and not the address itself."""
    return hashlib.sha1(email_key(email).encode(), usedforsecurity=False).hexdigest()
