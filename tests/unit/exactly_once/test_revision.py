"""The revision of a store: which of two is further, and what the two keys hold."""

import time

import pytest

from exactly_once.revision import (
    MAX_STALENESS_S,
    NO_REVISION,
    Revision,
    RevisionWatermark,
    epoch_key,
    parse_reply,
    revision_query,
)
from exactly_once.topology import CONFIRMATION_INTERVAL_S


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


@pytest.fixture
def watermark():
    return RevisionWatermark("{shop}:revision")


def test_a_watermark_never_goes_back(watermark):
    for revision in (Revision(3, 9), Revision(4, 2), Revision(3, 1000)):
        watermark.advance_to(revision)
    watermark.confirm(Revision(3, 2000), time.monotonic())
    assert watermark.value == Revision(4, 2)


def test_a_watermark_that_no_primary_has_confirmed_is_not_confirmed(watermark):
    watermark.advance_to(Revision(3, 9))
    assert not watermark.is_confirmed


def test_a_confirmation_counts_from_when_the_primary_was_asked(watermark):
    watermark.confirm(Revision(3, 9), time.monotonic() - MAX_STALENESS_S)
    assert not watermark.is_confirmed


def test_a_late_confirmation_leaves_the_later_one(watermark):
    watermark.confirm(Revision(3, 9), time.monotonic() + 60)
    watermark.confirm(Revision(3, 8), time.monotonic() - 60)
    assert (watermark.is_confirmed, watermark.value) == (True, Revision(3, 9))


def test_one_late_reply_leaves_the_watermark_confirmed():
    assert CONFIRMATION_INTERVAL_S * 3 <= MAX_STALENESS_S
