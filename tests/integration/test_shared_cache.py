"""Django's shared cache in a real store, by its own user."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.core.cache import CacheHandler

from devstack import lifecycle
from devstack.denials import forget_denials
from devstack.temporary import RunningStack, running
from evergreen.caches import USER, caches
from exactly_once.client import ErrorReply, Node
from exactly_once.pool_options import FAILURES
from shop.api import shared_cache
from tests.stack_fixtures import wait_until


@pytest.fixture(scope="module")
def store() -> Iterator[RunningStack]:
    with running("127.38", lifecycle.DATA_ONLY) as started:
        started.wait_until_whole()
        yield started


def shared(store: RunningStack) -> Any:
    """The cache as a process has it."""
    settings = store.layout.settings
    sentinels = [tuple(address) for address in store.layout.sentinels.values()]
    made = caches(settings.store, settings.primary_name, sentinels, store.layout.secrets.credentials(USER))
    return CacheHandler(made)["shared"]


def replies(store: RunningStack, name: str, *command: str) -> Any:
    address = store.layout.redis[name]
    with closing(Node(address, credentials=store.layout.operator)) as node:
        return node.run(command, timeout=1)[0]


def test_a_value_is_there_for_every_process(store):
    shared(store).set("key", "the text", 60)
    wait_until(lambda: shared(store).get("key") == "the text", 5)


def test_a_value_is_under_a_prefix_of_its_own_and_expires(store):
    shared(store).set("expiring", "the text", 60)
    key = "cache:{evergreen}:1:expiring"
    assert 0 < replies(store, store.primary, "PTTL", key) <= 60_000


@pytest.mark.parametrize("command", [("GET", "{evergreen}:revision"), ("SET", "other", "x"), ("KEYS", "*")])
def test_its_user_reaches_no_other_key_and_no_other_command(store, command):
    credentials = store.layout.secrets.credentials(USER)
    with (
        closing(Node(store.layout.redis["redis-1"], credentials=credentials)) as node,
        pytest.raises(ErrorReply, match="permissions"),
    ):
        node.run(command, timeout=1)
    forget_denials(store.layout)


def test_a_failover_is_followed(store):
    before, cache = store.primary, shared(store)
    cache.set("key", "before", 60)
    store.kill(before)
    wait_until(lambda: store.primary not in (before, None))
    wait_until(lambda: written(cache, "after"))
    wait_until(lambda: shared(store).get("key") == "after")


def written(cache: Any, value: str) -> bool:
    try:
        return bool(cache.set("key", value, 60))
    except FAILURES:
        return False


def test_a_text_is_made_where_the_store_is_gone(store, monkeypatch):
    monkeypatch.setattr(shared_cache, "caches", {"shared": shared(store)})
    store.stop(*store.layout.redis, *store.layout.sentinels)
    failed = shared_cache.REQUESTS.labels("status", "failed")
    before = failed._value.get()
    assert [shared_cache.shared("status", "key", 60, lambda: "the text") for _ in range(3)] == ["the text"] * 3
    assert failed._value.get() == before + 1
