"""A replica that confirms too slowly, on real servers: it loses its election, and gets it back."""

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from devstack.temporary import RunningStack
from exactly_once.client import Address, Nodes
from exactly_once.exclusions import AGENT_QUERY, QUERY, parse_channels
from exactly_once.failover_safety import FailoverSafetyCheck
from exactly_once.sentinels import Sentinels
from tests.stack_fixtures import wait_until
from tests.store_access import operator_node, run_once

#: Seconds in which the slow replica stands still, and runs. The Sentinels find one down that is silent for a second,
#: and a command to it takes several round trips: one that stands still for half of that second is for them to judge.
STOPPED_S, RUNNING_S = 0.35, 0.02


@pytest.fixture
def store(redis_stack: RunningStack) -> RunningStack:
    redis_stack.wait_until_whole()
    wait_until(lambda: all(node.priority > 0 for node in redis_stack.nodes.values()))
    return redis_stack


@contextmanager
def slow(store: RunningStack, name: str) -> Iterator[None]:
    pid, end = store.pid(name), threading.Event()

    def hamper() -> None:
        with suppress(ProcessLookupError):
            for number, pause_s in itertools.cycle(((signal.SIGSTOP, STOPPED_S), (signal.SIGCONT, RUNNING_S))):
                os.kill(pid, number)
                if end.wait(pause_s):
                    break
            os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=hamper)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def primary_and_replicas(store: RunningStack) -> tuple[str, list[str]]:
    primary = store.primary
    assert primary
    return primary, [name for name in store.layout.redis if name != primary]


def excluded(store: RunningStack, primary: str) -> frozenset[Address]:
    return parse_channels(run_once(store.layout.redis[primary], QUERY)[0])


def is_write_safe(store: RunningStack, primary: str) -> bool:
    """Whether a write that one replica has may be acknowledged."""
    layout = store.layout
    address, sentinels = layout.redis[primary], list(layout.sentinels.values())
    with (
        closing(Nodes(credentials=layout.operator)) as nodes,
        closing(Sentinels(sentinels, layout.settings.primary_name, nodes)) as asked,
    ):
        return FailoverSafetyCheck(asked, nodes, 2).is_failover_safe(address, 1)


def test_a_slow_replica_is_excluded_and_a_fast_one_takes_the_place_of_a_dead_primary(store):
    primary, (hampered, other) = primary_and_replicas(store)
    assert excluded(store, primary) == frozenset()
    with slow(store, hampered):
        wait_until(lambda: excluded(store, primary) == {store.layout.redis[hampered]})
        wait_until(lambda: is_write_safe(store, primary))
        store.kill(primary)
        wait_until(lambda: store.primary not in (None, primary))
        assert store.primary == other
    # The new primary's agent restores what the dead one's demoted.
    wait_until(lambda: store.nodes[hampered].priority > 0)
    store.wait_until_whole()
    assert excluded(store, other) == frozenset()


def test_a_replica_in_step_with_priority_0_gets_its_priority_back(store):
    _, (replica, _) = primary_and_replicas(store)
    run_once(store.layout.redis[replica], ("CONFIG", "SET", "replica-priority", "0"))
    wait_until(lambda: store.nodes[replica].priority > 0)


def test_an_agent_whose_subscription_is_killed_subscribes_again(store):
    address = store.layout.redis[primary_and_replicas(store)[0]]
    with closing(operator_node(address)) as node:
        node.run(("CLIENT", "KILL", "TYPE", "pubsub"), timeout=1)
        wait_until(lambda: node.run(AGENT_QUERY, timeout=1)[0][1] == 1)
