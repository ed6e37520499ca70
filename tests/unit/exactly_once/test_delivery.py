"""Delivery to a primary that does what the test says."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import pytest

from exactly_once.client import Address, Replies
from exactly_once.delivery import DEFAULT_WAIT_MS, WAIT_FACTORS, Delivery, Errand
from exactly_once.durability import Durability
from exactly_once.errors import Indeterminate, NotExecuted, OutcomeUnknown, SchemaTooNew, StoreUnavailable
from exactly_once.group_commit import Destination
from exactly_once.observer import SilentObserver
from exactly_once.scripts import Scripts
from exactly_once.topology import View
from tests.architecture.sources import ROOT

FIRST, SECOND = Address("127.0.0.1", 1), Address("127.0.0.2", 1)
DONE = [[1, 5], "a request", "ADDED", "1"]
SCRIPTS = Scripts(ROOT / "tests" / "example" / "lua")


class Primary:
    """Replies with what comes next: a number of replicas behind an outcome, or an error."""

    def __init__(self) -> None:
        self.results: list[Exception | int | Replies] = []
        self.waits_ms: list[int] = []

    def load(self, source: str, timeout: float) -> None:
        """Know the script."""

    def replies(self, *commands, timeout: float) -> Replies:
        *scripts, (_, _, wait_ms) = commands
        self.waits_ms.append(wait_ms)
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result if isinstance(result, Replies) else Replies([*[DONE] * len(scripts), result])


class FakeCluster:
    """Two nodes, of which the Sentinels name `primary` when they are asked again."""

    replicas = 2
    release_slot = staticmethod(nullcontext)

    def __init__(self) -> None:
        self.observer, self.sentinels, self.topology = SilentObserver(), None, self
        self.nodes = {FIRST: Primary(), SECOND: Primary()}
        self.primary: Address | None = FIRST
        self.view = self.seen(FIRST)

    def seen(self, primary: Address | None) -> View:
        return View(primary=primary, replicas=(), known=(), is_certain=True, following=2, epoch=1)

    def is_primary(self, address: Address) -> bool:
        return self.view.primary == address

    def refresh(self) -> View:
        return self.seen(self.primary)

    def wait_for_primary(self, deadline: float) -> Address | None:
        time.sleep(max(deadline - time.monotonic(), 0))
        return None

    def epoch_of(self, primary: Address) -> str:
        return f"1 {primary}"


class Gate:
    """Refuses with the schema that the store has."""

    def refusal(self, stored: str) -> SchemaTooNew:
        return SchemaTooNew(stored)


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def delivery(cluster) -> Delivery:
    return Delivery(cluster=cluster, scripts=SCRIPTS, durability=Durability.REPLICATED, gate=Gate())


@pytest.fixture
def deliver(delivery) -> Callable[..., object]:
    def run(count: int = 1, timeout_s: float = 10.0) -> object:
        script = SCRIPTS["counter_add"]
        deadline = time.monotonic() + timeout_s
        errand = Errand(script=script, commands=lambda epoch: [(epoch,)] * count, count=count, deadline=deadline)
        return delivery.deliver(errand)

    return run


def test_a_write_that_all_replicas_have_is_acknowledged(cluster, deliver):
    cluster.nodes[FIRST].results = [2]
    assert deliver() == [DONE]


def test_a_write_that_was_not_executed_goes_to_the_node_that_is_primary_by_then(cluster, deliver):
    cluster.nodes[FIRST].results, cluster.primary = [NotExecuted("READONLY")], SECOND
    cluster.nodes[SECOND].results = [2]
    assert deliver() == [DONE]


def test_a_write_is_not_sent_to_a_node_that_ceased_to_be_primary_before_its_turn_came(cluster, delivery):
    cluster.nodes[SECOND].results, cluster.primary = [2], SECOND

    def commands(epoch):
        cluster.view = cluster.seen(SECOND)
        return [(epoch,)]

    deadline = time.monotonic() + 10.0
    errand = Errand(script=SCRIPTS["counter_add"], commands=commands, count=1, deadline=deadline)
    assert delivery.deliver(errand) == [DONE]
    assert cluster.nodes[FIRST].waits_ms == []


def test_a_write_that_was_certainly_not_executed_until_the_deadline_was_not_done(cluster, deliver):
    cluster.nodes[FIRST].results, cluster.primary = [NotExecuted("READONLY")], None
    with pytest.raises(StoreUnavailable):
        deliver(timeout_s=0.05)


def test_a_write_that_may_have_been_executed_has_an_unknown_outcome_at_the_deadline(cluster, deliver):
    cluster.nodes[FIRST].results, cluster.primary = [Indeterminate("reset")], None
    with pytest.raises(OutcomeUnknown):
        deliver(timeout_s=0.05)


def test_a_write_that_may_have_been_executed_stays_unknown_where_it_gets_no_further_place(cluster, delivery, deliver):
    cluster.nodes[FIRST].results = [Indeterminate("reset")]

    def no_place(deadline):
        raise NotExecuted("Other writes wait.")

    delivery._group.place = no_place
    with pytest.raises(OutcomeUnknown):
        deliver()


def test_a_write_whose_deadline_has_passed_is_not_sent(cluster, deliver):
    for count in (1, 2):
        with pytest.raises(StoreUnavailable):
            deliver(count, timeout_s=-1)


def test_each_try_that_a_primary_has_carried_out_waits_longer(cluster, delivery, deliver):
    cluster.nodes[FIRST].results = [1, 1, 2]
    delivery._safety.is_failover_safe = lambda primary, count: False
    assert deliver() == [DONE]
    assert cluster.nodes[FIRST].waits_ms == [DEFAULT_WAIT_MS * factor for factor in WAIT_FACTORS[:3]]


def test_a_write_with_less_than_a_millisecond_left_does_not_wait_for_the_replicas_without_limit(cluster, delivery):
    cluster.nodes[FIRST].results = [2]
    delivery._transmit(Destination(FIRST, DEFAULT_WAIT_MS), [("EVALSHA",)], 0.0005)
    assert cluster.nodes[FIRST].waits_ms == [1]


def test_a_write_that_can_no_longer_be_lost_is_acknowledged_with_fewer_replicas(cluster, delivery, deliver):
    cluster.nodes[FIRST].results = [1]
    delivery._safety.is_failover_safe = lambda primary, count: (primary, count) == (FIRST, 1)
    assert deliver() == [DONE]


def test_a_replica_that_was_added_counts_before_this_process_is_configured_for_it(cluster, delivery, deliver):
    cluster.view = replace(cluster.view, known_replicas=3)
    cluster.nodes[FIRST].results = [2]
    checked = []
    delivery._safety.is_failover_safe = lambda primary, count: checked.append(count) or True
    assert deliver() == [DONE]
    assert checked == [2]


def test_fewer_known_replicas_than_configured_lower_nothing(cluster, delivery, deliver):
    cluster.view = replace(cluster.view, known_replicas=1)
    cluster.nodes[FIRST].results = [1]
    checked = []
    delivery._safety.is_failover_safe = lambda primary, count: checked.append(count) or True
    assert deliver() == [DONE]
    assert checked == [1]


def test_many_writes_of_one_call_are_acknowledged_together(cluster, deliver):
    cluster.nodes[FIRST].results = [2]
    assert deliver(count=3) == [DONE] * 3


def test_a_store_of_another_schema_is_an_error_at_once(cluster, deliver):
    cluster.nodes[FIRST].results = [Replies([[[0, 0], "a request", "SCHEMA_CHANGED", "3"], 2])]
    with pytest.raises(SchemaTooNew):
        deliver()
