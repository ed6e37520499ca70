"""Workers on the real store: every event arrives whatever is killed, and no queue is served by two at once."""

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from devstack.settings import ROOT
from devstack.temporary import RunningStack
from shop.bootstrap import Configuration, Container
from shop.domain.events import EventQuery, EventType
from shop.domain.webhooks import Attempt, ClaimLost, DeliveryStatus
from shop.services.webhooks import endpoint_create
from shop.work import batches, webhooks
from shop.work.batches import deliver_next
from tests.samples import a_request, in_catalogue
from tests.stack_fixtures import wait_until
from tests.unit.work.receiver import receiving

ADJUSTED = EventType.PRODUCT_STOCK_ADJUSTED
SECRET_KEY = "of the workers of this test, and of nothing else in the world"
#: A worker whose claims end soon, so that a test need not wait for those of a killed one.
WORKER = """
import sys
from datetime import timedelta
from shop.work import batches
batches.LEASE, batches.SENDING_S = timedelta(seconds=1.5), 0.5
from evergreen.command_line import main
main(["manage.py", "work"])
"""


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
        secret_key=SECRET_KEY,
        webhook_networks=["127.0.0.0/8"],
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
        "EVERGREEN_WEBHOOK_NETWORKS": "127.0.0.0/8",
        "SECRET_KEY": SECRET_KEY,
    }
    process = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def an_endpoint(shop, url: str) -> str:
    made = endpoint_create(shop=shop, request=a_request(), url=url, description="", types=(ADJUSTED,), is_enabled=True)
    return made.value.endpoint.id


def events_of(shop) -> set[str]:
    found, position = set(), None
    while True:
        page = shop.events.page(EventQuery(type=ADJUSTED), 100, position)
        found |= {event.id for event in page.results}
        if (position := page.next) is None:
            return found


def adjust(shop, times: int, pause: Callable[[], None] = lambda: None) -> None:
    product = in_catalogue(shop, stock=1)
    for _ in range(times):
        shop.products.adjust_stock(a_request(), product.id, 1, None)
        pause()


def test_a_worker_that_is_killed_again_and_again_leaves_no_event_out(redis_stack, shop, store_name):
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    with receiving(lambda number: 400 if number % 20 == 0 else 204) as receiver:
        endpoint = an_endpoint(shop, receiver.url)
        changes = threading.Thread(target=adjust, args=(shop, 120, lambda: time.sleep(0.02)))
        changes.start()
        for _ in range(3):
            before = len(receiver.ids)
            with worker(redis_stack, store_name, "worker-1") as process:
                wait_until(lambda before=before: len(receiver.ids) > before or process.poll() is not None)
                time.sleep(chance.uniform(0, 0.3))
                process.kill()
        changes.join()
        expected = events_of(shop)
        with worker(redis_stack, store_name, "worker-2"):
            wait_until(lambda: expected <= set(receiver.ids) and shop.deliveries.outlook().pending == 0)
    assert set(receiver.ids) == expected, f"seed {seed}"
    assert len(expected) == 120
    recorded = shop.deliveries.page(endpoint, 100, None).results
    assert {delivery.status for delivery in recorded} == {DeliveryStatus.DELIVERED}


def test_workers_that_race_plan_each_event_once_and_share_no_queue(shop):
    endpoints = [an_endpoint(shop, "http://127.0.0.1:9/") for _ in range(4)]
    adjust(shop, 60)
    holders, overlaps, taken, lock = Counter(), [], [], threading.Lock()

    def work(name: str) -> None:
        while shop.deliveries.outlook().undispatched:
            shop.deliveries.plan(a_request(), name, ())
        while batch := shop.deliveries.claim(a_request(), 7, timedelta(minutes=1)).value:
            with lock:
                holders[batch.queue] += 1
                overlaps.extend([batch.queue] if holders[batch.queue] > 1 else [])
                taken.extend(delivery.id for delivery in batch.deliveries)
            attempts = [
                Attempt(event=each.event.id, error="", response_status=204, duration_ms=1) for each in batch.deliveries
            ]
            with lock:
                holders[batch.queue] -= 1
            shop.deliveries.record(a_request(), batch, attempts, timedelta(0))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [f"worker-{number}" for number in range(8)]))
    work("worker-last")
    assert overlaps == []
    assert sorted(taken) == sorted(f"{endpoint}:{event}" for endpoint in endpoints for event in events_of(shop))
    assert len(taken) == 4 * 60


def test_of_two_records_of_one_lease_the_later_holder_wins(shop):
    endpoint = an_endpoint(shop, "http://127.0.0.1:9/")
    adjust(shop, 1)
    shop.deliveries.plan(a_request(), "worker-1", ())
    batches = [shop.deliveries.claim(a_request(), 7, timedelta(0)).value for _ in range(2)]
    outcomes: list[object] = []

    def record(batch) -> None:
        attempt = Attempt(event=batch.deliveries[0].event.id, error="", response_status=204, duration_ms=1)
        try:
            outcomes.append(shop.deliveries.record(a_request(), batch, [attempt], timedelta(0)).value)
        except ClaimLost as lost:
            outcomes.append(type(lost))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(record, batches))
    assert sorted(map(str, outcomes)) == sorted(map(str, [ClaimLost, 0]))
    assert shop.deliveries.page(endpoint, 9, None).results[0].attempts == 1


def test_ten_thousand_deliveries_to_a_dead_receiver_hold_up_no_other_endpoint(shop, monkeypatch):
    tried: Counter[str] = Counter()

    def send(shop, endpoint, delivery):
        tried[endpoint.id] += 1
        return webhooks.send(shop, endpoint, delivery)

    monkeypatch.setattr(batches, "webhooks", SimpleNamespace(send=send))
    with receiving() as dead:
        pass
    with receiving() as receiver:
        failing = an_endpoint(shop, dead.url)
        adjust(shop, 30)
        while shop.deliveries.plan(a_request(), "worker-1", ()).value.events:
            continue
        pile_up(shop, failing, 10_000)
        an_endpoint(shop, receiver.url)
        adjust(shop, 20)
        while shop.deliveries.plan(a_request(), "worker-1", ()).value.events:
            continue
        while deliver_next(shop, lambda: False):
            continue
    states = {state.queue: state.pending for state in shop.deliveries.outlook().queues}
    assert len(set(receiver.ids)) == len(receiver.ids) == 20
    assert states[failing] >= 10_000
    # One attempt, and perhaps some more where the machine is slow: the dead one is asked between pauses alone.
    assert tried[failing] < 10


def pile_up(shop, endpoint: str, count: int) -> None:
    """As many deliveries as if so many events had been planned: copies of one that was."""
    repository = shop.deliveries
    keys, store = repository._keys, repository._store
    (one, *_) = shop.deliveries.page(endpoint, 1, None).results
    node = store.cluster.nodes[store.cluster.topology.view.primary]
    script = """
local fields = redis.call('HGETALL', KEYS[1])
for number = 1, tonumber(ARGV[3]) do
  local event = '1-' .. (tonumber(ARGV[2]) + number)
  redis.call('HSET', ARGV[1] .. event, unpack(fields))
  redis.call('HSET', ARGV[1] .. event, 'event', event)
  redis.call('ZADD', KEYS[2], 0, event)
end
return 1
"""
    for first in range(0, count, 500):
        words = ("EVAL", script, 2, keys.delivery(one.id), keys.endpoint_queue(endpoint))
        node.run((*words, keys.delivery(f"{endpoint}:"), first, 500), timeout=10.0)
