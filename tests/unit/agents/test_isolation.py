"""When a primary is isolated from its replicas, and what is done then."""

import time

import pytest

from agents import isolation
from agents.isolation import (
    LOOKS_PER_RANK,
    MAX_SILENCE_S,
    MAX_STEP_S,
    MIN_DOWN_S,
    MIN_OUTSTANDING_S,
    REPEATED_POLL_S,
    Outstanding,
    are_cut_off,
    replace_isolated_primary,
)
from exactly_once.client import Address, ErrorReply
from exactly_once.errors import NotExecuted

SENTINEL, OTHER = Address("10.0.0.21", 26379), Address("10.0.0.20", 26379)
PRIMARY, REPLICAS = Address("10.0.0.11", 6379), (Address("10.0.0.12", 6379), Address("10.0.0.13", 6379))
#: What the primary has sent at the beginning of each test.
SENT = 1000
#: Looks that surely last longer than it takes to find a primary isolated.
MANY_LOOKS = 3 * int(MIN_OUTSTANDING_S / REPEATED_POLL_S)


def primary(sent, *confirmed, role="master", replid="a"):
    replicas = {
        f"slave{place}": f"ip=1,port=1,state=online,offset={each},lag=0" for place, each in enumerate(confirmed)
    }
    numbers = {"master_replid": replid, "master_repl_offset": str(sent), "slave_expires_tracked_keys": "0"}
    return {"role": role, **numbers, **replicas}


def replica(received=SENT - 1, silence=1, link="up", role="slave", is_copying=False, follows=PRIMARY):
    return {
        "role": role,
        "master_host": follows.host,
        "master_port": str(follows.port),
        "master_link_status": link,
        "master_sync_in_progress": str(int(is_copying)),
        "slave_read_repl_offset": str(received),
        "master_last_io_seconds_ago": str(silence if link == "up" else -1),
        "master_link_down_since_seconds": str(silence if link == "down" else -1),
    }


def outstanding_s(*infos, step=0.1):
    """For how long a byte is outstanding after the primary reported these, one each step."""
    outstanding = Outstanding()
    for number, info in enumerate(infos):
        outstanding.observe(info, 100 + number * step)
    return round(outstanding.seconds, 3)


def test_a_byte_is_outstanding_from_the_look_that_finds_it_until_a_replica_confirms_it():
    assert outstanding_s(primary(10, 10, 10), primary(12, 10, 10)) == 0
    assert outstanding_s(primary(12, 10, 10), primary(12, 10, 10), primary(14, 11, 10)) == 0.2
    assert outstanding_s(primary(12, 10, 10), primary(12, 10, 12)) == 0


def test_newer_bytes_do_not_hide_one_that_is_outstanding():
    assert outstanding_s(primary(12, 10), primary(13, 10), primary(14, 11), primary(15, 11)) == 0.3


def test_a_primary_that_sends_nothing_has_nothing_outstanding():
    assert outstanding_s(*[primary(10, 10, 10)] * 9) == 0


def test_a_primary_without_replicas_has_everything_outstanding():
    assert outstanding_s(*[primary(10)] * 3) == 0.2


def test_another_stream_and_another_role_begin_anew():
    assert outstanding_s(primary(12, 10), primary(12, 10), primary(12, 10, replid="b")) == 0
    assert outstanding_s(primary(12, 10), primary(12, 10), primary(12, 10, role="slave")) == 0


def test_a_pause_of_the_machine_counts_as_one_step():
    assert outstanding_s(primary(12, 10), primary(12, 10), step=60) == MAX_STEP_S


@pytest.mark.parametrize(
    "replicas",
    [
        [replica(), replica(SENT - 9)],
        [replica(link="down", silence=MIN_DOWN_S), replica()],
        [replica(silence=MAX_SILENCE_S), replica(silence=MAX_SILENCE_S - 1)],
    ],
    ids=["both links stand still", "one is down", "one is fresh enough for Sentinel"],
)
def test_replicas_are_cut_off_where_none_has_what_was_sent_long_ago(replicas):
    assert are_cut_off(PRIMARY, SENT, replicas)


@pytest.mark.parametrize(
    "second",
    [
        replica(SENT),
        replica(link="down", silence=MIN_DOWN_S - 1),
        replica(link="down", silence=MIN_DOWN_S, is_copying=True),
        replica(link="down", silence=-1),
        replica(role="master"),
        replica(follows=OTHER),
    ],
    ids=["has it", "has just lost its link", "copies everything", "was never linked", "is none", "follows another"],
)
def test_replicas_are_not_cut_off_where_one_of_them(second):
    assert not are_cut_off(PRIMARY, SENT, [replica(), second])


@pytest.mark.parametrize(
    "replicas",
    [[], [replica()], [replica(silence=MAX_SILENCE_S)] * 2],
    ids=["there are none", "no other would confirm the only one", "it is too late for Sentinel"],
)
def test_a_primary_is_left_alone_where(replicas):
    assert not are_cut_off(PRIMARY, SENT, replicas)


class Cluster:
    """A Sentinel, its primary and two replicas. Each look shows the primary isolated, but for those in `connected`."""

    def __init__(self):
        self.connected: set[int] = set()
        self.unreachable: set[int] = set()
        self.flags, self.sentinels, self.refusal = "master", [], None
        self.looks, self.orders = 0, []
        self.now, self.looks_at_order = 0.0, 0

    def sleep(self, seconds):
        self.now += seconds

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
        if command[1] == "FAILOVER":
            self.looks_at_order = self.looks_at_order or self.looks
        if self.refusal and command[1] == "FAILOVER":
            raise ErrorReply(self.refusal)
        return "OK"

    def information(self, address):
        if address == PRIMARY:
            self.looks += 1
            if self.looks in self.unreachable:
                raise NotExecuted
        received = self.looks * SENT if self.looks in self.connected else 0
        info = primary(self.looks * SENT, received, 0) if address == PRIMARY else replica(received)
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
    monkeypatch.setattr(time, "sleep", made.sleep)
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
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
    replace_isolated_primary(cluster, SENTINEL, "evergreen", 1)
    return cluster.orders


REFRESHED, FAILED_OVER = (SENTINEL, "refresh"), (SENTINEL, "SENTINEL", "FAILOVER")
PAUSED, UNPAUSED = (PRIMARY, "CLIENT", "PAUSE"), (PRIMARY, "CLIENT", "UNPAUSE")


def looks_of_order(cluster, monkeypatch):
    """How many looks it takes until another primary is elected, the one before the order included."""
    orders_given(cluster, monkeypatch, MANY_LOOKS)
    looks = cluster.looks_at_order
    begin_anew(cluster)
    return looks


def begin_anew(cluster):
    cluster.looks, cluster.now = 0, 0.0
    cluster.orders.clear()


def test_another_primary_is_elected_after_a_while_and_this_one_takes_no_writes_meanwhile(cluster, monkeypatch):
    looks = looks_of_order(cluster, monkeypatch)
    assert orders_given(cluster, monkeypatch, looks - 2) == [REFRESHED]
    begin_anew(cluster)
    assert orders_given(cluster, monkeypatch, looks - 1) == [REFRESHED, PAUSED, FAILED_OVER]


def test_a_sentinel_lets_those_before_it_be_first(cluster, monkeypatch):
    looks = looks_of_order(cluster, monkeypatch)
    cluster.sentinels = [OTHER]
    assert FAILED_OVER not in orders_given(cluster, monkeypatch, LOOKS_PER_RANK)
    begin_anew(cluster)
    assert FAILED_OVER in orders_given(cluster, monkeypatch, looks + LOOKS_PER_RANK)


def test_one_look_that_finds_it_connected_begins_anew(cluster, monkeypatch):
    looks = looks_of_order(cluster, monkeypatch)
    cluster.connected = {looks - 2}
    assert FAILED_OVER not in orders_given(cluster, monkeypatch, looks)


def test_a_primary_that_is_connected_at_the_last_moment_goes_on(cluster, monkeypatch):
    looks = looks_of_order(cluster, monkeypatch)
    cluster.connected = {looks}
    assert orders_given(cluster, monkeypatch, looks - 1) == [REFRESHED, PAUSED, UNPAUSED]


def test_a_primary_that_cannot_be_replaced_goes_on_and_the_log_says_why(cluster, monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr(isolation, "log", lines.append)
    looks = looks_of_order(cluster, monkeypatch)
    lines.clear()
    cluster.refusal = "NOGOODSLAVE No suitable replica to promote"
    assert orders_given(cluster, monkeypatch, looks - 1) == [REFRESHED, PAUSED, FAILED_OVER, UNPAUSED]
    assert "NOGOODSLAVE" in lines[0]


@pytest.mark.parametrize("flags", ["master,s_down", "master,disconnected", "master,failover_in_progress"])
def test_a_primary_that_the_sentinels_handle_themselves_is_left_alone(cluster, monkeypatch, flags):
    cluster.flags = flags
    assert orders_given(cluster, monkeypatch, MANY_LOOKS) == []


def test_a_node_that_does_not_answer_delays_the_order_by_the_looks_in_a_row_alone(cluster, monkeypatch):
    looks = looks_of_order(cluster, monkeypatch)
    cluster.unreachable = {looks - 1}
    assert FAILED_OVER not in orders_given(cluster, monkeypatch, looks)
    assert FAILED_OVER in orders_given(cluster, monkeypatch, looks + isolation.MIN_LOOKS + 1)


def test_intervals_that_could_not_be_set_back_are_set_at_the_next_look(cluster, monkeypatch):
    def interrupted(sentinel, name):
        raise NotExecuted

    monkeypatch.setattr(isolation, "refresh_replicas", interrupted)
    assert orders_given(cluster, monkeypatch, MANY_LOOKS)[0] == (SENTINEL, "intervals")
