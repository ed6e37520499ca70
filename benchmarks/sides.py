"""The shop as one side of a comparison: every process of its topology, with everything on."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from benchmarks.side import BEFORE, SHOP, Side
from chaos.stage import create_person
from configuration import rate_limits, server
from configuration.rates import Rate
from devstack import credentials, edge, lifecycle, render, supervision
from devstack.layout import Layout
from devstack.temporary import SHOP_VARIABLES, RunningStack, running
from exactly_once.requests import WriteRequest
from operations import store_users
from shop.bootstrap import Configuration, Container
from shop.domain.products import Product
from shop.seeding import madeup

NETWORK = "127.25"
TIMEOUT_S, TTL_S = 60.0, 10
#: Products of one round trip, and round trips at once.
BATCH, THREADS = 50, 2
STOCK = 10**6
#: The highest limit of connections that nginx knows.
MAX_NGINX_CONNECTIONS = 65_535
#: So high that no load reaches it: a limit that is on costs the same whether or not it refuses.
NEVER_REACHED = Rate(1_000_000, "s", 1_000_000)
CALLER_LIMITS = {each.name: str(NEVER_REACHED) for each in rate_limits.CALLER_RATES}
ADDRESS_LIMITS = edge.RateLimits(dict.fromkeys(rate_limits.ADDRESS_RATES, NEVER_REACHED), MAX_NGINX_CONNECTIONS)


def products_for_sale(count: int) -> Sequence[Product]:
    """So many products, with more stock than a run buys."""
    section = madeup.plan(madeup.Numbers(users=1, products=count, purchases=0, seed=1)).products
    return [replace(section.make(place), stock=STOCK) for place in range(count)]


#: The cache of the catalogue is on in a stack that is installed, and off in a temporary one.
CACHE = {"catalogue_cache_s": 1}


@contextlib.contextmanager
def topology(workers: int = 1, **settings: Any) -> Iterator[RunningStack]:
    """The whole stack, empty, in a directory of its own, with rate limits and cache that are on and so many workers in
    each instance; further `settings` are those of the stack."""
    settings = {"address_limits": ADDRESS_LIMITS, "caller_limits": CALLER_LIMITS, **CACHE, **settings}
    variables = {**SHOP_VARIABLES, server.WORKERS.name: str(workers)}
    with running(NETWORK, lifecycle.EVERYTHING, shop_variables=variables, workers=workers, **settings) as started:
        started.wait_until_serving()
        yield started


@contextlib.contextmanager
def shop(products: Sequence[Product], customers: int, progress: Callable[[int], object]) -> Iterator[Side]:
    """The shop with these products and so many customers. `progress` is called with the number of products of each
    step."""
    with topology() as started:
        yield filled(started, products, customers, progress)


@contextlib.contextmanager
def shop_of(tree: Path, products: int, customers: int) -> Iterator[Side]:
    """The shop of another tree of files, which has benchmarks/serve.py, with so many products and customers."""
    numbers = ["--products", str(products), "--customers", str(customers)]
    words = [sys.executable, "-m", "benchmarks.serve", *numbers]
    with subprocess.Popen(words, cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"The shop in {tree} does not start.")
        try:
            yield Side(**{**orjson.loads(line), "name": BEFORE})
        finally:
            process.stdin.close()


def filled(
    started: RunningStack,
    products: Sequence[Product],
    customers: int,
    progress: Callable[[int], object] = lambda _: None,
) -> Side:
    """A topology that runs as a side, with these products and so many customers from now on."""
    with contextlib.closing(container(started.layout)) as parts:
        fill(parts, products, progress)
        tokens = [create_person(parts.shop).token for _ in range(customers)]
    return Side(
        name=SHOP,
        port=started.layout.nginx.port,
        processes=process_ids(started.layout, started.supervisor),
        tokens=tokens,
        products=[product.id for product in products],
    )


def fill(parts: Container, products: Sequence[Product], progress: Callable[[int], object]) -> None:
    """Create these products."""

    def create(start: int) -> None:
        step = products[start : start + BATCH]
        parts.shop.products.create_all([(_request(), product) for product in step])
        progress(len(step))

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(create, range(0, len(products), BATCH)))


def process_ids(layout: Layout, supervisor: subprocess.Popen[bytes]) -> dict[str, list[int]]:
    """The process ids of a topology by kind, its supervisor included and without what is stopped."""
    pids = {"supervisor": [supervisor.pid]}
    for name, process in supervision.processes(layout).items():
        if process.pid:
            pids.setdefault(render.kind(name), []).append(process.pid)
    return pids


def container(layout: Layout) -> Container:
    """The repositories, on this topology."""
    return Container(
        Configuration(
            store=layout.settings.store,
            master_name=layout.settings.primary_name,
            sentinels=list(layout.sentinels.values()),
            replicas=len(layout.redis) - 1,
            secret_key=credentials.secret_key(layout),
            credentials=layout.secrets.credentials(store_users.API),
        )
    )


def _request() -> WriteRequest:
    id = uuid4().hex
    return WriteRequest(id=id, idempotency_key=id, fingerprint=id, ttl_s=TTL_S, deadline=time.monotonic() + TIMEOUT_S)
