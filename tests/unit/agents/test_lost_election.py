"""When a candidate that was not elected begins another election, by what its Sentinel describes."""

import pytest

from agents.lost_election import (
    FAILOVER_TIMEOUT_MS,
    SHORT_FAILOVER_TIMEOUT_MS,
    VOTES_ARRIVE_S,
    Elections,
    has_winner,
)
from exactly_once.client import Address
from exactly_once.errors import NotExecuted

DOWN = "s_down,o_down,master,disconnected"
ME, OTHER, LOST = (Address("127.0.0.1", port) for port in (26379, 26380, 26381))
PRIMARY = {"ip": "127.0.0.1", "port": "6379"}


def vote(leader, epoch=7, address=OTHER, flags="sentinel"):
    """Another Sentinel, and whom it has voted for, as the candidate describes it."""
    where = {"ip": address.host, "port": str(address.port), "flags": flags}
    return {"voted-leader": leader, "voted-leader-epoch": str(epoch), **where}


SPLIT = [vote("b"), vote("b"), *(vote("?", 0, LOST, "s_down,sentinel,disconnected") for _ in range(2))]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (SPLIT, False),
        ([vote("b"), vote("b"), vote("b"), vote("?", 0)], True),
        ([vote("b"), vote("b")], True),
        ([vote("b"), vote("?", 0)], False),
        ([vote("?", 0), vote("?", 0)], False),
        ([vote("b", 6), vote("b", 6), vote("b", 7), vote("c", 7)], False),
        ([], False),
    ],
)
def test_only_a_majority_of_votes_in_one_election_elects(others, expected):
    assert has_winner(others) is expected


class ASentinel:
    """Describes the other Sentinels and the primary, and takes a timeout."""

    def __init__(self, others, **primary):
        self.others, self.primary = others, PRIMARY | primary
        self.timeout_ms = FAILOVER_TIMEOUT_MS

    def run(self, command, timeout):
        if command[1] == "SET":
            self.timeout_ms = command[-1]
            return ["OK"]
        records = self.others if command[1] == "SENTINELS" else [self.primary]
        lists = [[text for pair in each.items() for text in pair] for each in records]
        return [lists] if command[1] == "SENTINELS" else lists


class NoSentinel:
    def run(self, command, timeout):
        raise NotExecuted("gone")


def look(elections, sentinel, now, step=None, flags=DOWN):
    """What the Sentinel's timeout is after a look at such a primary."""
    record = {**PRIMARY, "flags": flags, "failover-timeout": str(sentinel.timeout_ms)}
    elections.look(record if step is None else {**record, "failover-state": step}, now)
    return sentinel.timeout_ms


@pytest.fixture
def other():
    return ASentinel([], **{"failover-state": "wait_start"})


@pytest.fixture
def sentinel():
    return ASentinel(SPLIT)


@pytest.fixture
def elections(sentinel, other):
    return Elections({ME: sentinel, OTHER: other}, ME, "evergreen")


@pytest.fixture
def lost(elections, sentinel):
    """Elections of a Sentinel that has seen its election lost."""
    assert look(elections, sentinel, 0.0, "wait_start") == FAILOVER_TIMEOUT_MS
    assert look(elections, sentinel, VOTES_ARRIVE_S, "wait_start") == SHORT_FAILOVER_TIMEOUT_MS
    return elections


def test_a_candidate_waits_until_the_votes_have_arrived(elections, sentinel):
    assert look(elections, sentinel, 5.0, "wait_start") == FAILOVER_TIMEOUT_MS
    assert look(elections, sentinel, 5.0 + VOTES_ARRIVE_S / 2, "wait_start") == FAILOVER_TIMEOUT_MS


def test_a_candidate_leaves_an_election_that_another_one_has_won(elections, sentinel):
    sentinel.others = [vote("b"), vote("b"), vote("b"), vote("?", 0)]
    look(elections, sentinel, 0.0, "wait_start")
    assert look(elections, sentinel, 1.0, "wait_start") == FAILOVER_TIMEOUT_MS


@pytest.mark.parametrize("seen", [{"failover-state": "select_slave"}, {"port": "6380"}])
def test_a_candidate_begins_none_while_another_sentinel_replaces_the_primary(elections, sentinel, other, seen):
    other.primary |= seen
    look(elections, sentinel, 0.0, "wait_start")
    assert look(elections, sentinel, 1.0, "wait_start") == FAILOVER_TIMEOUT_MS


@pytest.mark.parametrize("seen", [{"failover-state": "wait_promotion"}, {"port": "6380"}])
def test_the_usual_time_comes_back_as_soon_as_another_sentinel_replaces_the_primary(lost, sentinel, other, seen):
    assert look(lost, sentinel, 0.5) == SHORT_FAILOVER_TIMEOUT_MS
    other.primary |= seen
    assert look(lost, sentinel, 0.6) == FAILOVER_TIMEOUT_MS


def test_another_sentinel_that_does_not_answer_holds_no_election_up(sentinel):
    elections = Elections({ME: sentinel, OTHER: NoSentinel()}, ME, "evergreen")
    look(elections, sentinel, 0.0, "wait_start")
    assert look(elections, sentinel, 1.0, "wait_start") == SHORT_FAILOVER_TIMEOUT_MS


def test_who_is_no_candidate_begins_none(elections, sentinel):
    for now in (0.0, 1.0, 2.0):
        assert look(elections, sentinel, now) == FAILOVER_TIMEOUT_MS


def test_the_short_time_lasts_until_the_next_election_begins(lost, sentinel):
    assert look(lost, sentinel, 0.5, "wait_start") == SHORT_FAILOVER_TIMEOUT_MS
    assert look(lost, sentinel, 0.8) == SHORT_FAILOVER_TIMEOUT_MS
    assert look(lost, sentinel, 1.2, "wait_start") == FAILOVER_TIMEOUT_MS


def test_an_elected_sentinel_has_its_usual_time_for_the_promotion(lost, sentinel):
    assert look(lost, sentinel, 1.2, "wait_promotion") == FAILOVER_TIMEOUT_MS


def test_the_usual_time_comes_back_where_the_primary_does(lost, sentinel):
    assert look(lost, sentinel, 0.8, flags="master") == FAILOVER_TIMEOUT_MS


def test_another_lost_election_is_followed_by_another_one(lost, sentinel):
    look(lost, sentinel, 0.8)
    assert look(lost, sentinel, 1.2, "wait_start") == FAILOVER_TIMEOUT_MS
    assert look(lost, sentinel, 1.3 + VOTES_ARRIVE_S, "wait_start") == SHORT_FAILOVER_TIMEOUT_MS
