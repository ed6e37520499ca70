"""Rate limits of an address: nginx refuses a flood before it reaches an instance."""

import contextlib
import dataclasses
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from configuration.rates import Rate
from devstack import render
from devstack.edge import DEFAULT_LIMITS, NO_LIMITS, RateLimits
from devstack.layout import NGINX
from tests.integration.edge import Layout, ask, assert_is_problem, connects, nginx
from tests.stack_fixtures import wait_until

BURST = 5
#: So slow that none is admitted again while a test runs.
LIMIT = Rate(1, "m", BURST)
#: As nginx counts: the burst, and one.
ADMITTED = BURST + 1
REQUESTS = {
    "reads": ("GET", "/api/v1/products/"),
    "writes": ("POST", "/api/v1/purchases/"),
    "sign-in": ("POST", "/api/v1/auth/token/"),
    "registration": ("POST", "/api/v1/users/"),
}


def limited(layout: Layout, *, trusted_proxies: tuple[str, ...] = (), **changes: object) -> Layout:
    limits = NO_LIMITS._replace(**changes)
    return Layout(settings=dataclasses.replace(layout.settings, address_limits=limits, trusted_proxies=trusted_proxies))


def rates(**chosen: Rate) -> dict[str, Rate | None]:
    return {**NO_LIMITS.rates, **chosen}


@pytest.fixture
def everything_limited(layout: Layout, instances) -> Iterator[Layout]:
    """nginx with the same limit for every class; addresses are those that a proxy on this machine names."""
    found = limited(layout, rates=dict.fromkeys(REQUESTS, LIMIT), trusted_proxies=("127.0.0.1/32",))
    with nginx(found, is_ready=connects):
        yield found


def statuses(layout: Layout, name: str, count: int, address: str = "192.0.2.1") -> list[int]:
    return [ask(layout, *REQUESTS[name], headers={"X-Forwarded-For": address})[0] for _ in range(count)]


@pytest.mark.parametrize("name", REQUESTS)
def test_a_class_admits_its_burst_and_leaves_the_others_alone(everything_limited, instances, name):
    assert statuses(everything_limited, name, ADMITTED + 2) == [200] * ADMITTED + [429] * 2
    assert len(instances.seen) == ADMITTED
    assert [statuses(everything_limited, other, 1) for other in REQUESTS if other != name] == [[200]] * 3


def test_a_refusal_is_a_problem_that_says_when_to_come_again(everything_limited):
    statuses(everything_limited, "sign-in", ADMITTED)
    answer = ask(everything_limited, *REQUESTS["sign-in"], headers={"X-Forwarded-For": "192.0.2.1"})
    assert_is_problem(answer, 429, "rate-limited")
    headers = answer[1]
    assert headers["Retry-After"] == "60"
    assert headers["RateLimit-Policy"] == '"address-sign-in";q=5;w=300'
    assert headers["RateLimit"] == '"address-sign-in";r=0;t=60'


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_addresses_share_a_limit_within_a_64_of_ipv6_alone(everything_limited, first, second, is_same):
    assert statuses(everything_limited, "reads", ADMITTED, first) == [200] * ADMITTED
    assert statuses(everything_limited, "reads", 1, second) == [429 if is_same else 200]


def test_a_repeat_on_the_other_instance_is_charged_once(everything_limited, instances):
    instances.broken.add("api-1")
    assert statuses(everything_limited, "writes", ADMITTED) == [200] * ADMITTED
    assert len(instances.seen) > ADMITTED


def test_an_unlimited_network_is_not_limited(layout, instances):
    found = limited(layout, rates=rates(reads=Rate(1, "m", 1)), connections=1, unlimited=("127.0.0.0/8",))
    with nginx(found):
        assert {ask(found, "GET", "/x")[0] for _ in range(5)} == {200}


def limits_logged(layout: Layout) -> list[str]:
    lines = [json.loads(line) for line in layout.log(NGINX).read_text().splitlines()]
    # Workers write their lines one after another.
    return sorted(line["limited"] for line in lines if line["method"] == "POST")


def test_the_access_log_says_which_limit_refused(layout, instances):
    found = limited(layout, rates=rates(writes=Rate(1, "m", 1)))
    with nginx(found):
        for _ in range(3):
            ask(found, "POST", "/x")
        wait_until(lambda: len(limits_logged(found)) == 3)
    assert limits_logged(found) == ["", "", "writes"]


def test_requests_of_one_address_at_once_are_limited(layout, instances):
    found = limited(layout, connections=3)
    instances.frozen |= {"api-1", "api-2"}
    with nginx(found), ThreadPoolExecutor(8) as clients:
        answers = [clients.submit(ask, found, "GET", "/x") for _ in range(8)]
        wait_until(lambda: sum(answer.done() for answer in answers) == 5)
        instances.thawed.set()
        refused = [answer.result() for answer in answers if answer.result()[0] == 429]
    assert len(refused) == 5
    assert_is_problem(refused[0], 429, "rate-limited")
    assert refused[0][1]["Retry-After"] == "1"


SLOW = {
    "a header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "a body": b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx",
}


@pytest.mark.parametrize("begun", SLOW.values(), ids=SLOW)
def test_a_client_that_stops_in_the_middle_is_cut_off(layout, instances, begun, monkeypatch):
    written = layout.directory(NGINX) / "nginx.conf"

    def shorten(text: str) -> str:
        assert text.count(" 5s;") >= 2
        return text.replace("_timeout 5s;", "_timeout 300ms;")

    whole = render.nginx
    monkeypatch.setattr(render, "nginx", lambda each: shorten(whole(each)))
    with nginx(layout), socket.create_connection(layout.nginx, timeout=5) as connection:
        assert "300ms" in written.read_text()
        connection.sendall(begun)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""
    assert not [seen for seen in instances.seen if seen.path == "/x"]


def test_slow_bodies_of_one_address_take_no_more_places_than_its_limit(layout, instances):
    found = limited(layout, connections=3)
    with nginx(found), ExitStack() as connections:
        begun = [connections.enter_context(socket.create_connection(found.nginx, timeout=5)) for _ in range(5)]
        for each in begun:
            each.sendall(SLOW["a body"])
        refused = [each for each in begun if _is_answered(each)]
    assert len(refused) == 2


def _is_answered(connection: socket.socket) -> bool:
    connection.settimeout(0.5)
    try:
        return b" 429 " in connection.recv(100)
    except TimeoutError:
        return False


def test_defaults_are_limits():
    assert isinstance(DEFAULT_LIMITS, RateLimits)
    assert all(DEFAULT_LIMITS.rates.values())
    assert DEFAULT_LIMITS.connections


def unread_bytes(connection: socket.socket) -> int:
    """What the system holds of nginx's that this connection has not taken."""
    server, client = (f"{end[1]:04X}" for end in (connection.getpeername(), connection.getsockname()))
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if (local[-4:], remote[-4:]) == (server, client):
            return int(queues.split(":")[0], 16)
    return 0


def test_a_slow_client_has_little_to_take_until_nginx_goes_on(layout, instances):
    instances.body = lambda seen: b"a" * 12_000_000
    held = [0]

    def has_stalled() -> bool:
        held.append(unread_bytes(client))
        return held[-1] == held[-2] > 0

    with nginx(layout, is_ready=connects), socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect(layout.nginx)
        client.sendall(b"GET /api/v1/products/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(has_stalled)
    # The system doubles what is set, for what it needs itself.
    assert held[-1] <= 2 * 256 * 1024
