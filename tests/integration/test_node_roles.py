import shutil
import signal

import pytest

from agents.node_status import NodeState
from devstack.temporary import RunningStack
from exactly_once.revision import epoch_key
from tests.stack_fixtures import primary_of, wait_until
from tests.store_access import run_once


@pytest.fixture
def store(redis_stack: RunningStack) -> RunningStack:
    """A whole store, in which some writes are on every node."""
    redis_stack.start(*(name for name in redis_stack.layout.names if is_supervised(redis_stack, name)))
    redis_stack.wait_until_whole()
    for _ in range(5):
        write(redis_stack)
    return redis_stack


def is_supervised(store: RunningStack, name: str) -> bool:
    return name in (*store.layout.redis, *store.layout.sentinels) and not store.pid(name)


def order(store: RunningStack, name: str, *words: str) -> object:
    return run_once(store.layout.redis[name], words)[0]


def write(store: RunningStack) -> int:
    """One write that every node has, and the count of writes with it."""
    counted, copies = run_once(
        store.layout.redis[primary_of(store)], ("INCR", store.layout.revision_key), ("WAIT", "2", "5000"), timeout=6
    )
    assert copies == 2
    return int(counted)


def begin_epoch(store: RunningStack) -> None:
    """Begin an epoch as the first write of a new primary does."""
    address = store.layout.redis[primary_of(store)]
    words = (
        "SET",
        epoch_key(store.layout.revision_key),
        f"{store.nodes[primary_of(store)].revision.epoch + 1} {address}",
    )
    wait_until(lambda: any(node.link_is_up for node in store.nodes.values()))
    run_once(address, words)


def replicas_of(store: RunningStack) -> list[str]:
    return [name for name in store.layout.redis if name != primary_of(store)]


def counts(store: RunningStack) -> set[int]:
    return {node.revision.number for node in store.nodes.values()}


def stop_everything(store: RunningStack) -> None:
    store.stop(*(name for name in store.layout.sentinels if store.pid(name)))
    store.stop(*(name for name in store.layout.redis if store.pid(name)))


def start_everything(store: RunningStack) -> None:
    store.start(*store.layout.redis, *store.layout.sentinels)
    store.wait_until_whole()


def empty(store: RunningStack, name: str) -> None:
    shutil.rmtree(store.layout.directory(name))


def test_a_killed_primary_comes_back_as_a_replica_of_the_one_elected_meanwhile(store):
    old, counted = primary_of(store), write(store)
    store.kill(old)
    wait_until(lambda: store.primary not in (None, old))
    store.wait_until_whole()
    assert counts(store) == {counted}
    assert write(store) == counted + 1


def test_a_primary_that_comes_back_with_an_empty_disk_wipes_nobody(store):
    old, counted = primary_of(store), write(store)
    store.stop(old)
    empty(store, old)
    store.start(old)
    wait_until(lambda: store.primary not in (None, old))
    store.wait_until_whole()
    assert counts(store) == {counted}


def test_a_replica_that_comes_back_with_an_empty_disk_cannot_be_elected_before_it_has_a_copy(store):
    name, counted = replicas_of(store)[0], write(store)
    store.stop(name)
    empty(store, name)
    store.start(name)
    wait_until(lambda: store.nodes[name].priority > 0)
    assert store.nodes[name].revision.number == counted


def test_everything_killed_at_once_comes_up_with_the_data_and_the_same_primary(store):
    old, counted = primary_of(store), write(store)
    before = {name: store.kill(name) for name in (*store.layout.redis, *store.layout.sentinels)}
    wait_until(lambda: all(store.pid(name) not in (0, pid) for name, pid in before.items()))
    store.wait_until_whole()
    assert counts(store) == {counted}
    assert primary_of(store) == old


def test_to_start_what_runs_changes_nothing(store):
    name = replicas_of(store)[0]
    before = store.pid(name)
    store.start(name)
    assert store.pid(name) == before


def test_a_primary_that_lost_its_disk_copies_the_others_before_it_leads_them(store):
    old, counted = primary_of(store), write(store)
    stop_everything(store)
    empty(store, old)
    start_everything(store)
    assert primary_of(store) == old
    assert counts(store) == {counted}
    assert "has more: copying it before leading" in store.log(old)


def test_of_a_store_of_schema_1_too_a_primary_that_lost_its_disk_copies_the_others(store):
    old, counted = primary_of(store), write(store)
    present, former = store.layout.revision_key, store.layout.revision_key.replace(":revision", ":fence")
    run_once(store.layout.redis[old], ("RENAME", present, former), ("WAIT", "2", "5000"), timeout=6)
    stop_everything(store)
    empty(store, old)
    start_everything(store)
    found = primary_of(store), counts(store)
    run_once(store.layout.redis[primary_of(store)], ("RENAME", former, present), ("WAIT", "2", "5000"), timeout=6)
    assert found == (old, {counted})


def test_what_only_a_dead_primary_has_is_not_taken_from_it_after_others_went_on(store):
    old, others = primary_of(store), replicas_of(store)
    for name in others:
        store.kill(name, signal.SIGSTOP)
    order(store, old, "CONFIG", "SET", "min-replicas-to-write", "0")
    order(store, old, "CLIENT", "KILL", "TYPE", "replica")
    for _ in range(10):
        order(store, old, "INCR", store.layout.revision_key)
    store.stop(old)
    for name in others:
        store.kill(name, signal.SIGCONT)
    wait_until(lambda: store.primary in others and store.nodes[primary_of(store)].is_primary)
    begin_epoch(store)
    counted = store.nodes[primary_of(store)].revision.number
    stop_everything(store)
    start_everything(store)
    assert primary_of(store) in others
    assert counts(store) == {counted}


def test_nodes_that_start_before_any_sentinel_wait_for_their_roles(store):
    counted = write(store)
    stop_everything(store)
    store.start(*store.layout.redis)
    wait_until(lambda: all(node.state is NodeState.READY for node in store.nodes.values()))
    assert all(node.has_no_role and not node.is_electable for node in store.nodes.values())
    store.start(*store.layout.sentinels)
    store.wait_until_whole()
    assert counts(store) == {counted}


def test_a_store_whose_primary_never_comes_back_elects_another(store):
    old, counted = primary_of(store), write(store)
    stop_everything(store)
    store.start(*(name for name in store.layout.redis if name != old), *store.layout.sentinels)
    wait_until(lambda: store.primary not in (None, old) and store.nodes[primary_of(store)].is_primary)
    store.start(old)
    store.wait_until_whole()
    assert primary_of(store) != old
    assert counts(store) == {counted}
