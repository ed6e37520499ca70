import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shop.domain.errors import StoreUnavailable
from shop.repositories.bulkhead import Bulkhead

PATIENCE = 10


@pytest.fixture
def bulkhead():
    return Bulkhead(1)


def take(bulkhead):
    with bulkhead.place():
        return "had a place"


def test_a_place_is_free_again_afterwards(bulkhead):
    assert [take(bulkhead), take(bulkhead)] == ["had a place"] * 2


def test_who_finds_none_waits_while_the_store_works(bulkhead):
    with ThreadPoolExecutor() as threads, bulkhead.place():
        waiting = threads.submit(take, bulkhead)
        assert not waiting.done()
    assert waiting.result(PATIENCE) == "had a place"


def test_who_finds_none_is_told_so_at_once_while_a_write_is_stalled(bulkhead):
    with bulkhead.place(), bulkhead.stalled(), pytest.raises(StoreUnavailable):
        take(bulkhead)


def test_who_waits_is_told_so_when_a_write_stalls(bulkhead):
    waits = threading.Event()

    def wait():
        waits.set()
        return take(bulkhead)

    with ThreadPoolExecutor() as threads, bulkhead.place():
        waiting = threads.submit(wait)
        waits.wait(PATIENCE)
        with bulkhead.stalled(), pytest.raises(StoreUnavailable):
            waiting.result(PATIENCE)


def test_a_stalled_store_lets_in_whom_it_has_a_place_for(bulkhead):
    with bulkhead.stalled():
        assert take(bulkhead) == "had a place"


def test_a_store_that_works_again_lets_others_wait_again(bulkhead):
    with bulkhead.stalled():
        pass
    with ThreadPoolExecutor() as threads, bulkhead.place():
        waiting = threads.submit(take, bulkhead)
    assert waiting.result(PATIENCE) == "had a place"
