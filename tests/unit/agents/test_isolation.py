"""When a primary is isolated from its replicas, and what is done then."""

import time

import pytest

from agents import isolation
from agents.isolation import (
    LOOKS_PER_RANK,
    MAX_SILENCE_S,
    MIN_LOOKS,
    MIN_SILENCE_S,
    is_isolated,
    replace_isolated_primary,
)
from exactly_once.client import Address, ErrorReply
from exactly_once.errors import NotExecuted


def primary(*lags, role="master"):
    replicas = {
        f"slave{place}": f"ip=127.0.0.1,port=1,state=online,offset=9,lag={lag}" for place, lag in enumerate(lags)
    }
    return {"role": role, "connected_slaves": str(len(lags)), "slave_expires_tracked_keys": "0", **replicas}


def replica(silent_for, link="up", role="slave", is_copying=False):
    return {
        "role": role,
        "master_link_status": link,
        "master_sync_in_progress": str(int(is_copying)),
        "master_last_io_seconds_ago": str(silent_for if link == "up" else -1),
        "master_link_down_since_seconds": str(silent_for if link == "down" else -1),
    }


@pytest.mark.parametrize("known", [primary(), primary(MIN_SILENCE_S, MIN_SILENCE_S + 3)])
@pytest.mark.parametrize("link", ["up", "down"])
def test_a_primary_is_isolated_where_no_replica_has_received_anything_for_long(known, link):
    assert is_isolated(known, [replica(MIN_SILENCE_S, link), replica(MAX_SILENCE_S)])


@pytest.mark.parametrize(
    ("known", "replicas"),
    [
        (primary(MIN_SILENCE_S), [replica(MIN_SILENCE_S), replica(MIN_SILENCE_S - 1)]),
        (primary(MIN_SILENCE_S, MIN_SILENCE_S - 1), [replica(MIN_SILENCE_S), replica(MIN_SILENCE_S)]),
        (primary(MIN_SILENCE_S), [replica(MIN_SILENCE_S, "down"), replica(0, "down")]),
        (primary(MIN_SILENCE_S), [replica(MIN_SILENCE_S, "down"), replica(MIN_SILENCE_S, "down", is_copying=True)]),
        (primary(MIN_SILENCE_S), [replica(MIN_SILENCE_S, "down"), replica(-1, "down")]),
        (primary(MIN_SILENCE_S), [replica(MAX_SILENCE_S, "down"), replica(MAX_SILENCE_S, "down")]),
        (primary(MIN_SILENCE_S), [replica(MIN_SILENCE_S), replica(MIN_SILENCE_S, role="master")]),
        (primary(MIN_SILENCE_S, role="slave"), [replica(MIN_SILENCE_S), replica(MIN_SILENCE_S)]),
        (primary(MIN_SILENCE_S), [replica(MIN_SILENCE_S)]),
        (primary(), []),
    ],
    ids=[
        "a replica hears it",
        "it hears a replica",
        "a link has just broken",
        "a replica copies everything",
        "a replica has not been linked yet",
        "it is too late for Sentinel",
        "a replica is none",
        "the primary is none",
        "nobody would hear the only replica either",
        "there are no replicas",
    ],
)
def test_a_primary_is_left_alone_where(known, replicas):
    assert not is_isolated(known, replicas)


SENTINEL, OTHER = Address("10.0.0.21", 26379), Address("10.0.0.20", 26379)
PRIMARY, REPLICAS = Address("10.0.0.11", 6379), (Address("10.0.0.12", 6379), Address("10.0.0.13", 6379))


class Cluster:
    """A Sentinel, its primary and two replicas. Each look shows the primary isolated, but for those in `connected`."""

    def __init__(self):
        self.connected: set[int] = set()
        self.unreachable: set[int] = set()
        self.flags, self.sentinels, self.refusal = "master", [], None
        self.looks, self.orders = 0, []

    def nodes(self, source):
        assert source == SENTINEL.host
        return self

    def __getitem__(self, address):
        return ANode(self, address)

    def close(self):
        pass

    def reply(self, address, command):
        match command:
            case ("SENTINEL", "MASTER", _):
                return record(PRIMARY, self.flags)
            case ("SENTINEL", "REPLICAS", _):
                return [record(each, "slave") for each in REPLICAS]
            case ("SENTINEL", "SENTINELS", _):
                return [record(each, "sentinel") for each in self.sentinels]
            case ("INFO", "replication"):
                return self.information(address)
        self.orders.append((address, *command[:2]))
        if self.refusal and command[1] == "FAILOVER":
            raise ErrorReply(self.refusal)
        return "OK"

    def information(self, address):
        if address == PRIMARY:
            self.looks += 1
            if self.looks in self.unreachable:
                raise NotExecuted
        silence = 0 if self.looks in self.connected else MIN_SILENCE_S
        info = primary(silence) if address == PRIMARY else replica(silence)
        return "\r\n".join(f"{name}:{value}" for name, value in info.items())


class ANode:
    def __init__(self, cluster, address):
        self.cluster, self.address = cluster, address

    def run(self, *commands, timeout):
        return [self.cluster.reply(self.address, command) for command in commands]


def record(address, flags):
    return ["ip", address.host, "port", str(address.port), "flags", flags]


@pytest.fixture
def cluster(monkeypatch):
    made = Cluster()
    monkeypatch.setattr(isolation, "Nodes", made.nodes)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(
        isolation, "refresh_replicas", lambda sentinel, name: made.orders.append((sentinel.address, "refresh"))
    )
    monkeypatch.setattr(
        isolation, "set_intervals", lambda sentinel: made.orders.append((sentinel.address, "intervals"))
    )
    return made


def orders_given(cluster, monkeypatch, looks):
    """The orders given in so many looks."""
    left = iter(range(looks))
    monkeypatch.setattr(isolation, "is_running", lambda server_pid: next(left, None) is not None)
    replace_isolated_primary(SENTINEL, "evergreen", 1)
    return cluster.orders


REFRESHED, FAILED_OVER = (SENTINEL, "refresh"), (SENTINEL, "SENTINEL", "FAILOVER")
PAUSED, UNPAUSED = (PRIMARY, "CLIENT", "PAUSE"), (PRIMARY, "CLIENT", "UNPAUSE")


def test_another_primary_is_elected_after_some_looks_and_this_one_takes_no_writes_meanwhile(cluster, monkeypatch):
    assert orders_given(cluster, monkeypatch, MIN_LOOKS - 1) == [REFRESHED]
    cluster.orders.clear()
    assert orders_given(cluster, monkeypatch, MIN_LOOKS) == [REFRESHED, PAUSED, FAILED_OVER]


def test_a_sentinel_lets_those_before_it_be_first(cluster, monkeypatch):
    cluster.sentinels = [OTHER]
    assert FAILED_OVER not in orders_given(cluster, monkeypatch, MIN_LOOKS + LOOKS_PER_RANK - 1)
    assert FAILED_OVER in orders_given(cluster, monkeypatch, MIN_LOOKS + LOOKS_PER_RANK)


def test_one_look_that_finds_it_connected_begins_anew(cluster, monkeypatch):
    cluster.connected = {MIN_LOOKS}
    assert FAILED_OVER not in orders_given(cluster, monkeypatch, 2 * MIN_LOOKS - 1)


def test_a_primary_that_is_connected_at_the_last_moment_goes_on(cluster, monkeypatch):
    cluster.connected = {MIN_LOOKS + 1}
    assert orders_given(cluster, monkeypatch, MIN_LOOKS) == [REFRESHED, PAUSED, UNPAUSED]


def test_a_primary_that_cannot_be_replaced_goes_on_and_the_log_says_why(cluster, monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr(isolation, "log", lines.append)
    cluster.refusal = "NOGOODSLAVE No suitable replica to promote"
    assert orders_given(cluster, monkeypatch, MIN_LOOKS) == [REFRESHED, PAUSED, FAILED_OVER, UNPAUSED]
    assert "NOGOODSLAVE" in lines[0]


@pytest.mark.parametrize("flags", ["master,s_down", "master,disconnected", "master,failover_in_progress"])
def test_a_primary_that_the_sentinels_handle_themselves_is_left_alone(cluster, monkeypatch, flags):
    cluster.flags = flags
    assert orders_given(cluster, monkeypatch, 3 * MIN_LOOKS) == []


def test_a_node_that_does_not_answer_begins_anew(cluster, monkeypatch):
    cluster.unreachable = {MIN_LOOKS}
    assert FAILED_OVER not in orders_given(cluster, monkeypatch, 2 * MIN_LOOKS - 1)


def test_intervals_that_could_not_be_set_back_are_set_at_the_next_look(cluster, monkeypatch):
    def interrupted(sentinel, name):
        raise NotExecuted

    monkeypatch.setattr(isolation, "refresh_replicas", interrupted)
    assert orders_given(cluster, monkeypatch, 2)[0] == (SENTINEL, "intervals")
