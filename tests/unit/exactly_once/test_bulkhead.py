import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from exactly_once.bulkhead import MAX_CONCURRENT_WRITES, Bulkhead
from exactly_once.errors import StoreUnavailable

TIMEOUT_S = 10


@pytest.fixture
def bulkhead():
    return Bulkhead(MAX_CONCURRENT_WRITES + 1)


def soon():
    return time.monotonic() + TIMEOUT_S


def take(bulkhead, deadline):
    with bulkhead.place(deadline):
        return "had a place"


@pytest.fixture
def full(bulkhead):
    """Every place taken, until it is closed."""
    with ExitStack() as places:
        for _ in range(MAX_CONCURRENT_WRITES):
            places.enter_context(bulkhead.place(soon()))
        yield places


def test_a_place_is_free_again_afterwards(bulkhead):
    assert [take(bulkhead, soon()) for _ in range(3 * MAX_CONCURRENT_WRITES)] == [
        "had a place"
    ] * 3 * MAX_CONCURRENT_WRITES


def test_who_finds_none_waits_for_one(bulkhead, full):
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(take, bulkhead, soon())
        assert not waiting.done()
        full.close()
        assert waiting.result(TIMEOUT_S) == "had a place"


def test_who_finds_none_until_the_deadline_is_told_so(bulkhead, full):
    with pytest.raises(StoreUnavailable, match="Other writes"):
        take(bulkhead, time.monotonic() + 0.01)


def test_who_comes_when_as_many_as_may_be_are_under_way_is_told_so_at_once(bulkhead, full):
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(take, bulkhead, soon())
        while bulkhead._admitted._value:
            time.sleep(0.001)
        with pytest.raises(StoreUnavailable, match="Too many"):
            take(bulkhead, soon())
        full.close()
        assert waiting.result(TIMEOUT_S) == "had a place"
