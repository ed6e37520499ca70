"""Every kind of write, while there is no primary: it waits, takes effect once, and is on every node afterwards."""

import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import pytest

from agents import planned_failover
from devstack import lifecycle
from devstack.temporary import RunningStack, running
from exactly_once.client import Address
from exactly_once.sentinels import read_consensus
from shop.domain.errors import Refusal
from tests.contract.conftest import shop_on_redis
from tests.contract.test_audit import entries, journaled
from tests.contract.test_exactly_once import REFUSALS, WRITES
from tests.samples import a_request, again
from tests.stack_fixtures import primary_of, wait_until
from tests.store_access import operator_node, run_once


@pytest.fixture(scope="module")
def data_tier() -> Iterator[RunningStack]:
    """Nodes and Sentinels that only these tests kill."""
    with running("127.23", lifecycle.DATA_ONLY, stores="*") as started:
        started.wait_until_whole()
        yield started


@contextmanager
def killed(stack: RunningStack) -> Iterator[None]:
    stack.kill(stack.primary)
    yield


@contextmanager
def frozen(stack: RunningStack) -> Iterator[None]:
    primary = primary_of(stack)
    stack.kill(primary, signal.SIGSTOP)
    try:
        yield
    finally:
        stack.kill(primary, signal.SIGCONT)


@contextmanager
def moved(stack: RunningStack) -> Iterator[None]:
    """A failover that an operator asks for."""
    layout = stack.layout
    run_once(layout.sentinels["sentinel-1"], ("SENTINEL", "FAILOVER", layout.settings.primary_name))
    yield


OF_EVERY_USER = "revoking the tokens of every user"


def patient_request():
    """One that also waits out an election that has to be held again."""
    return a_request(deadline=time.monotonic() + 60)


@pytest.mark.parametrize("fault", [killed, frozen, moved])
def test_every_write_waits_out_a_failover_and_takes_effect_once(data_tier, fault):
    with shop_on_redis(data_tier) as shop, shop_on_redis(data_tier) as other:
        # In the same shop it would end the session that another write is to end.
        writes = [scene(other if name == OF_EVERY_USER else shop) for name, scene in WRITES.items()]
        requests = [journaled(patient_request()) for _ in writes]
        former = data_tier.primary
        with fault(data_tier), ThreadPoolExecutor(len(writes)) as threads:
            outcomes = list(threads.map(lambda act, request: act(request), writes, requests))
            wait_until(lambda: data_tier.primary not in (None, former))
        repeated = [act(again(request)) for act, request in zip(writes, requests, strict=True)]
        assert repeated == outcomes
        assert [done.origin_request_id for done in outcomes] == [request.id for request in requests]
        recorded = entries(shop)
        journaled_ids = [entry.request_id for entry in (*recorded, *entries(other))]
        assert sorted(journaled_ids) == sorted(request.id for request in requests)
        assert [entry.sequence for entry in recorded] == list(range(len(requests) - 1, 0, -1))
    data_tier.wait_until_whole()
    wait_until(lambda: len({node.revision for node in data_tier.nodes.values()}) == 1)


def test_a_refusal_during_a_failover_is_the_same_afterwards(data_tier):
    with ExitStack() as shops:
        # A shop for each: who is the last member of staff depends on who else there is.
        writes = [
            (scene(shops.enter_context(shop_on_redis(data_tier))), patient_request()) for scene in REFUSALS.values()
        ]
        with killed(data_tier), ThreadPoolExecutor(len(writes)) as threads:
            told = list(threads.map(lambda write: refusal(*write), writes))
        assert [refusal(act, again(request)) for act, request in writes] == told
    data_tier.wait_until_whole()


def refusal(act, request):
    """What a write that is refused is told."""
    with pytest.raises(Refusal) as refused:
        act(request)
    return type(refused.value), str(refused.value), refused.value.origin_request_id


def test_after_a_planned_failover_the_former_primary_follows_at_once(data_tier):
    layout = data_tier.layout
    sentinels, name, operator = list(layout.sentinels.values()), layout.settings.primary_name, layout.operator
    for _ in range(2):
        wait_until(lambda: not read_consensus(sentinels, name, operator).is_failing_over)
        former = data_tier.primary
        moved = planned_failover.move_primary(sentinels, name, operator)
        assert data_tier.nodes[former].follows == moved.primary
        data_tier.wait_until_whole()
    assert [is_as_usual(address) for address in data_tier.layout.redis.values()] == [True] * 3


def test_a_primary_that_is_quiet_sends_nothing_and_is_as_usual_afterwards(data_tier):
    primary = data_tier.layout.redis[primary_of(data_tier)]
    with closing(operator_node(primary)) as node, planned_failover.quiet(node):
        before = sent(primary)
        # It gives a sign of life each second.
        time.sleep(2.5)
        assert sent(primary) == before
    wait_until(lambda: sent(primary) > before)
    assert is_as_usual(primary)


def sent(address: Address) -> int:
    """How many bytes a node has had for its replicas."""
    (told,) = run_once(address, ("INFO", "replication"))
    return int(re.search(r"master_repl_offset:(\d+)", told)[1])


def is_as_usual(address: Address) -> bool:
    """Whether nothing is left of the time in which a node sends nothing."""
    (_, period), clients = run_once(address, ("CONFIG", "GET", planned_failover.PING_PERIOD), ("INFO", "clients"))
    return period == planned_failover.USUAL_PERIOD_S and "paused_reason:none" in clients
