"""People who use the shop through nginx, as the tests need them: many, at once, and never trying twice."""

import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from chaos import stage
from devstack.temporary import RunningStack
from shop.bootstrap import Configuration, Container
from shop.domain.callers import Role
from shop.domain.ports import Shop
from tests.stack_fixtures import wait_until

TIMEOUT_S = 30.0
#: What a product under load begins with.
STOCK = 100_000


def assembled(stack: RunningStack, durability: str = "replicated", **settings: Any) -> Container:
    """The shop of this topology, without HTTP, and with these further settings."""
    layout = stack.layout
    return Container(
        Configuration(
            store=layout.settings.store,
            master_name=layout.settings.primary_name,
            sentinels=[tuple(address) for address in layout.sentinels.values()],
            credentials=layout.secrets.credentials("api"),
            secret_key=stack.environment["SECRET_KEY"],
            durability=durability,
            **settings,
        )
    )


def signed_in(shop: Shop, role: Role = Role.CUSTOMER) -> dict[str, str]:
    """The headers of a new user."""
    return {"Authorization": f"Bearer {stage.create_person(shop, role).token}"}


def at_once(number: int, call: Callable[[int], httpx.Response]) -> Sequence[httpx.Response]:
    """The answers to as many calls, all of them let go together."""
    gate = threading.Barrier(number)

    def wait_and_call(place: int) -> httpx.Response:
        gate.wait()
        return call(place)

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(wait_and_call, range(number)))


@dataclass(kw_only=True)
class Shopper:
    """Somebody who calls the API through nginx, and tries nothing twice."""

    api: str
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> httpx.Response:
        return self._call("GET", path, self.headers)

    def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {**self.headers, "Idempotency-Key": key} if key else self.headers
        return self._call("POST", path, headers, json={} if body is None else body)

    def _call(self, method: str, path: str, headers: dict[str, str], **body: Any) -> httpx.Response:
        # A client for each call: one that threads share closes, now and then, a socket that another has just opened.
        with httpx.Client(base_url=self.api, timeout=TIMEOUT_S, verify=False) as client:
            return client.request(method, path, headers=headers, **body)

    def new_product(self, stock: int, sku: str = "") -> str:
        """The id of a new product, for staff."""
        body = {"sku": sku or uuid.uuid4().hex, "name": "Green tea", "price": "4.20", "currency": "EUR", "stock": stock}
        answer = self.post("/products/", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def buy(self, product: str, quantity: int = 1, key: str | None = None) -> httpx.Response:
        return self.post("/purchases/", {"items": [{"product": product, "quantity": quantity}]}, key)

    def stock(self, product: str) -> int:
        return int(self.get(f"/products/{product}/").json()["stock"])


@dataclass(kw_only=True)
class Load:
    """Buyers and readers who go on until they are told to stop, and write down what they were told."""

    buyers: Sequence[Shopper]
    readers: Sequence[Shopper]
    product: str
    pause: float = 0.02
    bought: list[str] = field(default_factory=list)
    reads: int = 0
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> "Load":
        self._stop = threading.Event()
        calls = [(self._buy, buyer) for buyer in self.buyers] + [(self._read, reader) for reader in self.readers]
        self._threads = [threading.Thread(target=self._repeat, args=call) for call in calls]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, call: Callable[[Shopper], None], shopper: Shopper) -> None:
        while not self._stop.wait(self.pause):
            try:
                call(shopper)
            except httpx.HTTPError as error:
                self.failures.append(repr(error))

    def _buy(self, buyer: Shopper) -> None:
        answer = buyer.buy(self.product)
        if answer.status_code == 201:
            self.bought.append(answer.json()["id"])
        else:
            self.failures.append(answer.text)

    def _read(self, reader: Shopper) -> None:
        for path in ("/products/?page_size=5", f"/products/{self.product}/"):
            answer = reader.get(path)
            self.reads += 1
            if answer.status_code != 200:
                self.failures.append(answer.text)


def go_on(load: Load, purchases: int) -> None:
    """Returns when so many more purchases were made, or something failed."""
    enough = len(load.bought) + purchases
    wait_until(lambda: len(load.bought) >= enough or bool(load.failures))


def check(load: Load, staff: Shopper) -> None:
    """Nothing failed, and the store holds what was sold, once."""
    assert load.failures == []
    assert load.reads > 0
    check_what_was_sold(load, staff)


def check_what_was_sold(load: Load, staff: Shopper) -> None:
    """The store holds what the buyers were told that they bought, once, and the rest is in stock."""
    kept = all_purchases(staff, load.product)
    assert len(kept) == len(set(kept))
    assert set(kept) == set(load.bought)
    assert staff.stock(load.product) == STOCK - len(load.bought)


def all_purchases(staff: Shopper, product: str) -> list[str]:
    """Every purchase of this product that the store holds, newest first, page after page."""
    found, path = [], "/purchases/?page_size=100"
    while path:
        page = staff.get(path).json()
        found += [p["id"] for p in page["results"] if p["items"][0]["product"] == product]
        path = page["next"]
    return found
