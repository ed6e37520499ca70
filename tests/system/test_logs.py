"""What the logs of the whole topology hold, and what they never hold."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from urllib.parse import quote

import httpx
import pytest

from devstack.settings import ROOT
from devstack.temporary import RunningStack
from shop.repositories.keys import Keys
from tests.stack_fixtures import instance_client, wait_until
from tests.store_access import run_once
from tests.system.shopping import Load, Shopper

PLAIN = re.compile(r"(redis|sentinel)-\d|nginx-errors|supervisor")
#: What Redis and its Sentinels write: process, role, instant and level, or the instant at which a signal came.
SERVERS_OWN = re.compile(r"\d+:([XCSM] \d\d \w{3} \d{4} [\d:.]{12} [.\-*#]|signal-handler \(\d+\)) .*")


class Planted:
    """What somebody tells the shop of themselves, in a form that is found again wherever it turns up."""

    def __init__(self) -> None:
        self.mark, self.secret = f"zq{uuid.uuid4().hex[:12]}", f"xw{uuid.uuid4().hex[:12]}"
        self.email = f"ada.{self.mark}@example.com"
        self.password = f"{self.secret} horse battery"
        self.name = f"Lovelace {self.mark}"
        self.token = f"evg_{self.secret}"

    def is_in(self, text: str) -> bool:
        return self.mark in text.lower() or self.secret in text.lower()

    @property
    def registration(self) -> dict[str, str]:
        names = {"first_name": self.name, "last_name": self.name}
        return {"email": self.email, "password": self.password, **names}


@pytest.fixture
def planted() -> Planted:
    return Planted()


@pytest.fixture
def client(stack: RunningStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.base_url, timeout=30) as opened:
        yield opened


def written(stack: RunningStack) -> dict[str, str]:
    """Everything in every log of the stack, rotated ones included."""
    return {path.name: path.read_text(errors="replace") for path in stack.layout.logs.iterdir()}


def wait_for(stack: RunningStack, id: str) -> None:
    """Returns when the request of this id, the last one of the test, is in nginx's log."""
    wait_until(lambda: id in stack.log("nginx"))


def raw(stack: RunningStack, request: bytes) -> None:
    with socket.create_connection(stack.layout.nginx, timeout=5) as connection:
        connection.sendall(request)
        connection.recv(65536)


def raw_to_instance(stack: RunningStack, name: str, request: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(stack.layout.socket(name)))
        connection.sendall(request)
        connection.recv(65536)


def use_the_shop(client: httpx.Client, planted: Planted) -> None:
    """In every way in which a person's data goes in: bodies, forms, queries, paths and headers, right and wrong."""
    api, mark = "/api/v1", planted.mark
    answer = client.post(f"{api}/users/", json=planted.registration)
    assert answer.status_code == 201, answer.text
    client.post(f"{api}/users/", json=planted.registration)
    client.post(f"{api}/users/", json={**planted.registration, "email": planted.name})
    client.post(f"{api}/users/", content=f'{{"email": "{planted.email}", "password": {planted.password}')
    token = client.post(f"{api}/auth/token/", json={"email": planted.email, "password": planted.password})
    bearer = {"Authorization": f"Bearer {token.json()['token']}"}
    client.post(f"{api}/auth/token/", json={"email": planted.email, "password": f"wrong {mark}"})
    client.patch(f"{api}/users/me/", json={"first_name": f"Countess {planted.name}"}, headers=bearer)
    client.post(
        f"{api}/users/me/password/", json={"current": planted.password, "new": f"new {planted.secret}"}, headers=bearer
    )
    client.post(
        f"{api}/purchases/", json={"items": [], mark: planted.name}, headers={**bearer, "Idempotency-Key": mark}
    )
    client.get(f"{api}/users/", params={"search": planted.email}, headers=bearer)
    client.get(f"{api}/products/", params={"search": planted.name, "cursor": planted.email, mark: mark})
    for path in (f"/users/{planted.email}/", f"/{mark}/", f"/products/by-sku/{mark}/", f"/{quote(planted.name)}/role/"):
        client.post(f"{api}{path}?token={planted.token}", json=planted.registration, headers=bearer)
        client.get(f"{api}{path}", headers=bearer)
    headers = {"Cookie": f"evergreen_token={planted.token}", "X-Request-ID": mark, "Referer": f"http://a/{mark}"}
    client.get(f"{api}/users/me/", headers={**headers, "User-Agent": planted.email, "X-Forwarded-For": mark})
    client.get(f"{api}/users/me/", headers={"Authorization": f"Bearer {planted.token}"})
    client.get(f"{api}/products/", headers={"Host": f"{mark}.example.com", "Accept": mark, "If-None-Match": mark})
    client.post("/api/login/", data={"email": planted.email, "password": f"wrong {mark}", "next": f"//{mark}"})
    client.request(mark.upper(), f"{api}/products/")


def break_http(stack: RunningStack, planted: Planted) -> None:
    """Requests that are none, through nginx and at an instance itself."""
    mark = planted.mark.encode()
    for request in (
        b"%s %s\r\n\r\n" % (mark, mark),
        b"GET /%s%%zz HTTP/1.1\r\nHost: %s\r\n\r\n" % (mark, mark),
        b"GET /?%s HTTP/1.1\r\nHost: a b %s\r\nX %s: %s\r\n\r\n" % (mark, mark, mark, mark),
        b"GET /%s HTTP/9.9\r\nHost: a\r\n\r\n" % mark,
        b"POST /%s HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n" % (mark, mark),
        b"GET /%s HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (mark, mark * 4000),
    ):
        raw(stack, request)
    for request in (
        b"GET /%s HTTP/1.1\r\nHost: a\r\nX %s: %s\r\n\r\n" % (mark, mark, mark),
        b"%s / HTTP/1.1 %s\r\n\r\n" % (mark, mark),
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n" % mark,
    ):
        raw_to_instance(stack, "api-1", request)


def test_nothing_personal_is_in_any_log(stack: RunningStack, client: httpx.Client, planted: Planted):
    use_the_shop(client, planted)
    break_http(stack, planted)
    wait_for(stack, client.get("/livez").headers["X-Request-ID"])
    assert [name for name, text in written(stack).items() if planted.is_in(text)] == []


def test_nothing_personal_is_logged_by_what_fails(stack: RunningStack, client: httpx.Client, planted: Planted):
    user = client.post("/api/v1/users/", json=planted.registration).json()["id"]
    with spoilt(stack, user, planted.name):
        failed = client.post("/api/v1/auth/token/", json={"email": planted.email, "password": planted.password})
    id = failed.headers["X-Request-ID"]
    wait_for(stack, id)
    assert failed.status_code == 500
    assert [name for name, text in written(stack).items() if planted.is_in(text)] == []
    (trace,) = (
        line for line in lines_of(stack, "api-1", "api-2") if line.get("request_id") == id and "exception" in line
    )
    assert trace["exception"].endswith("\nValueError")


@contextlib.contextmanager
def spoilt(stack: RunningStack, user: str, value: str) -> Iterator[None]:
    """This user with an instant that is none, so that whatever reads them fails, and says over what."""
    record = Keys(stack.layout.settings.store).user(user)
    (before,) = run_once(stack.nodes[str(stack.primary)].address, ("HGET", record, "created_at"))
    run_once(stack.nodes[str(stack.primary)].address, ("HSET", record, "created_at", value))
    yield
    run_once(stack.nodes[str(stack.primary)].address, ("HSET", record, "created_at", before))


def test_an_instance_that_dies_with_a_request_in_hand_logs_nothing_personal(
    stack: RunningStack, client: httpx.Client, planted: Planted
):
    stack.stop("api-1", "api-2")
    try:
        answer = client.post(f"/api/v1/users/{planted.mark}?q={planted.email}", json=planted.registration)
        assert answer.status_code == 503
        wait_for(stack, answer.headers["X-Request-ID"])
    finally:
        stack.start("api-1", "api-2")
        stack.wait_until_serving()
    assert [name for name, text in written(stack).items() if planted.is_in(text)] == []


def test_every_line_is_json_but_for_what_servers_say_of_themselves(stack: RunningStack, staff: Shopper):
    staff.new_product(stock=1)
    plain = {
        path.name: [line for line in path.read_text().splitlines() if not is_json(line)]
        for path in stack.layout.logs.iterdir()
        if not PLAIN.match(path.name)
    }
    assert {"api-1.log", "api-2.log", "nginx.log"} <= plain.keys()
    assert [name for name, lines in plain.items() if lines] == []


@pytest.mark.parametrize("name", ["redis-1", "sentinel-1"])
def test_what_redis_says_has_the_form_in_which_it_is_read(stack: RunningStack, name: str):
    own = [line for line in stack.log(name).splitlines() if not is_json(line)]
    assert [line for line in own if not SERVERS_OWN.match(line)] == []
    assert own


MAX_KILLS = 10


def test_a_request_is_followed_through_a_killed_instance_and_its_repeat(
    stack: RunningStack, staff: Shopper, shopper: Callable[..., Shopper]
):
    buyers = [shopper() for _ in range(4)]
    load = Load(buyers=buyers, readers=(), product=staff.new_product(stock=100_000))
    with load:
        wait_until(lambda: len(load.bought) > 20)
        # An instance that is killed between two of its requests may be back before the next one.
        for _ in range(MAX_KILLS):
            # The shop serves by the other one, too: what was killed may not be back yet.
            wait_until(lambda: serves(stack, "api-1"))
            stack.kill("api-1")
            stack.wait_until_serving()
            if repeated(stack):
                break
    # Where the machine is so busy that the other instance is late as well, a client is asked to repeat the request.
    assert [text for text in load.failures if not is_to_be_repeated(text)] == []
    line = repeated(stack)[0]
    spans = followed(stack, line["request_id"])
    said = [(span["process"], span["what"], span["status"]) for span in spans]
    assert said[0] == ("nginx", "received POST /api/v1/purchases/", None)
    assert said[1:3] == [("nginx", "sent to api-1", 502), ("nginx", "sent again to api-2", 201)]
    assert ("api-2", f"POST purchases-list, user {line['user']}", 201) in said
    assert said[-1] == ("nginx", "answered after 1 repeat", 201)


def serves(stack: RunningStack, name: str) -> bool:
    """Whether this instance runs, and answers."""
    with contextlib.suppress(httpx.HTTPError), instance_client(stack.layout.socket(name)) as client:
        return stack.pid(name) > 0 and client.get("/livez").is_success
    return False


def is_to_be_repeated(answer: str) -> bool:
    """Whether the answer is a problem after which a client repeats its request, under the same key."""
    return is_json(answer) and json.loads(answer).get("code") in ("store-unavailable", "outcome-unknown")


def repeated(stack: RunningStack) -> list[dict]:
    """The lines about purchases that nginx took from api-1 to api-2."""
    lines = lines_of(stack, "nginx")
    return [
        line
        for line in lines
        if (line["uri"], line["repeats"], line["status"]) == ("/api/v1/purchases/", 1, 201)
        and "api-2" in line["upstream"][-10:]
    ]


def followed(stack: RunningStack, id: str) -> list[dict]:
    command = [sys.executable, "manage.py", "logs", "--json", "--request", id]
    environment = {**os.environ, **stack.environment}
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)["spans"]


def is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def lines_of(stack: RunningStack, *names: str) -> list[dict]:
    """The lines of these logs; the last one may still be half written."""
    whole = (stack.log(name).rpartition("\n")[0] for name in names)
    return [json.loads(line) for text in whole for line in text.splitlines()]
