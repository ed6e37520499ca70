"""API keys: bearer secrets for machines, with scopes instead of a role."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Protocol

from exactly_once.rate_limits import UNLIMITED, RateLimit
from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.callers import Scope
from shop.domain.pages import Page, Position

#: Keys of one shop, expired ones included.
MAX_API_KEYS = 100
MAX_NETWORKS = 20
MAX_LIFETIME = timedelta(days=366)
#: How long the former secret stays valid after a roll.
DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS = 24, 168


def parse_network(text: str) -> str:
    """Return the CIDR block in its usual spelling.

    Raises:
        ValueError: it is none, or has bits behind its prefix.
    """
    return str(ip_network(text))


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """An API key without its secret. `networks` are CIDR blocks from which it may be used; with none, from anywhere.
    After a roll, the former secret is valid until `former_expires_at`."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    networks: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    former_expires_at: datetime | None
    last_used_at: datetime | None

    def admits_address(self, address: str) -> bool:
        """Whether the key may be used from this IP address. False for a text that is none."""
        if not self.networks:
            return True
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        # A socket for both families shows an IPv4 client as ::ffff:192.0.2.1.
        client = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(client in ip_network(network) for network in self.networks)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKeyCredentials:
    """An API key and the digests of its secrets; `former_digest` is empty where it was never rolled."""

    key: ApiKey
    digest: str
    former_digest: str

    def is_valid(self, digest: str, at: datetime) -> bool:
        """Whether the secret with this digest is one of the key, and valid at this instant."""
        if at >= self.key.expires_at:
            return False
        if digest == self.digest:
            return True
        former = self.key.former_expires_at
        return digest == self.former_digest and former is not None and at < former


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredApiKey:
    """An API key as a write stored it, with its new secret sealed."""

    key: ApiKey
    sealed: str


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedApiKey:
    """An API key with its secret, which is returned once and never stored."""

    key: ApiKey
    secret: str


class ApiKeyRepository(Protocol):
    """API keys. Reads and writes as in ports.UserRepository. `confirm` runs first, unless the request has a recorded
    outcome, and what it raises is raised."""

    def get(self, id: str) -> ApiKey:
        """Raises: NotFound."""
        ...

    def credentials(self, id: str, digest: str = "", limit: RateLimit = UNLIMITED) -> ApiKeyCredentials | None:
        """Return the key and the digests of its secrets, or None. Where `digest` is of one of them, the call is charged
        to the key's share of the limit.

        Raises: RateLimited."""
        ...

    def page(self, size: int, position: Position | None) -> Page[ApiKey]:
        """List the keys, newest first."""
        ...

    def create(
        self, request: WriteRequest, key: ApiKey, digest: str, sealed: str, confirm: Callable[[], None]
    ) -> WriteResult[StoredApiKey]:
        """Store a key; a retry returns the key and the sealed secret of the first try.

        Raises: TooManyApiKeys."""
        ...

    def roll(
        self,
        request: WriteRequest,
        id: str,
        digest: str,
        sealed: str,
        former_expires_at: datetime,
        expires_at: datetime | None,
        confirm: Callable[[], None],
    ) -> WriteResult[StoredApiKey]:
        """Replace the secret; the present one is valid until `former_expires_at`. None leaves the key's expiry.

        Raises: NotFound."""
        ...

    def revoke(self, request: WriteRequest, id: str) -> WriteResult[None]:
        """Raises: NotFound."""
        ...

    def record_use(self, request: WriteRequest, id: str, at: datetime) -> WriteResult[None]:
        """Record when the key was used; nothing where it is revoked."""
        ...
