"""How many replicas a write waits for after a check that succeeded."""

from exactly_once.acknowledgements import VALID_S, AcceptedCount
from exactly_once.client import Address

PRIMARY, OTHER = Address("10.0.0.1", 6379), Address("10.0.0.2", 6379)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_count_holds_for_a_second_and_each_success_extends_it():
    clock = Clock()
    count = AcceptedCount(clock)
    count.record(PRIMARY, 1)
    clock.now += VALID_S
    assert count.get(PRIMARY) == 1
    count.record(PRIMARY, 1)
    clock.now += VALID_S
    assert count.get(PRIMARY) == 1
    clock.now += 0.1
    assert count.get(PRIMARY) is None


def test_a_write_that_is_not_safe_ends_it():
    count = AcceptedCount(Clock())
    count.record(PRIMARY, 1)
    count.record(PRIMARY, 0)
    assert count.get(PRIMARY) is None


def test_it_says_nothing_of_another_primary():
    count = AcceptedCount(Clock())
    count.record(PRIMARY, 1)
    assert count.get(OTHER) is None
