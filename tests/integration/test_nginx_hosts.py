"""nginx serves the shop for its own names alone, and believes the proxies alone that it is to believe."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.layout import INSTANCES, Layout
from devstack.render import nginx_files
from devstack.settings import Settings
from devstack.temporary import free_port
from tests.integration.edge import Instances, ask, assert_is_problem, connects, nginx, parsed, raw

#: As evergreen/settings.py has them.
SECURITY_HEADERS = (
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Content-Security-Policy",
    "X-Request-ID",
)
FORWARDED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    hosts = ("127.0.0.1", ".shop.example", "[::1]")
    return Layout(settings=Settings(run=tmp_path, port=free_port(), hosts=hosts))


@pytest.fixture
def misdirected(log: Path, layout: Layout, instances: Instances) -> Iterator[None]:
    """Afterwards, nothing has reached an instance."""
    yield
    assert not instances.seen


@pytest.mark.usefixtures("misdirected")
@pytest.mark.parametrize("host", ["evil.example", "10.0.0.5", "shop.example.evil", "localhost", "xshop.example"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v1/products/"), ("POST", "/api/login/"), ("GET", "/healthz")]
)
def test_a_request_for_another_host_is_answered_421(layout: Layout, host: str, method: str, path: str):
    answer = ask(layout, method, path, headers={"Host": host})
    assert_is_problem(answer, 421, "misdirected-request")
    assert [name for name in SECURITY_HEADERS if name not in answer[1]] == []


@pytest.mark.usefixtures("misdirected")
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /x HTTP/1.0\r\n\r\n",
        b"GET http://evil.example/x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
    ],
    ids=["no host", "absolute address"],
)
def test_a_request_whose_host_is_missing_or_in_its_address_is_answered_421(layout: Layout, request_bytes: bytes):
    assert_is_problem(parsed(raw(layout, request_bytes)), 421, "misdirected-request")


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "host", ["shop.example", "www.shop.example:8443", "SHOP.example", "shop.example.", "[::1]:8080"]
)
def test_every_form_of_the_shops_own_names_is_served(layout: Layout, host: str):
    assert ask(layout, "GET", "/api/v1/products/", headers={"Host": host})[0] == 200


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_balancer_that_knows_an_address_only_can_probe(layout: Layout, instances: Instances, path: str):
    assert ask(layout, "GET", path, headers={"Host": "10.0.0.5"})[0] == 200
    instances.broken = set(INSTANCES)
    assert_is_problem(ask(layout, "GET", path, headers={"Host": "10.0.0.5"}), 503, "store-unavailable")
    assert_is_problem(ask(layout, "POST", path, headers={"Host": "10.0.0.5"}), 421, "misdirected-request")


@pytest.mark.usefixtures("log")
def test_nginxs_own_answers_have_the_headers_of_the_shops(layout: Layout, instances: Instances):
    instances.broken = set(INSTANCES)
    for method, path in (("GET", "/metrics"), ("TRACE", "/"), ("GET", "/x"), ("POST", "/x")):
        headers = ask(layout, method, path, headers={"Host": "shop.example"})[1]
        assert [name for name in SECURITY_HEADERS if name not in headers] == [], (method, path)
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("misdirected")
@pytest.mark.parametrize("size", [7_200, 8_190, 8_200, 20_000])
def test_nginx_refuses_a_long_line_or_header_before_gunicorn_would(layout: Layout, size: int):
    line = b"GET /" + b"a" * size + b" HTTP/1.1\r\nHost: shop.example\r\n\r\n"
    header = b"GET / HTTP/1.1\r\nHost: shop.example\r\nX: " + b"b" * size + b"\r\n\r\n"
    for request in (line, header):
        assert_is_problem(parsed(raw(layout, request)), 400, "bad-request")


def forwarded(layout: Layout, instances: Instances) -> tuple[str, str]:
    """Client and scheme, as an instance sees them when a proxy at 127.0.0.1 sends both."""
    with nginx(layout, is_ready=connects):
        ask(layout, "GET", "/x", headers=FORWARDED)
    (seen,) = instances.seen
    return seen.headers["X-Forwarded-For"], seen.headers["X-Forwarded-Proto"]


def trusting(layout: Layout, *networks: str) -> Layout:
    return Layout(settings=dataclasses.replace(layout.settings, trusted_proxies=networks))


@pytest.mark.parametrize("networks", [(), ("10.0.0.0/8",)])
def test_a_proxy_that_is_not_named_is_not_believed(layout: Layout, instances: Instances, networks: tuple[str, ...]):
    assert forwarded(trusting(layout, *networks), instances) == ("127.0.0.1", "http")


def test_a_proxy_that_is_named_says_who_the_client_is_and_how_it_came(layout: Layout, instances: Instances):
    assert forwarded(trusting(layout, "10.0.0.0/8", "127.0.0.1/32", "fd00::/8"), instances) == ("203.0.113.7", "https")


def test_of_a_chain_the_last_address_that_is_no_trusted_proxy_counts(layout: Layout, instances: Instances):
    with nginx(trusting(layout, "127.0.0.1/32", "10.0.0.0/8"), is_ready=connects):
        ask(layout, "GET", "/x", headers={"X-Forwarded-For": "1.2.3.4, 203.0.113.7, 10.1.2.3"})
    assert instances.seen[0].headers["X-Forwarded-For"] == "203.0.113.7"


def test_every_file_that_nginx_includes_is_made(layout: Layout):
    named = {
        "cache",
        "cache-lifetime",
        "instances",
        "read-instances",
        "write-instances",
        "overflow-instances",
        "asked-instances",
        "hosts",
        "proxies",
        "rates",
        "headers",
        "problem",
        "upstream-tls",
        "nginx",
    }
    assert {f"{name}.conf" for name in named} == set(nginx_files(layout))
