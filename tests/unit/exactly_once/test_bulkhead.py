from contextlib import ExitStack, contextmanager

import pytest

from exactly_once.bulkhead import Bulkhead
from exactly_once.errors import StoreUnavailable
from exactly_once.observer import SilentObserver

MAX_WAITING = 3


class Recorder(SilentObserver):
    """Counts the writes that are under way."""

    in_progress = 0

    @contextmanager
    def write_in_progress(self):
        self.in_progress += 1
        yield
        self.in_progress -= 1


def test_a_write_beyond_the_limit_is_refused_at_once():
    bulkhead = Bulkhead(MAX_WAITING)
    with ExitStack() as writes:
        for _ in range(MAX_WAITING):
            writes.enter_context(bulkhead.admitted())
        with pytest.raises(StoreUnavailable, match="Too many"), bulkhead.admitted():
            pytest.fail("It was admitted.")


def test_a_write_that_has_ended_makes_room_for_another_one():
    bulkhead = Bulkhead(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), bulkhead.admitted():
            raise ZeroDivisionError
    with bulkhead.admitted():
        pass


def test_a_refused_write_is_not_counted_as_under_way():
    observer = Recorder()
    bulkhead = Bulkhead(1, observer=observer)
    with bulkhead.admitted():
        with pytest.raises(StoreUnavailable), bulkhead.admitted():
            pass
        assert observer.in_progress == 1
    assert observer.in_progress == 0
