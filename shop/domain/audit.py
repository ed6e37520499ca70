"""The audit: who did what to what, and when. Of people it has ids and keyed hashes, never values."""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

import orjson

from exactly_once.journal import Change, Journal, JournalEntry
from shop.domain.money import Money
from shop.domain.users import email_key

#: Who acts where no user and no API key does: a client that has not signed in, and a command.
ANONYMOUS, SYSTEM = "anonymous", "system"
#: The roles of actors that have none: an API key, and the operator who runs a command.
KEY_ROLE, OPERATOR_ROLE = "api-key", "operator"
#: The network of what was not done over one.
LOCAL_NETWORK = "local"
#: Prefix lengths in bits of the networks that are recorded in place of addresses.
IPV4_PREFIX_BITS, IPV6_PREFIX_BITS = 24, 48
#: Bytes of all changes of an entry that is recorded, and of one value: the first limit under which the changes fit.
MAX_CHANGES_BYTES, VALUE_LIMITS = 512, (120, 48, 23)
#: Hexadecimal digits of the hash that stands for a longer value, and of one that stands for an email address.
VALUE_HASH_DIGITS, PERSON_HASH_DIGITS = 16, 32
#: Fields of which the values are recorded, by kind of object; of any other field of these kinds only the name is.
_PLAIN_FIELDS: Mapping[str, frozenset[str]] = {
    "user": frozenset({"role", "session"}),
    "api_key": frozenset({"scopes", "networks", "expires_at"}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditChange:
    """A field that was changed. Its values are None where there was none, and where they are not recorded."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """What was done. `actor` is the id of a user or API key, `anonymous` or `system`; `object` is kind:id."""

    sequence: int
    at: datetime
    operation: str
    actor: str
    role: str
    network: str
    object: str
    changes: tuple[AuditChange, ...]
    request_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditQuery:
    """Filters of a list of entries; None lets every value through. `user` is the actor or the object of an entry.
    `since` is inclusive, `until` is not."""

    user: str | None = None
    operation: str | None = None
    actor: str | None = None
    object: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, entry: AuditEntry) -> bool:
        """Whether the entry is one of those that the query asks for."""
        return (
            (self.user is None or self.user == entry.actor or entry.object == f"user:{self.user}")
            and self.operation in (None, entry.operation)
            and self.actor in (None, entry.actor)
            and self.object in (None, entry.object)
            and (self.since is None or self.since <= entry.at)
            and (self.until is None or entry.at < self.until)
        )


class AuditKeys:
    """The keys of seals and of the hashes of people's values, both made of the secret of the store: that one stays the
    same when SECRET_KEY is replaced, so that entries of before can still be checked and compared."""

    def __init__(self, secret: bytes) -> None:
        # Copied for each seal: making it anew costs four times as much.
        self._seal = hmac.new(hmac.digest(secret, b"shop.audit.seal", "sha256"), digestmod="sha256")
        self._person = hmac.digest(secret, b"shop.audit.person", "sha256")

    def seal(self, text: str) -> str:
        """Return the HMAC-SHA256 of an entry's text."""
        seal = self._seal.copy()
        seal.update(text.encode())
        return seal.hexdigest()

    def is_sealed(self, text: str, seal: str) -> bool:
        """Whether the seal is the one of the text."""
        return hmac.compare_digest(self.seal(text).encode(), seal.encode())

    def person_hash(self, value: str) -> str:
        """Return a keyed hash that is the same for equal values of people, and reveals nothing else."""
        return hmac.digest(self._person, value.encode(), "sha256").hex()[:PERSON_HASH_DIGITS]

    def email_hash(self, email: str) -> str:
        """Return the hash of an email address: equal for addresses that are one user's."""
        return self.person_hash(email_key(email))


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditJournal(Journal):
    """Makes the entry of one request."""

    keys: AuditKeys
    at: datetime
    operation: str
    actor: str
    role: str
    network: str
    request_id: str
    #: The object, where it is another than the one that is written.
    object: str = ""

    def acting_as(self, id: str, role: str) -> "AuditJournal":
        """Return the same for a user who became known while the request was served."""
        return replace(self, actor=id, role=role)

    def entry(self, about: str, changes: Sequence[Change]) -> JournalEntry:
        subject = self.object or about
        document = {
            "at": self.at.isoformat(timespec="milliseconds"),
            "operation": self.operation,
            "actor": self.actor,
            "role": self.role,
            "network": self.network,
            "object": subject,
            "request": self.request_id,
            "changes": self._recorded(subject, changes),
        }
        text = orjson.dumps(document).decode()
        return JournalEntry(text=text, seal=self.keys.seal(text))

    def _recorded(self, subject: str, changes: Sequence[Change]) -> Sequence[Change]:
        if not changes:
            return ()
        kind = subject.partition(":")[0]
        named = [self._of_kind(kind, change) for change in changes]
        for limit in VALUE_LIMITS:
            fitting = [(field, _shortened(old, limit), _shortened(new, limit)) for field, old, new in named]
            if len(orjson.dumps(fitting)) <= MAX_CHANGES_BYTES:
                return fitting
        return [(field, None, None) for field, _, _ in named]

    def _of_kind(self, kind: str, change: Change) -> Change:
        field, before, after = change
        plain = _PLAIN_FIELDS.get(kind)
        if plain is None or field in plain:
            return field, _text(before), _text(after)
        if field == "email":
            return field, self._email_hash(before), self._email_hash(after)
        return field, None, None

    def _email_hash(self, email: str | None) -> str | None:
        return None if email is None else self.keys.email_hash(email)


@lru_cache(maxsize=8)
def audit_keys(secret: bytes) -> AuditKeys:
    """Return the keys that are made of the secret of a store."""
    return AuditKeys(secret)


def read_changes(*lists: Sequence[Sequence[Any]]) -> tuple[AuditChange, ...]:
    """Return the changes of an entry: those of its text, then those that the script added."""
    return tuple(
        AuditChange(field=field, before=_text(before), after=_text(after))
        for changes in lists
        for field, before, after in changes
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Yield each field whose values differ."""
    for field, value in after.items():
        if before.get(field) != value:
            yield field, before.get(field), value


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """Return the network that is recorded in place of an IP address; `unknown` for a text that is none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    client = getattr(parsed, "ipv4_mapped", None) or parsed
    bits = IPV4_PREFIX_BITS if client.version == 4 else IPV6_PREFIX_BITS
    return str(ip_network((client.packed, bits), strict=False))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, Money):
        return f"{value} {value.currency}"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _shortened(value: str | None, limit: int) -> str | None:
    if value is None or len(orjson.dumps(value)) - 2 <= limit:
        return value
    return f"sha256:{sha256(value.encode()).hexdigest()[:VALUE_HASH_DIGITS]}"
