"""`EVERGREEN_DURABILITY=fsynced`: a write is acknowledged when it is on disks, and `make run` has the disks keep up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from devstack import lifecycle
from devstack.temporary import RunningStack, running
from exactly_once.client import Address
from exactly_once.errors import OutcomeUnknown, ServerError
from shop import telemetry
from tests.contract.conftest import shop_on_redis
from tests.samples import a_product, a_request, again
from tests.stack_fixtures import primary_of, wait_until
from tests.store_access import run_once


@pytest.fixture(scope="module")
def data_tier() -> Iterator[RunningStack]:
    """Nodes that write everything to their disks at once, as they are started for this durability."""
    with running("127.33", lifecycle.DATA_ONLY, durability="fsynced", stores="*") as started:
        started.wait_until_whole()
        yield started


@contextmanager
def never_synced(*nodes: Address) -> Iterator[None]:
    """These nodes leave it to their system when what they write gets to the disk."""
    for node in nodes:
        run_once(node, ("CONFIG", "SET", "appendfsync", "no"))
    try:
        yield
    finally:
        for node in nodes:
            wait_until(lambda node=node: writes_at_once(node))


def writes_at_once(node: Address) -> bool:
    """Whether the node does again what it was started with; one that is slow for a moment is asked once more."""
    with suppress(ServerError):
        run_once(node, ("CONFIG", "SET", "appendfsync", "always"))
        return True
    return False


def hasty_request():
    return a_request(deadline=time.monotonic() + 1.5)


def test_a_write_that_is_on_every_disk_is_acknowledged(data_tier):
    with shop_on_redis(data_tier, durability="fsynced") as shop:
        made = shop.products.create(a_request(), a_product(shop))
        assert shop.products.get(made.value.id) == made.value


def test_a_write_is_found_on_the_disks_without_being_sent_again_and_again(data_tier, monkeypatch):
    tried_again: list[str] = []
    monkeypatch.setattr(telemetry, "write_retried", tried_again.append)
    with shop_on_redis(data_tier, durability="fsynced") as shop:
        for _ in range(20):
            shop.products.create(a_request(), a_product(shop))
    # A disk that is busy for a moment is no fault; asked at the wrong time, nearly every write is sent three times.
    assert len(tried_again) < 20


@pytest.mark.parametrize("where", ["primary", "replicas"])
def test_a_write_that_is_in_memory_only_is_not_and_is_as_soon_as_it_is_on_disks(data_tier, where):
    primary = data_tier.layout.redis[primary_of(data_tier)]
    others = set(data_tier.layout.redis.values()) - {primary}
    request = hasty_request()
    with shop_on_redis(data_tier, durability="fsynced") as shop:
        product = a_product(shop)
        with never_synced(*([primary] if where == "primary" else others)), pytest.raises(OutcomeUnknown):
            shop.products.create(request, product)
        made = shop.products.create(again(replace(request, deadline=time.monotonic() + 30)), product)
        assert made.origin_request_id == request.id


def test_whoever_asks_for_less_does_not_wait_for_disks(data_tier):
    with never_synced(*data_tier.layout.redis.values()), shop_on_redis(data_tier) as shop:
        assert shop.products.create(hasty_request(), a_product(shop)).value
