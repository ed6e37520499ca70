import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from shop.domain.errors import StoreUnavailable
from shop.repositories.bulkhead import AT_ONCE, Bulkhead

PATIENCE = 10


@pytest.fixture
def bulkhead():
    return Bulkhead(2)


def soon():
    return time.time() + PATIENCE


def take(bulkhead, deadline):
    with bulkhead.place(deadline) as has_one:
        return has_one


def test_as_many_are_admitted_as_may_be(bulkhead):
    with bulkhead.admission(), bulkhead.admission(), pytest.raises(StoreUnavailable), bulkhead.admission():
        pytest.fail("one too many")


def test_who_has_ended_makes_room(bulkhead):
    for _ in range(5):
        with bulkhead.admission(), bulkhead.admission():
            pass
    with bulkhead.admission():
        assert take(bulkhead, soon())


def test_who_finds_no_place_at_the_store_waits_for_one(bulkhead):
    with ThreadPoolExecutor() as threads, ExitStack() as places:
        for _ in range(AT_ONCE):
            assert places.enter_context(bulkhead.place(soon()))
        waiting = threads.submit(take, bulkhead, soon())
        assert not waiting.done()
        places.close()
        assert waiting.result(PATIENCE)


def test_who_finds_no_place_until_the_deadline_has_none(bulkhead):
    with ExitStack() as places:
        for _ in range(AT_ONCE):
            places.enter_context(bulkhead.place(soon()))
        assert not take(bulkhead, time.time() - 1)
    assert take(bulkhead, soon())
