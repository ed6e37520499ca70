"""The revision of a store: which of two is further, and what the two keys hold."""

import pytest

from exactly_once.revision import NO_REVISION, Revision, epoch_key, parse_reply, revision_query


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (Revision(3, 7), Revision(3, 8)),
        (Revision(3, 1000), Revision(4, 8)),
        (NO_REVISION, Revision(0, 1)),
        (Revision(0, 1000), Revision(1, 1)),
    ],
)
def test_a_later_epoch_is_further_than_any_number_of_an_earlier_one(earlier, later):
    assert earlier < later
    assert max(later, earlier) == later


@pytest.mark.parametrize(
    ("reply", "revision"),
    [
        (["4 10.0.0.1:6379", "17"], Revision(4, 17)),
        ([None, "17"], Revision(0, 17)),
        ([None, None], NO_REVISION),
    ],
)
def test_a_store_without_an_epoch_is_of_epoch_0(reply, revision):
    assert parse_reply(reply) == revision


def test_both_keys_of_a_store_are_read_by_one_command():
    assert revision_query("{shop}:revision") == ("MGET", epoch_key("{shop}:revision"), "{shop}:revision")
    assert epoch_key("{shop}:revision") == "{shop}:epoch"
