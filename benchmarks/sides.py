"""The two sides of a comparison, each behind an nginx and with two gunicorns of the same settings, selling the same."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis

from devstack import credentials, lifecycle, render, servers, supervision
from devstack.layout import INSTANCES, NGINX, Layout
from devstack.settings import ROOT, Settings
from devstack.temporary import free_port, running
from exactly_once.requests import WriteRequest
from shop.bootstrap import Configuration, Container
from shop.domain.products import Product
from shop.repositories.records import of_product
from shop.seeding import madeup

NETWORK = "127.25"
PATIENCE = 60.0
PRODUCTS, BATCH, PLENTY = 1_000, 200, 10**6
PASSWORD = "a horse measures batteries"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """Where it listens, its processes by kind, somebody's token, and the ids of what it sells."""

    port: int
    processes: Mapping[str, Sequence[int]]
    token: str
    products: Sequence[str]


def what_is_sold() -> Sequence[Product]:
    """The same on both sides, and more of it than anybody buys."""
    section = madeup.plan(madeup.Numbers(users=1, products=PRODUCTS, purchases=0, seed=1)).products
    return [replace(section.make(place), stock=PLENTY) for place in range(PRODUCTS)]


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
        products = what_is_sold()
        for start in range(0, len(products), BATCH):
            parts.shop.products.create_all([(_request(), product) for product in products[start : start + BATCH]])
        pids: dict[str, list[int]] = {}
        for name, process in supervision.processes(layout).items():
            pids.setdefault(render.kind(name), []).append(process.pid)
        yield Side(
            port=layout.nginx.port,
            processes=pids,
            token=_signed_up(layout.nginx.port),
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
        )
    )


def _request() -> WriteRequest:
    id = uuid4().hex
    return WriteRequest(id=id, idempotency_key=id, fingerprint=id, ttl_s=60, deadline=time.time() + PATIENCE)


def _signed_up(port: int) -> str:
    account = {"email": "bench@example.com", "password": PASSWORD}
    _post(port, "/api/v1/users/", {**account, "first_name": "Ben", "last_name": "Mark"})
    return str(_post(port, "/api/v1/auth/token/", account)["token"])


def _post(port: int, path: str, body: Mapping[str, str]) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())


@contextlib.contextmanager
def peer() -> Iterator[Side]:
    """The plain peer: nginx, two gunicorns and one Redis."""
    with tempfile.TemporaryDirectory(prefix="evergreen-peer-") as directory, contextlib.ExitStack() as running:
        layout = Layout(settings=Settings(run=Path(directory), port=free_port()))
        for name in (*INSTANCES, NGINX):
            layout.directory(name).mkdir()
        redis_port, programs = free_port(), servers.find(layout.settings)
        commands = {
            "redis": [[str(programs.redis), "--port", str(redis_port), "--dir", directory, "--appendonly", "yes"]],
            "api": [[*render.command(layout, programs, name)[:-1], "benchmarks.peer.wsgi"] for name in INSTANCES],
            "nginx": [render.command(layout, programs, NGINX)],
        }
        (layout.directory(NGINX) / "nginx.conf").write_text(render.nginx(layout))
        sockets = {"api": [f"unix:{layout.socket(name)}" for name in INSTANCES]}
        pids = {
            kind: [
                running.enter_context(_process(command, bind, redis_port))
                for command, bind in zip(some, sockets.get(kind, [""]), strict=True)
            ]
            for kind, some in commands.items()
        }
        _fill(redis_port, what_is_sold())
        _wait_until_open([*map(layout.socket, INSTANCES)], layout.nginx.port)
        yield Side(
            port=layout.nginx.port, processes=pids, token="token", products=[product.id for product in what_is_sold()]
        )


@contextlib.contextmanager
def _process(command: Sequence[str], bind: str, redis_port: int) -> Iterator[int]:
    environment = {**os.environ, "GUNICORN_BIND": bind, "PEER_REDIS_PORT": str(redis_port)}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _fill(port: int, products: Sequence[Product]) -> None:
    client = redis.Redis(port=port, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.1), 100))
    client.set("token:token", "somebody")
    for product in products:
        record = {**of_product(product), "stock": product.stock, "price": str(product.price)}
        instants = {name: getattr(product, name).isoformat() for name in ("created_at", "updated_at")}
        client.hset(f"product:{product.id}", mapping={**record, **instants})
        client.zadd("products", {product.id: product.created_at.timestamp()})


def _wait_until_open(paths: Sequence[Path], port: int) -> None:
    end = time.monotonic() + PATIENCE
    while not (all(path.exists() for path in paths) and _is_open(port)):
        if time.monotonic() > end:
            sys.exit("The peer does not start.")
        time.sleep(0.1)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
