"""When nobody hears a primary, and what is done then."""

import pytest

from agents import isolation
from agents.isolation import LOOKS, LOOKS_PER_RANK, SILENT, TOO_LATE, is_unheard, relieve
from agents.wire import Address, ErrorReply, Unreachable


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


@pytest.mark.parametrize("known", [primary(), primary(SILENT, SILENT + 3)])
@pytest.mark.parametrize("link", ["up", "down"])
def test_a_primary_is_unheard_where_all_replicas_have_heard_nothing_for_long(known, link):
    assert is_unheard(known, [replica(SILENT, link), replica(TOO_LATE)])


@pytest.mark.parametrize(
    ("known", "replicas"),
    [
        (primary(SILENT), [replica(SILENT), replica(SILENT - 1)]),
        (primary(SILENT, SILENT - 1), [replica(SILENT), replica(SILENT)]),
        (primary(SILENT), [replica(SILENT, "down"), replica(0, "down")]),
        (primary(SILENT), [replica(SILENT, "down"), replica(SILENT, "down", is_copying=True)]),
        (primary(SILENT), [replica(SILENT, "down"), replica(-1, "down")]),
        (primary(SILENT), [replica(TOO_LATE, "down"), replica(TOO_LATE, "down")]),
        (primary(SILENT), [replica(SILENT), replica(SILENT, role="master")]),
        (primary(SILENT, role="slave"), [replica(SILENT), replica(SILENT)]),
        (primary(SILENT), [replica(SILENT)]),
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
    assert not is_unheard(known, replicas)


ME, OTHER = Address("10.0.0.21", 26379), Address("10.0.0.20", 26379)
PRIMARY, REPLICAS = Address("10.0.0.11", 6379), (Address("10.0.0.12", 6379), Address("10.0.0.13", 6379))


class Store:
    """A Sentinel, its primary and two replicas, of which each look finds nobody hearing the primary, but for the looks
    in `heard`."""

    def __init__(self):
        self.heard: set[int] = set()
        self.unreachable: set[int] = set()
        self.flags, self.sentinels, self.refusal = "master", [], None
        self.looks, self.told = 0, []

    def ask(self, address, *commands, source=""):
        return [self.answer(address, command, source) for command in commands]

    def answer(self, address, command, source):
        match command:
            case ("SENTINEL", "MASTER", _):
                return described(PRIMARY, self.flags)
            case ("SENTINEL", "REPLICAS", _):
                return [described(each, "slave") for each in REPLICAS]
            case ("SENTINEL", "SENTINELS", _):
                return [described(each, "sentinel") for each in self.sentinels]
            case ("INFO", "replication"):
                assert source == ME.host
                return self.information(address)
        self.told.append((address, *command[:2]))
        if self.refusal and command[1] == "FAILOVER":
            raise ErrorReply(self.refusal)
        return "OK"

    def information(self, address):
        if address == PRIMARY:
            self.looks += 1
            if self.looks in self.unreachable:
                raise Unreachable
        is_heard = self.looks in self.heard
        found = primary(0 if is_heard else SILENT) if address == PRIMARY else replica(0 if is_heard else SILENT)
        return "\r\n".join(f"{name}:{value}" for name, value in found.items())


def described(address, flags):
    return ["ip", address.host, "port", str(address.port), "flags", flags]


@pytest.fixture
def store(monkeypatch):
    made = Store()
    monkeypatch.setattr(isolation, "ask", made.ask)
    monkeypatch.setattr(isolation.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(isolation, "have_replicas_asked", lambda me, name: made.told.append((me, "asked")))
    monkeypatch.setattr(isolation, "set_intervals", lambda me: made.told.append((me, "intervals")))
    return made


def relieved(store, monkeypatch, looks):
    """What was told to whom in so many looks."""
    left = iter(range(looks))
    monkeypatch.setattr(isolation, "is_running", lambda server: next(left, None) is not None)
    relieve(ME, "evergreen", 1)
    return store.told


PAUSED, FAILED_OVER = (PRIMARY, "CLIENT", "PAUSE"), (ME, "SENTINEL", "FAILOVER")
UNPAUSED = (PRIMARY, "CLIENT", "UNPAUSE")


def test_another_one_is_elected_after_some_looks_and_the_primary_takes_no_writes_meanwhile(store, monkeypatch):
    assert relieved(store, monkeypatch, LOOKS - 1) == [(ME, "asked")]
    store.told.clear()
    assert relieved(store, monkeypatch, LOOKS) == [(ME, "asked"), PAUSED, FAILED_OVER]


def test_a_sentinel_lets_those_before_it_be_first(store, monkeypatch):
    store.sentinels = [OTHER]
    assert FAILED_OVER not in relieved(store, monkeypatch, LOOKS + LOOKS_PER_RANK - 1)
    assert FAILED_OVER in relieved(store, monkeypatch, LOOKS + LOOKS_PER_RANK)


def test_one_look_that_finds_it_heard_begins_anew(store, monkeypatch):
    store.heard = {LOOKS}
    assert FAILED_OVER not in relieved(store, monkeypatch, 2 * LOOKS - 1)


def test_one_that_is_heard_at_the_last_moment_goes_on(store, monkeypatch):
    store.heard = {LOOKS + 1}
    assert relieved(store, monkeypatch, LOOKS) == [(ME, "asked"), PAUSED, UNPAUSED]


def test_one_that_cannot_be_replaced_goes_on_and_the_log_says_why(store, monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr(isolation, "say", lines.append)
    store.refusal = "NOGOODSLAVE No suitable replica to promote"
    assert relieved(store, monkeypatch, LOOKS) == [(ME, "asked"), PAUSED, FAILED_OVER, UNPAUSED]
    assert "NOGOODSLAVE" in lines[0]


@pytest.mark.parametrize("flags", ["master,s_down", "master,disconnected", "master,failover_in_progress"])
def test_what_the_sentinels_see_to_themselves_is_theirs(store, monkeypatch, flags):
    store.flags = flags
    assert relieved(store, monkeypatch, 3 * LOOKS) == []


def test_a_node_that_does_not_answer_begins_anew(store, monkeypatch):
    store.unreachable = {LOOKS}
    assert FAILED_OVER not in relieved(store, monkeypatch, 2 * LOOKS - 1)


def test_intervals_that_could_not_be_set_back_are_set_at_the_next_look(store, monkeypatch):
    def interrupted(me, name):
        raise Unreachable

    monkeypatch.setattr(isolation, "have_replicas_asked", interrupted)
    assert relieved(store, monkeypatch, 2)[0] == (ME, "intervals")
