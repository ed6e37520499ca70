"""The shared cache: a hit, a miss, and one that fails or is full."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as TimedOut

from evergreen.caches import caches as configured
from exactly_once.credentials import Credentials
from shop import concurrency
from shop.api import shared_cache
from shop.api.shared_cache import MAX_VALUE_CHARS, REQUESTS, shared
from shop.concurrency import ConcurrencyLimit
from tests.architecture.sources import modules

SENTINELS = [("127.0.0.1", 26379)]


@pytest.fixture(autouse=True)
def cleared() -> Iterator[None]:
    caches["shared"].clear()
    shared_cache.resume()
    yield
    caches["shared"].clear()
    shared_cache.resume()


@pytest.fixture
def made() -> list[str]:
    return []


def text(made: list[str], value: str = "the text") -> str:
    return shared("status", "key", 60, lambda: made.append(value) or value)


def counted(result: str) -> float:
    return REQUESTS.labels("status", result)._value.get()


def test_a_text_is_made_once(made):
    assert [text(made) for _ in range(3)] == ["the text"] * 3
    assert made == ["the text"]


def test_hits_and_misses_are_counted(made):
    before = counted("hit"), counted("miss")
    for _ in range(3):
        text(made)
    assert (counted("hit") - before[0], counted("miss") - before[1]) == (2, 1)


@pytest.mark.parametrize(
    "fault", [Disconnected(), TimedOut(), ResponseError("NOREPLICAS"), ValueError("not JSON")], ids=repr
)
@pytest.mark.parametrize("method", ["get", "set"])
def test_a_cache_that_fails_fails_no_request_and_is_left_alone_for_a_while(monkeypatch, made, method, fault):
    calls: list[str] = []

    def failing(*_: Any) -> None:
        calls.append(method)
        raise fault

    monkeypatch.setattr(type(caches["shared"]), method, failing)
    before = counted("failed"), counted("skipped")
    assert [text(made) for _ in range(3)] == ["the text"] * 3
    assert (len(made), len(calls)) == (3, 1)
    assert (counted("failed") - before[0], counted("skipped") - before[1]) == (1, 2)


def test_a_request_that_waits_for_the_cache_holds_no_slot(monkeypatch, made):
    limit, free = ConcurrencyLimit(1, 1), dict[str, int]()
    monkeypatch.setattr(concurrency, "REQUESTS", limit)
    for method in ("get", "set"):
        monkeypatch.setattr(
            type(caches["shared"]), method, lambda *_, method=method: free.update({method: limit._free})
        )
    with limit.acquired():
        assert text(made) == "the text"
        assert not limit._free
    assert free == {"get": 1, "set": 1}


def test_what_no_process_of_the_shop_stored_is_made_anew(made):
    caches["shared"].set("key", {"not": "a text"}, 60)
    assert text(made) == "the text"


def test_a_text_that_is_too_long_is_not_stored(made):
    long = "x" * (MAX_VALUE_CHARS + 1)
    assert [text(made, long) for _ in range(2)] == [long, long]
    assert len(made) == 2


def test_nothing_that_is_sold_or_owned_reads_a_cache():
    imports = "django.core.cache", "shop.api.shared_cache", "django_redis"
    users = {
        path
        for path, module in modules("shop", "operations", "exactly_once").items()
        for node in module.body
        if any(name in imports for name in (getattr(node, "module", None), *_names(node)))
    }
    assert users == {
        "operations/status/views.py",
        "shop/api/documents.py",
        "shop/api/health.py",
        "shop/api/shared_cache.py",
        # A product to name in an example, and sums that are compared with the index of purchases.
        "shop/api/landing.py",
        "shop/office/figures.py",
    }


def _names(node: Any) -> list[str]:
    return [alias.name for alias in getattr(node, "names", [])]


def test_without_a_user_of_its_own_each_process_has_a_cache(tmp_path):
    assert "locmem" in configured("evergreen", "evergreen", SENTINELS, None)["shared"]["BACKEND"]


def test_every_value_has_a_lifetime_and_none_is_a_program(tmp_path):
    made = configured("evergreen", "evergreen", SENTINELS, Credentials("cache", tmp_path / "password"))
    assert {cache["TIMEOUT"] for cache in made.values()} == {1}
    assert made["shared"]["OPTIONS"]["SERIALIZER"].endswith("JSONSerializer")
    assert made["shared"]["KEY_PREFIX"] == "cache:{evergreen}"
