"""Data nodes and Sentinels that all start at once, with torn files, lost directories, or less than all of them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.temporary import RunningStack
from exactly_once.client import run_once
from tests.integration.test_node_roles import (
    empty,
    is_supervised,
    order,
    primary_of,
    replicas_of,
    start_everything,
    stop_everything,
)
from tests.stack_fixtures import wait_until

TORN_BYTES = 37
#: One write as the server writes it down, effects of a script included: a transaction of two commands.
SCRIPT = "redis.call('INCR', KEYS[1]) return redis.call('SET', KEYS[2], ARGV[1])"


@pytest.fixture
def store(redis_stack: RunningStack) -> Iterator[RunningStack]:
    """A whole store whose nodes all have the same writes."""
    redis_stack.start(*(name for name in redis_stack.layout.names if is_supervised(redis_stack, name)))
    redis_stack.wait_until_whole()
    write(redis_stack, "before")
    yield redis_stack
    redis_stack.start(*(name for name in redis_stack.layout.names if is_supervised(redis_stack, name)))


def write(store: RunningStack, name: str, copies: int = 2) -> None:
    """One write that so many replicas have."""
    layout = store.layout
    script = ("EVAL", SCRIPT, 2, layout.revision_key, key(store, name), name)
    _, confirmed = run_once(layout.redis[primary_of(store)], script, ("WAIT", copies, "5000"), timeout=6)
    assert confirmed >= copies


def key(store: RunningStack, name: str) -> str:
    return layout_prefix(store) + name


def layout_prefix(store: RunningStack) -> str:
    return f"{store.layout.revision_key.rpartition(':')[0]}:probe:"


def names_on(store: RunningStack, node: str, names: list[str]) -> list[str]:
    """Which of these writes the node has."""
    return [name for name in names if order(store, node, "GET", key(store, name)) == name]


def everywhere(store: RunningStack, names: list[str]) -> bool:
    return all(names_on(store, node, names) == names for node in store.layout.redis)


def newest_file(store: RunningStack, node: str) -> Path:
    return max(store.layout.directory(node).glob("appendonlydir/*.incr.aof"), key=lambda path: path.stat().st_mtime)


def tear(store: RunningStack, node: str, dropped_bytes: int = TORN_BYTES) -> bytes:
    """Cut so many bytes off the node's append-only file, and return what is left."""
    file = newest_file(store, node)
    torn = file.read_bytes()[:-dropped_bytes]
    file.write_bytes(torn)
    return torn


def forget(store: RunningStack) -> None:
    """Remove all that the Sentinels know."""
    for name in store.layout.sentinels:
        shutil.rmtree(store.layout.directory(name))


def make_first_node_late(store: RunningStack, names: list[str]) -> str:
    """Make these writes while the node that new Sentinels name is stopped. Return that node."""
    first = next(iter(store.layout.redis))
    store.stop(first)
    wait_until(lambda: store.primary not in (None, first) and store.nodes[primary_of(store)].is_primary)
    wait_until(lambda: sum(node.link_is_up for node in store.nodes.values()) == 1)
    for name in names:
        write(store, name, copies=1)
    return first


def asides(store: RunningStack, node: str, kind: str) -> list[Path]:
    return sorted(store.layout.directory(node).glob(f"{kind}-*"))


def remove_asides(store: RunningStack) -> None:
    for node in store.layout.redis:
        for kind in ("torn", "replaced"):
            for path in asides(store, node, kind):
                shutil.rmtree(path)


def test_of_three_torn_nodes_the_one_with_the_most_whole_writes_leads_or_is_copied(store):
    names = [f"torn-{number}" for number in range(6)]
    for name in names:
        write(store, name)
    old, (one, other) = primary_of(store), replicas_of(store)
    stop_everything(store)
    remove_asides(store)
    transaction = len(newest_file(store, old).read_bytes().rpartition(b"*1\r\n$5\r\nMULTI")[2])
    torn = {
        old: tear(store, old, 3 * transaction),
        one: tear(store, one),
        other: tear(store, other, transaction + TORN_BYTES),
    }
    start_everything(store)
    assert everywhere(store, names[:5])
    assert names_on(store, primary_of(store), names) == names[:5]
    for node, left in torn.items():
        (aside,) = asides(store, node, "torn")
        (file,) = aside.iterdir()
        assert file.read_bytes() == left
        assert store.log(node).count(str(aside)) == 1
    write(store, "after")


def test_one_torn_node_follows_the_others_which_have_its_last_write(store):
    write(store, "whole")
    node = replicas_of(store)[0]
    stop_everything(store)
    tear(store, node)
    start_everything(store)
    assert everywhere(store, ["before", "whole"])


def test_a_torn_primary_copies_what_it_lost_before_it_leads(store):
    write(store, "whole")
    old = primary_of(store)
    stop_everything(store)
    tear(store, old)
    start_everything(store)
    assert everywhere(store, ["before", "whole"])


def test_a_file_that_ends_in_zeros_is_torn_and_not_damaged(store):
    write(store, "whole")
    stop_everything(store)
    for node in store.layout.redis:
        left = tear(store, node)
        newest_file(store, node).write_bytes(left + bytes(4096))
    start_everything(store)
    assert everywhere(store, ["before"])


def test_new_sentinels_do_not_make_a_node_lead_that_lacks_what_the_others_have(store):
    names = [f"late-{number}" for number in range(46)]
    first = make_first_node_late(store, names)
    stop_everything(store)
    forget(store)
    start_everything(store)
    assert primary_of(store) == first
    assert everywhere(store, names)


def test_new_sentinels_name_a_node_with_an_empty_directory_and_it_copies_the_fullest(store):
    names = [f"empty-{number}" for number in range(5)]
    first = make_first_node_late(store, names)
    stop_everything(store)
    empty(store, first)
    forget(store)
    start_everything(store)
    assert primary_of(store) == first
    assert everywhere(store, names)
