"""The doctor says when nothing takes events, or receivers take no deliveries."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exactly_once.errors import StoreUnavailable
from operations.doctor.deliveries import deliveries
from operations.doctor.diagnosis import Level
from shop.domain.webhooks import MAIL, Outlook, QueueState

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
LONG_AGO, JUST_NOW = NOW - timedelta(minutes=5), NOW - timedelta(seconds=5)
NOTHING = Outlook(at=NOW, undispatched=0, oldest_at=None, due=0, due_since=None, dead=0, queues=())


def failing(queue, pending):
    return (QueueState(queue=queue, pending=pending, failing_since=LONG_AGO),)


def found(outlook):
    return [(line.level, line.subject) for line in deliveries(lambda: outlook)]


def test_a_shop_that_has_nothing_to_deliver_is_well():
    assert found(NOTHING) == [(Level.OK, "")]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"undispatched": 3, "oldest_at": LONG_AGO}, (Level.PROBLEM, "events")),
        ({"due": 1, "due_since": LONG_AGO}, (Level.WARNING, "deliveries")),
        ({"queues": failing("e1", 2)}, (Level.WARNING, "endpoint e1")),
        ({"queues": failing(MAIL, 2)}, (Level.WARNING, "mail server")),
        ({"dead": 1}, (Level.WARNING, "deliveries")),
    ],
)
def test_what_is_wrong_is_named(changes, line):
    assert found(replace(NOTHING, **changes)) == [line]


@pytest.mark.parametrize(
    "changes",
    [
        {"undispatched": 3, "oldest_at": JUST_NOW},
        {"due": 1, "due_since": JUST_NOW},
        {"queues": failing("e1", 0)},
    ],
)
def test_what_is_under_way_is_no_fault(changes):
    assert found(replace(NOTHING, **changes)) == [(Level.OK, "")]


def test_a_store_that_does_not_answer_is_not_called_well():
    def unavailable():
        raise StoreUnavailable

    assert [line.level for line in deliveries(unavailable)] == [Level.UNKNOWN]
