"""The parts of nginx's configuration that are made from settings; deploy/nginx/serve makes the same in a container."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from configuration import rate_limits
from configuration.rates import Rate
from exactly_once.client import Address

#: Files under deploy/nginx that nginx.conf includes as they are.
INCLUDED = ("cache.conf", "headers.conf", "problem.conf")


#: A state takes 128 bytes, of a connection 64; where a zone is full, the address that was silent longest makes room.
_ZONE_SIZES = {"reads": "10m", "writes": "10m", "sign-in": "4m", "registration": "4m"}


class RateLimits(NamedTuple):
    """What one address may do, by limiter class; None, and no connections, for no limit."""

    rates: Mapping[str, Rate | None]
    connections: int
    unlimited: tuple[str, ...] = ()


def instances(addresses: Sequence[str]) -> str:
    """Every instance as nginx knows it."""
    first = [f"server {address} max_fails=3 fail_timeout=5s;" for address in addresses]
    # Where all are out, all are tried again: the backups are the same instances, never out.
    backups = [f"server {address} max_fails=0 backup;" for address in addresses]
    return "\n".join([*first, *backups, ""])


def divided(lines: str, reads: int) -> Mapping[str, str]:
    """These instances by file: with so many reads at once at most, and half as many writes, where `reads` is not 0; for
    what is more, each out for a second after one failure; and whether each of them was asked."""
    return {
        "read-instances.conf": _limited(lines, reads),
        "write-instances.conf": _limited(lines, (reads + 1) // 2),
        "overflow-instances.conf": _overflow(lines),
        "asked-instances.conf": _asked(lines),
    }


def _limited(lines: str, requests: int) -> str:
    # nginx counts the two lines of an instance apart, so each has half.
    return lines.replace(";", f" max_conns={(requests + 1) // 2};") if requests else lines


def _overflow(lines: str) -> str:
    return "\n".join([*(f"server {address} max_fails=1 fail_timeout=1s;" for address in _addresses(lines)), ""])


def _asked(lines: str) -> str:
    pattern = "".join(f"(?=(?:.* )?{address.replace('.', '[.]')}(?:[ ,]|$))" for address in _addresses(lines))
    return f'map $upstream_addr $were_all_asked {{\n    volatile;\n    "~^{pattern}" 1;\n    default 0;\n}}\n'


def _addresses(lines: str) -> list[str]:
    return [line.strip(";").split()[1] for line in lines.splitlines() if "backup" not in line]


def _default_limits() -> RateLimits:
    rates = {name: each.form.parse(each.default) for name, each in rate_limits.ADDRESS_RATES.items()}
    return RateLimits(rates, int(rate_limits.ADDRESS_CONNECTIONS.default))


DEFAULT_LIMITS = _default_limits()
#: For tests, faults and benchmarks, whose load comes from one address.
NO_LIMITS = RateLimits(dict.fromkeys(rate_limits.ADDRESS_RATES), 0)


def rates(limits: RateLimits) -> str:
    """Zones and limits, and what the answers to refused requests say."""
    chosen = {name: each for name, each in limits.rates.items() if each}
    lines = [
        *_block("geo $is_unlimited", {**dict.fromkeys(limits.unlimited, "1")}, "0"),
        *(line for name, each in chosen.items() for line in _zone(name, each)),
        *(_connections(limits.connections) if limits.connections else ()),
        *_block("map $limited_by $limit_retry_after", {name: each.retry_after_s for name, each in chosen.items()}, "1"),
        *_block("map $limited_by $limit_policy", {name: _policy(name, each) for name, each in chosen.items()}, '""'),
        *_block("map $limited_by $limit_state", {name: _state(name, each) for name, each in chosen.items()}, '""'),
    ]
    return "\n".join([*lines, ""])


def _zone(name: str, limit: Rate) -> list[str]:
    zone = f"address_{name.replace('-', '_')}"
    return [
        f"limit_req_zone ${zone} zone={zone}:{_ZONE_SIZES[name]} rate={limit.count}r/{limit.unit};",
        f"limit_req zone={zone} burst={limit.burst} nodelay;",
    ]


def _connections(number: int) -> list[str]:
    return [
        "limit_conn_zone $address_connections zone=address_connections:10m;",
        f"limit_conn address_connections {number};",
    ]


def _policy(name: str, limit: Rate) -> str:
    return f"'\"address-{name}\";q={limit.burst};w={limit.window_s}'"


def _state(name: str, limit: Rate) -> str:
    return f"'\"address-{name}\";r=0;t={limit.retry_after_s}'"


def _block(head: str, entries: Mapping[str, object], default: str) -> list[str]:
    return [f"{head} {{", f"    default {default};", *(f"    {key} {each};" for key, each in entries.items()), "}"]


def cache_lifetime(seconds: int) -> str:
    """Whether the catalogue is cached: for 1 second, or not at all."""
    return f'map "" $is_catalogue_cached {{\n    default {seconds};\n}}\n'


def hosts(names: Sequence[str]) -> str:
    """The names for which the shop is served."""
    return f"server_name {' '.join(names)};\n"


def proxies(networks: Sequence[str]) -> str:
    """Whether a request comes from a trusted proxy; where it does, the client's address is what that says."""
    if not networks:
        return 'map "" $is_from_proxy {\n    default 0;\n}\n'
    return "\n".join(
        [
            *(f"set_real_ip_from {network};" for network in networks),
            "real_ip_header X-Forwarded-For;",
            "real_ip_recursive on;",
            "geo $realip_remote_addr $is_from_proxy {",
            "    default 0;",
            *(f"    {network} 1;" for network in networks),
            "}",
            "",
        ]
    )


def tls(certificate: Path) -> str:
    """How nginx calls instances by TLS: it shows its certificate, and takes theirs from the same authority alone."""
    return "\n".join(
        [
            f"proxy_ssl_certificate {certificate}.pem;",
            f"proxy_ssl_certificate_key {certificate}.key;",
            f"proxy_ssl_trusted_certificate {certificate.with_name('ca.pem')};",
            "proxy_ssl_verify on;",
            "proxy_ssl_name api;",
            "proxy_ssl_protocols TLSv1.3;",
            "proxy_ssl_session_reuse on;",
            "",
        ]
    )


def metrics(sockets: Mapping[Address, str], authorization: str) -> str:
    """Listeners that pass /metrics, and nothing else, on to these URLs of sockets, for requests with this header:
    Prometheus cannot scrape a socket."""
    return "\n".join(_metrics_server(address, url, authorization) for address, url in sockets.items())


def _metrics_server(address: Address, url: str, authorization: str) -> str:
    return f"""server {{
    listen {address};
    access_log off;

    location = /metrics {{
        if ($http_authorization != "{authorization}") {{
            return 401;
        }}
        proxy_set_header Host localhost;
        proxy_set_header Authorization "";
        proxy_read_timeout 4s;
        proxy_pass {url};
    }}

    location / {{
        return 404;
    }}
}}
"""
