"""Limits of an API process reach the code that keeps them."""

import threading
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import Client

from exactly_once import Store
from exactly_once.errors import StoreUnavailable
from shop import bootstrap
from shop.api import concurrency
from shop.bootstrap import Configuration, Container
from shop.concurrency import ConcurrencyLimit, Overloaded
from shop.passwords import Argon2Passwords


def occupied(limit: ConcurrencyLimit) -> int:
    """How many threads can work at once, and wait no time for it."""
    try:
        with limit.acquired(0):
            return 1 + occupied(limit)
    except Overloaded:
        return 0


@pytest.mark.parametrize("slots", [1, 3])
def test_a_limit_admits_as_many_as_are_set(slots):
    limit = ConcurrencyLimit(2, 0)
    limit.set_limits(slots, 0)
    assert occupied(limit) == slots


def test_limits_do_not_change_while_requests_are_worked_on():
    limit = ConcurrencyLimit(2, 0)
    with limit.acquired(), pytest.raises(RuntimeError):
        limit.set_limits(3, 0)


@pytest.mark.parametrize(("method", "timeout_s"), [("GET", 0.5), ("POST", 0.75)])
def test_reads_and_writes_wait_for_a_slot_as_long_as_is_set(monkeypatch, method, timeout_s):
    asked: list[float] = []
    monkeypatch.setattr(settings, "EVERGREEN_READ_SLOT_TIMEOUT_S", 0.5)
    monkeypatch.setattr(settings, "EVERGREEN_WRITE_SLOT_TIMEOUT_S", 0.75)

    def refuse(seconds: float) -> None:
        asked.append(seconds)
        raise Overloaded

    monkeypatch.setattr(concurrency, "REQUESTS", SimpleNamespace(acquired=refuse))
    assert Client().generic(method, "/api/v1/purchases/").status_code == 503
    assert asked == [timeout_s]


def test_as_many_hashes_are_computed_at_once_as_are_set(monkeypatch):
    passwords = Argon2Passwords(max_concurrent=3)
    together = threading.Barrier(3, timeout=10)
    monkeypatch.setattr(passwords._hasher, "encode", lambda *_: str(together.wait()))
    hashes: list[str] = []
    threads = [threading.Thread(target=lambda: hashes.append(passwords.hash("correct horse"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(hashes) == ["0", "1", "2"]


def test_more_requests_for_hashes_than_are_set_are_refused(monkeypatch):
    passwords = Argon2Passwords(max_queued=1)
    begun, release = threading.Event(), threading.Event()

    def slow(*_: str) -> str:
        begun.set()
        release.wait(10)
        return ""

    monkeypatch.setattr(passwords._hasher, "encode", slow)
    first = threading.Thread(target=lambda: passwords.hash("correct horse"))
    first.start()
    begun.wait(10)
    try:
        with pytest.raises(StoreUnavailable):
            passwords.hash("battery staple")
    finally:
        release.set()
        first.join()


def test_the_engine_waits_as_long_as_is_set(monkeypatch):
    asked: dict[str, object] = {}
    monkeypatch.setattr(bootstrap, "Store", lambda *_, **options: asked.update(options) or Store(*_, **options))
    sentinels = (("127.0.0.1", 1),)
    Container(
        Configuration(
            store="s", master_name="m", sentinels=sentinels, wait_ms=75, read_timeout_ms=125, max_waiting_writes=7
        )
    ).close()
    assert (asked["wait_ms"], asked["max_waiting_writes"], asked["read_timeout_s"]) == (75, 7, 0.125)
