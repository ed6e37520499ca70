"""The shop as one side of a comparison: behind an nginx, with two gunicorns, and as many products as the other side."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from devstack import credentials, lifecycle, render, supervision
from devstack.layout import Layout
from devstack.temporary import running
from exactly_once.requests import WriteRequest
from operations import store_users
from shop.bootstrap import Configuration, Container
from shop.domain.products import Product
from shop.seeding import madeup

NETWORK = "127.25"
START_TIMEOUT_S = 60.0
PRODUCTS, BATCH, STOCK = 1_000, 200, 10**6
PASSWORD = "a horse measures batteries"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One side: where it listens, its process ids by kind, a customer's token, and the ids of its products."""

    port: int
    processes: Mapping[str, Sequence[int]]
    token: str
    products: Sequence[str]


def products_for_sale() -> Sequence[Product]:
    """The same products on both sides, with more stock than a run buys."""
    section = madeup.plan(madeup.Numbers(users=1, products=PRODUCTS, purchases=0, seed=1)).products
    return [replace(section.make(place), stock=STOCK) for place in range(PRODUCTS)]


@contextlib.contextmanager
def topology() -> Iterator[Layout]:
    """The whole stack, empty, in a directory of its own."""
    with running(NETWORK, lifecycle.EVERYTHING) as started:
        started.wait_until_serving()
        yield started.layout


@contextlib.contextmanager
def shop() -> Iterator[Side]:
    """The shop: every process of its topology."""
    with topology() as layout, contextlib.closing(container(layout)) as parts:
        products = products_for_sale()
        for start in range(0, len(products), BATCH):
            parts.shop.products.create_all([(_request(), product) for product in products[start : start + BATCH]])
        pids: dict[str, list[int]] = {}
        for name, process in supervision.processes(layout).items():
            pids.setdefault(render.kind(name), []).append(process.pid)
        yield Side(
            port=layout.nginx.port,
            processes=pids,
            token=_sign_up(layout.nginx.port),
            products=[p.id for p in products],
        )


def container(layout: Layout) -> Container:
    """The repositories, on this topology."""
    return Container(
        Configuration(
            store=layout.settings.store,
            master_name=layout.settings.primary_name,
            sentinels=list(layout.sentinels.values()),
            secret_key=credentials.secret_key(layout),
            credentials=layout.secrets.credentials(store_users.API),
        )
    )


def _request() -> WriteRequest:
    id = uuid4().hex
    return WriteRequest(
        id=id, idempotency_key=id, fingerprint=id, ttl_s=60, deadline=time.monotonic() + START_TIMEOUT_S
    )


def _sign_up(port: int) -> str:
    account = {"email": "bench@example.com", "password": PASSWORD}
    _post(port, "/api/v1/users/", {**account, "first_name": "Ben", "last_name": "Mark"})
    return str(_post(port, "/api/v1/auth/token/", account)["token"])


def _post(port: int, path: str, body: Mapping[str, str]) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT_S)
    with contextlib.closing(connection):
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
