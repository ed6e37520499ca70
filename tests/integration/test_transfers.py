"""Imports on the real store: workers that are killed double no row and lose none."""

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from io import BytesIO
from uuid import uuid4

import pytest

from devstack.settings import ROOT
from devstack.temporary import RunningStack
from shop.bootstrap import Configuration, Container
from shop.domain.errors import TransfersFull
from shop.domain.events import EventQuery, EventType
from shop.domain.purchases import Line
from shop.domain.transfers import Direction, ImportKind, Progress, Transfer, TransferFormat, TransferStatus
from shop.services.uploads import import_create, import_receive
from shop.work import transfers
from tests.samples import a_request, in_catalogue, placed, registered
from tests.stack_fixtures import primary_of, wait_until
from tests.store_access import run_once

#: A worker whose leases end soon, so that a test need not wait for those of a killed one.
WORKER = """
from datetime import timedelta
from shop.services import imports
from shop.work import transfers
imports.LEASE = transfers.LEASE = timedelta(seconds=1)
from evergreen.command_line import main
main(["manage.py", "work"])
"""
PRODUCTS, ROUNDS = 100, 40


@pytest.fixture
def store_name() -> str:
    return f"test-{uuid4()}"


@pytest.fixture
def shop(redis_stack: RunningStack, store_name: str):
    layout = redis_stack.layout
    configuration = Configuration(
        store=store_name,
        master_name=layout.settings.primary_name,
        sentinels=[(address.host, address.port) for address in layout.sentinels.values()],
        credentials=layout.secrets.credentials("api"),
    )
    with closing(Container(configuration)) as container:
        yield container.shop


@contextmanager
def worker(stack: RunningStack, store_name: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker as a process of its own; it is killed in the end."""
    environment = {
        **os.environ,
        **stack.environment,
        "EVERGREEN_STORE": store_name,
        "EVERGREEN_REDIS_USERNAME": "api",
        "EVERGREEN_REDIS_PASSWORD_FILE": str(stack.layout.secrets.password_file("api")),
        "EVERGREEN_INSTANCE": name,
        "SECRET_KEY": "of the workers of this test, and of nothing else in the world",
    }
    process = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def sent(shop, data: bytes, kind: ImportKind) -> Transfer:
    make = {"shop": shop, "request": a_request(), "kind": kind, "format": TransferFormat.CSV, "by": "someone"}
    made = import_create(**make).value
    return import_receive(shop=shop, id=made.id, read=BytesIO(data).read, size=len(data))


def carried_out(redis_stack, shop, store_name, made: Transfer) -> Transfer:
    """The import when it has ended, after two workers that had it were killed."""
    chance = random.Random(made.id)

    def now() -> Transfer:
        return shop.transfers.get(Direction.IMPORT, made.id)

    for _ in range(2):
        before = now().step
        with worker(redis_stack, store_name, "worker-1") as process:
            wait_until(lambda before=before: now().step > before or now().is_ended or process.poll() is not None)
            time.sleep(chance.uniform(0, 0.05))
            process.kill()
    assert not now().is_ended
    with worker(redis_stack, store_name, "worker-2"):
        wait_until(lambda: now().is_ended)
    return now()


def events_of(shop, type: EventType) -> Counter[str]:
    found: Counter[str] = Counter()
    position = None
    while True:
        page = shop.events.page(EventQuery(type=type), 100, position)
        found.update(event.object for event in page.results)
        if (position := page.next) is None:
            return found


def test_a_step_that_comes_no_further_gives_data_no_more_time(redis_stack, shop, store_name):
    made = sent(shop, b"sku,stock\nA-1,1\n", ImportKind.STOCK)
    primary = redis_stack.layout.redis[primary_of(redis_stack)]
    (data,), (stored,) = run_once(
        primary, ("KEYS", f"*{store_name}*{made.id}:data"), ("KEYS", f"*{store_name}*transfers:stored")
    )
    soon, before = timedelta(minutes=1), run_once(primary, ("ZSCORE", stored, made.id))
    run_once(primary, ("PEXPIRE", data, 60_000))
    held = shop.transfers.claim(a_request(), soon).value
    shop.transfers.advance(a_request(), held, Progress(cursor=held.cursor), soon)
    left, after = run_once(primary, ("PTTL", data), ("ZSCORE", stored, made.id))
    assert left <= 60_000
    assert [after] == before


@pytest.mark.parametrize("kind", [*ImportKind])
def test_data_lasts_from_each_step_on_as_long_as_from_the_first(redis_stack, shop, store_name, kind):
    made = sent(shop, b"sku,stock\nA-1,1\n", kind)
    primary = redis_stack.layout.redis[primary_of(redis_stack)]
    (data,), (stored,) = run_once(
        primary, ("KEYS", f"*{store_name}*{made.id}:data"), ("KEYS", f"*{store_name}*transfers:stored")
    )
    soon, (expiry,) = timedelta(minutes=1), run_once(primary, ("ZSCORE", stored, made.id))
    run_once(primary, ("PEXPIRE", data, 60_000), ("ZADD", stored, float(expiry) - 6 * 86_400_000, made.id))
    held = shop.transfers.claim(a_request(), soon).value
    if kind is ImportKind.STOCK:
        shop.transfers.import_stock(a_request(), held, Progress(cursor="1"), [], soon)
    else:
        shop.transfers.advance(a_request(), held, Progress(cursor="1"), soon)
    left_ms, later = run_once(primary, ("PTTL", data), ("ZSCORE", stored, made.id))
    assert left_ms > 6 * 86_400_000
    assert float(later) >= float(expiry)


@pytest.mark.prove
def test_a_worker_that_is_killed_in_the_midst_of_an_import_of_stock_doubles_and_loses_no_row(
    redis_stack, shop, store_name
):
    products = [in_catalogue(shop, stock=0) for _ in range(PRODUCTS)]
    rows = [f"{product.sku},{number}" for number in range(1, ROUNDS + 1) for product in products]
    made = sent(shop, "\n".join(["sku,delta", *rows]).encode(), ImportKind.STOCK)
    ended = carried_out(redis_stack, shop, store_name, made)
    assert (ended.status, ended.rows_done, ended.rows_failed) == (TransferStatus.DONE, PRODUCTS * ROUNDS, 0)
    for product in products:
        quantities = [each.quantity for each in shop.products.movements(product.id, 100, None).results]
        assert sorted(quantities)[-ROUNDS:] == list(range(1, ROUNDS + 1))
        assert shop.products.get(product.id).stock == sum(range(1, ROUNDS + 1))


@pytest.mark.prove
def test_a_worker_that_is_killed_in_the_midst_of_an_import_of_products_doubles_and_loses_no_row(
    redis_stack, shop, store_name
):
    known = [in_catalogue(shop, sku=f"K-{number}") for number in range(200)]
    rows = [f"K-{number},Renamed {number},2.00,EUR" for number in range(200)]
    rows += [f"N-{number},Pear {number},1.00,EUR" for number in range(1_500)]
    random.Random(store_name).shuffle(rows)
    made = sent(shop, "\n".join(["sku,name,price,currency", *rows]).encode(), ImportKind.PRODUCTS)
    ended = carried_out(redis_stack, shop, store_name, made)
    assert (ended.status, ended.rows_done, ended.rows_failed) == (TransferStatus.DONE, len(rows), 0)
    created, updated = events_of(shop, EventType.PRODUCT_CREATED), events_of(shop, EventType.PRODUCT_UPDATED)
    assert (len(created), set(created.values())) == (1_700, {1})
    assert updated == Counter({product.id: 1 for product in known})
    assert {shop.products.get(product.id).version for product in known} == {2}
    assert None not in shop.products.ids_by_sku([f"N-{number}" for number in range(1_500)])


@contextmanager
def short_of_memory(stack: RunningStack) -> Iterator[None]:
    """The primary has filled nine tenths of its memory, by what it has stored."""
    node = stack.layout.redis[primary_of(stack)]
    information, (_, limit) = run_once(node, ("INFO", "memory"), ("CONFIG", "GET", "maxmemory"))
    used = int(re.search(r"used_memory:(\d+)", information)[1])
    run_once(node, ("CONFIG", "SET", "maxmemory", used * 10 // 9))
    try:
        yield
    finally:
        run_once(node, ("CONFIG", "SET", "maxmemory", limit))


def test_a_store_that_is_short_of_memory_refuses_files_and_pauses_imports_but_sells(redis_stack, shop):
    product = in_catalogue(shop, stock=5)
    data = f"sku,delta\n{product.sku},1\n".encode()
    made = sent(shop, data, ImportKind.STOCK)
    with short_of_memory(redis_stack):
        assert shop.transfers.is_memory_short()
        with pytest.raises(TransfersFull):
            sent(shop, data, ImportKind.STOCK)
        assert transfers.run(shop)
        assert shop.products.get(product.id).stock == 5
        placed(shop, registered(shop).id, Line(product=product.id, quantity=1))
        assert shop.products.get(product.id).stock == 4
    assert not shop.transfers.is_memory_short()
    assert shop.transfers.get(Direction.IMPORT, made.id).status is TransferStatus.RUNNING


def test_a_row_that_cannot_be_read_leaves_the_rows_before_it_alone(redis_stack, shop):
    first, second = in_catalogue(shop, stock=5), in_catalogue(shop, stock=5)
    data = f"sku,delta\n{first.sku},1\n{second.sku},-1\n".encode()
    made, keys = sent(shop, data, ImportKind.STOCK), shop.transfers._keys
    spoilt = ("HSET", f"{keys.product_prefix}{second.id}", "held", 1), ("SET", f"{keys.holds_prefix}{second.id}", "x")
    run_once(redis_stack.layout.redis[primary_of(redis_stack)], *spoilt)
    transfers.run(shop)
    assert shop.transfers.get(Direction.IMPORT, made.id).rows_done == 0
    assert shop.products.get(first.id).stock == 5


def test_workers_that_race_for_imports_share_none(monkeypatch, shop):
    product = in_catalogue(shop, stock=0)
    monkeypatch.setattr(transfers, "TURN_STEPS", 2)
    data = b"sku,delta\n" + f"{product.sku},1\n".encode() * 300
    made = [sent(shop, data, ImportKind.STOCK).id for _ in range(3)]

    def work(_: int) -> None:
        while transfers.run(shop):
            continue

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    ended = [shop.transfers.get(Direction.IMPORT, id) for id in made]
    assert [(each.status, each.rows_done) for each in ended] == [(TransferStatus.DONE, 300)] * 3
    assert shop.products.get(product.id).stock == 900
