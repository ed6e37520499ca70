"""Where webhooks may go: https to public addresses, and what the settings admit besides."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from shop.domain.webhooks import MAX_URL_CHARS

#: Global by their numbers, and yet not public: what stands for any IPv4 address, as NAT64, 6to4, Teredo and the former
#: IPv4-compatible addresses do, and the former site-local addresses.
_NOT_PUBLIC = tuple(
    map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "fec0::/10"))
)


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookPolicy:
    """`networks` are CIDR blocks to which webhooks may go beside public addresses, and by http too."""

    networks: Sequence[str] = ()

    def fault(self, url: str) -> str:
        """What is wrong with the URL of an endpoint, as far as its text says; empty where nothing is."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return "Use a URL, as in https://hooks.example/shop."
        if not host or len(url) > MAX_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url:
            return f"Use a URL of at most {MAX_URL_CHARS:,} ASCII characters, as in https://hooks.example/shop."
        if parts.username or parts.password or parts.fragment:
            return "Leave user, password and fragment out: each request is signed."
        if parts.scheme != "https" and not (parts.scheme == "http" and self.networks):
            return "Use https."
        return self._fault_of_literal(host, is_encrypted=parts.scheme == "https")

    def _fault_of_literal(self, host: str, *, is_encrypted: bool) -> str:
        try:
            ip_address(host)
        except ValueError:
            return ""
        return "" if self.admits(host, is_encrypted=is_encrypted) else "Use a public address."

    def admits(self, address: str, *, is_encrypted: bool) -> bool:
        """Whether webhooks may go to this IP address; without encryption, to the networks of the settings alone."""
        parsed = _unmapped(ip_address(address.partition("%")[0]))
        if any(parsed in ip_network(network) for network in self.networks):
            return True
        return is_encrypted and _is_public(parsed)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    is_listed = any(address in network for network in _NOT_PUBLIC)
    return address.is_global and not address.is_multicast and not is_listed
