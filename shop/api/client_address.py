"""The address of a client, and its network, which shares rate limits."""

from functools import lru_cache
from ipaddress import ip_address, ip_network

from django.http import HttpRequest

#: Of IPv6, one customer of a provider has at least this much.
IPV6_PREFIX_BITS = 64


def client_address(request: HttpRequest) -> str:
    """Return the address of the client: nginx replaces X-Forwarded-For by the one that it sees."""
    address: str = request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("REMOTE_ADDR", "")
    return address


def client_network(request: HttpRequest) -> str:
    """Return the network of the client: its IPv4 address, or the /64 of its IPv6 address; empty for neither."""
    return network_of(client_address(request))


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """Return the network of an address, as `client_network` does."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None)
    if parsed.version == 4 or mapped:
        return str(mapped or parsed)
    return str(ip_network((int(parsed), IPV6_PREFIX_BITS), strict=False))
