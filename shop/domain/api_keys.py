"""API keys: bearer secrets for machines, with scopes instead of a role."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from shop.domain.callers import Scope

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
