"""The real clock, names and tokens."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from shop.clock import SystemClock, UuidIds
from shop.tokens import HmacTokenSecrets

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


def test_the_repeat_of_a_request_makes_the_same_token_on_any_instance():
    assert HmacTokenSecrets("key").make("request", "user") == HmacTokenSecrets("key").make("request", "user")


def test_every_request_user_and_shop_has_a_token_of_its_own():
    given = [("key", "a", "b"), ("key", "a", "c"), ("key", "c", "b"), ("other", "a", "b")]
    made = {HmacTokenSecrets(key).make(request, user) for key, request, user in given}
    assert len(made) == 4


def test_a_token_is_told_by_its_beginning_and_good_in_a_header():
    made = HmacTokenSecrets("key").make("request", "user")
    assert made.startswith("evg_")
    assert len(made) == 47
    assert made.replace("-", "").replace("_", "").isalnum()


def test_the_name_of_a_token_does_not_tell_it():
    secrets = HmacTokenSecrets("key")
    made = secrets.make("request", "user")
    assert secrets.token_digest(made) == secrets.token_digest(made) != secrets.token_digest(made + "x")
    assert made not in secrets.token_digest(made)
    assert len(secrets.token_digest("\xfc not of ours")) == 64
