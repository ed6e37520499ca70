"""Proof of an erasure: what a person wrote is looked for in every file of the topology, once all were rewritten."""

import base64
import json
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest
from redis import Redis

from agents.file_age import BASE_FILES, rewrite
from devstack.temporary import RunningStack
from exactly_once.client import Address, Nodes
from shop.api.examples import POSTAL_ADDRESS
from shop.domain.ports import Shop
from shop.repositories.keys import Keys
from tests.stack_fixtures import wait_until
from tests.store_access import run_once
from tests.system.shopping import Shopper

API = "/api/v1"
#: Commands of a data node may take as long while it saves.
TIMEOUT_S = 30.0
#: Milliseconds for which records may name the erased user's id, and nothing else about them: those of revoked tokens,
#: and the lists of refused requests.
ID_TTL_MS = 600_000


class Person:
    """What a person writes: a text for each kind, which nothing else in the topology has in any spelling."""

    def __init__(self) -> None:
        self.marks = {kind: f"zq{kind[:2]}{uuid.uuid4().hex[:14]}" for kind in KINDS}
        self.email = f"Ada.{self.marks['email']}@example.com"
        self.password = f"{self.marks['password']} Pferd & Batterie"
        self.name = f"Zoë {self.marks['name']} Łukasz"

    def forms(self) -> dict[str, bytes]:
        """Every spelling of every text, by what it is."""
        return {f"{kind} {way}": form for kind, mark in self.marks.items() for way, form in spellings(mark).items()}


KINDS = ("email", "name", "password", "new password", "agent", "address", "key", "query", "former email", "street")


def spellings(mark: str) -> dict[str, bytes]:
    """The bytes of a text as it is, in other cases, escaped, and within longer texts in Base64."""
    plain = {
        "raw": mark,
        "lower": mark.lower(),
        "upper": mark.upper(),
        "json": json.dumps(mark)[1:-1],
        "url": quote(mark),
        "form": quote_plus(mark),
        "hex": mark.encode().hex(),
    }
    spelt = {way: text.encode() for way, text in plain.items()}
    for shift in range(3):
        # Without the characters that depend on what stands before and after.
        whole = base64.b64encode(b"\0" * shift + mark.encode() + b"\0\0")
        spelt[f"base64 {shift}"] = whole[(8 * shift + 5) // 6 : (shift + len(mark)) * 8 // 6]
    return spelt


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def client(stack: RunningStack, person: Person) -> Iterator[httpx.Client]:
    """The person's program, which names itself and a forged address in each request."""
    headers = {
        "User-Agent": f"{person.marks['agent']}/1.0",
        "X-Forwarded-For": person.marks["address"],
        "Referer": f"https://{person.marks['address']}.example/",
    }
    with httpx.Client(base_url=f"{stack.base_url}{API}", timeout=30, headers=headers) as opened:
        yield opened


def sign_up(client: httpx.Client, person: Person) -> str:
    """Register, fail in every way, sign in, and return the user's id."""
    first = {"email": person.email, "password": person.password, "first_name": person.name, "last_name": person.name}
    user = client.post("/users/", json=first).raise_for_status().json()["id"]
    client.post("/users/", json=first)
    client.post("/users/", json={**first, "email": person.name})
    client.post("/users/", content=f'{{"email": "{person.email}", {person.password}')
    client.post("/auth/token/", json={"email": person.email, "password": f"no {person.marks['password']}"})
    client.post("/auth/token/", json={"email": person.marks["query"], "password": person.password})
    sign_in(client, person)
    return str(user)


def sign_in(client: httpx.Client, person: Person) -> None:
    answer = client.post("/auth/token/", json={"email": person.email, "password": person.password}).raise_for_status()
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"


def use_the_shop(client: httpx.Client, person: Person, product: str) -> None:
    """Write in every way in which a customer can, with success and without."""
    key = f"{person.marks['key']}-{product}"
    keyed = {"Idempotency-Key": key}
    one, too_many = ({"items": [{"product": product, "quantity": number}]} for number in (1, 10**6))
    bought = client.post("/purchases/", json=one, headers=keyed).raise_for_status().json()["id"]
    client.post("/purchases/", json=one, headers=keyed).raise_for_status()
    client.post("/purchases/", json=too_many, headers={"Idempotency-Key": f"{key}-2"})
    client.post("/purchases/", json={"items": [], person.marks["query"]: person.name})
    for _ in range(3):
        client.post("/purchases/", json=one).raise_for_status()
    client.post(f"/purchases/{bought}/cancel/", headers={"Idempotency-Key": f"{key}-3"})
    client.post(f"/purchases/{bought}/cancel/")
    buy_a_cart(client, person, product)
    client.get("/products/", params={"search": person.marks["query"], person.marks["query"]: person.name})
    client.get(f"/users/me/export/?{person.marks['query']}")
    client.get("/users/me/export/").raise_for_status()


def buy_a_cart(client: httpx.Client, person: Person, product: str) -> None:
    """Write the street into the list of addresses, into a cart that is bought, and into one that is not."""
    street = {**POSTAL_ADDRESS, "line_1": f"12 {person.marks['street']} Square"}
    client.post("/users/me/addresses/", json=street).raise_for_status()
    for _ in range(2):
        cart = client.post("/carts/", json={"currency": "EUR"}).raise_for_status().json()["id"]
        client.put(f"/carts/{cart}/lines/{product}/", json={"quantity": 1}).raise_for_status()
        client.patch(f"/carts/{cart}/", json={"shipping_address": street}).raise_for_status()
    client.post("/purchases/", json={"cart": cart}).raise_for_status()


def change_everything(client: httpx.Client, person: Person) -> None:
    """Give the user another address and another password, and sign in with both."""
    former, person.email = person.email, f"Ada.{person.marks['former email']}@example.com"
    change = {"email": person.email, "current_password": person.password, "first_name": f"{person.name} II"}
    client.patch("/users/me/", json={**change, "current_password": f"no {person.marks['password']}"})
    user = client.get("/users/me/").json()["id"]
    client.patch(f"/users/{user}/", json=change).raise_for_status()
    new = f"{person.marks['new password']} Heftklammer"
    client.post("/users/me/password/", json={"current": person.password, "new": new}).raise_for_status()
    person.password = new
    client.post("/auth/token/", json={"email": former, "password": person.password})
    sign_in(client, person)


def erase(client: httpx.Client, person: Person, user: str) -> None:
    client.request("DELETE", f"/users/{user}/", json={"current_password": f"no {person.marks['password']}"})
    body = {"current_password": person.password}
    assert client.request("DELETE", f"/users/{user}/", json=body).status_code == 204
    sign_in_again = client.post("/auth/token/", json={"email": person.email, "password": person.password})
    assert sign_in_again.status_code == 401


def rewrite_files(stack: RunningStack) -> None:
    """Write both files of every data node anew, without compression, so that every text is in them as it is."""
    for name, address in stack.layout.redis.items():
        directory = stack.layout.directory(name)
        before = bases(directory)
        run_once(address, ("CONFIG", "SET", "rdbcompression", "no"))
        with closing(Nodes(credentials=stack.layout.operator)) as nodes:
            rewrite(nodes, address)
            wait_until(lambda directory=directory, before=before: bool(bases(directory)) and bases(directory) != before)
            nodes[address].run(("SAVE",), timeout=TIMEOUT_S)
        run_once(address, ("CONFIG", "SET", "rdbcompression", "yes"))


def bases(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob(BASE_FILES))


def files(stack: RunningStack) -> list[Path]:
    """Every file of the topology: data, logs, metrics, configuration and whatever else is there. Files of mails are
    left out: they stand for what a mail server has sent, and an erasure does not take it back."""
    roots, mails = (stack.layout.run, stack.layout.memory), stack.layout.mails
    paths = (path for root in roots for path in root.rglob("*") if not path.is_relative_to(mails))
    return [path for path in paths if path.is_file()]


def found_in(paths: Sequence[Path], forms: dict[str, bytes]) -> list[tuple[str, str]]:
    """Where which form is found."""
    found = []
    for path in paths:
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # removed meanwhile, as the former file of a rewrite is
            continue
        found += [(path.name, way) for way, form in forms.items() if form in content]
    return found


#: How to read all of a key, by its type: the verb, and what follows the key.
READERS: dict[str, tuple[str | int, ...]] = {
    "string": ("GET",),
    "hash": ("HGETALL",),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", 0, -1),
    "stream": ("XRANGE", "-", "+"),
}


def records_with(stack: RunningStack, text: str) -> dict[str, int]:
    """The keys of the store whose name or value has this text, and in how many milliseconds each expires. The indexes
    of the catalogue are left out: they are of numbers, and no text."""
    catalogue = Keys(stack.layout.settings.store).product_ids.removesuffix("ids")
    address, found = stack.layout.redis[str(stack.primary)], {}
    with closing(Nodes(credentials=stack.layout.operator)) as nodes:
        (keys,) = nodes[address].run(("KEYS", "*"), timeout=TIMEOUT_S)
        for key in keys:
            if not key.startswith(catalogue):
                ttl_ms, kind = nodes[address].run(("PTTL", key), ("TYPE", key), timeout=TIMEOUT_S)
                if kind == "none":
                    # It has expired meanwhile.
                    continue
                verb, *bounds = READERS[kind]
                if key.startswith("cache:"):
                    value = cached(stack, address, key)
                else:
                    (value,) = nodes[address].run((verb, key, *bounds), timeout=TIMEOUT_S)
                if text in key or text in str(value):
                    found[key] = int(ttl_ms)
    return found


def cached(stack: RunningStack, address: Address, key: str) -> str:
    """A value of the shared cache, which compresses what is long."""
    username, password = stack.layout.operator.get_credentials()
    with Redis(*address, username=username, password=password, socket_timeout=TIMEOUT_S) as client:
        stored = client.get(key) or b""
    with suppress(zlib.error):
        return zlib.decompress(stored).decode()
    return stored.decode()


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_every_spelling_is_found_within_a_longer_text(before: str):
    text = f"{before}Marke7{before}"
    encoded = base64.b64encode(text.encode())
    assert [way for way, form in spellings("Marke7").items() if form in encoded] == [f"base64 {len(before) % 3}"]
    assert {"raw", "json", "url", "form"} <= {way for way, form in spellings("Marke7").items() if form in text.encode()}


def test_nothing_that_a_person_wrote_is_in_any_file_after_their_erasure(
    stack: RunningStack, client: httpx.Client, person: Person, staff: Shopper, store: Shop
):
    user = sign_up(client, person)
    use_the_shop(client, person, staff.new_product(stock=100))
    change_everything(client, person)
    use_the_shop(client, person, staff.new_product(stock=100))
    planted = {way for _, way in found_in(files(stack), person.forms())}
    assert {"email raw", "name raw", "former email raw", "street raw"} <= planted
    erase(client, person, user)
    wait_until(lambda: store.users.pending_erasures(0).count == 0)
    last = client.get("/products/").headers["X-Request-ID"]
    wait_until(lambda: last in stack.log("nginx"))
    rewrite_files(stack)
    assert found_in(files(stack), person.forms()) == []
    slow = [str(run_once(address, ("SLOWLOG", "GET", -1))) for address in stack.layout.redis.values()]
    assert [way for way, form in person.forms().items() if form.decode() in str(slow)] == []
    left = records_with(stack, user)
    keys = Keys(stack.layout.settings.store)
    # Audit, events and their deliveries have the id as a pseudonym until they are too old: docs/privacy.md says so.
    assert left.pop(keys.journal) is not None
    assert left.pop(keys.events) is not None
    left = {key: ttl_ms for key, ttl_ms in left.items() if not key.startswith(keys.delivery_prefix)}
    beginnings = (keys.token_prefix, keys.refusals(""))
    assert [key for key, ttl_ms in left.items() if not (key.startswith(beginnings) and 0 < ttl_ms <= ID_TTL_MS)] == []
