"""The parts of nginx's configuration that are made from settings; deploy/nginx/serve makes the same in a container."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from exactly_once.client import Address

#: Files under deploy/nginx that nginx.conf includes as they are.
INCLUDED = ("headers.conf", "problem.conf")


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
