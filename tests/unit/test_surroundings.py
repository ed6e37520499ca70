"""The real clock and ids."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from shop.clock import SystemClock, UuidIds

AT = datetime(2026, 11, 1, 12, 0, 0, 123000, tzinfo=UTC)


def test_the_clock_tells_utc_in_whole_milliseconds():
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)


def test_an_id_is_a_uuid_of_its_millisecond():
    made = UUID(UuidIds().new(AT))
    assert made.version == 7
    assert made.int >> 80 == int(AT.timestamp() * 1000)


def test_ids_are_unique_and_sort_by_their_millisecond():
    ids = UuidIds()
    first, second = [[ids.new(at) for _ in range(1000)] for at in (AT, AT + timedelta(milliseconds=1))]
    assert len({*first, *second}) == 2000
    assert max(first) < min(second)
