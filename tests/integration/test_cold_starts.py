"""Data nodes and Sentinels that all start at once, with torn files, lost directories, or less than all of them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.denials import forget_denials
from devstack.temporary import RunningStack
from exactly_once.revision import Revision, epoch_key
from tests.integration.test_node_roles import (
    empty,
    is_supervised,
    order,
    replicas_of,
    start_everything,
    stop_everything,
)
from tests.stack_fixtures import primary_of, wait_until
from tests.store_access import run_once

pytestmark = pytest.mark.prove

TORN_BYTES = 37
MULTI = b"*1\r\n$5\r\nMULTI\r\n"
#: One write, with an epoch as write.lua makes it. The server writes its effects down as one transaction.
SCRIPT = """
local epoch, primary = string.match(redis.call('GET', KEYS[1]) or '0 ', '^(%d+) (.*)$')
if primary ~= ARGV[2] then
  redis.call('SET', KEYS[1], (epoch + 1) .. ' ' .. ARGV[2])
end
redis.call('INCR', KEYS[2])
return redis.call('SET', KEYS[3], ARGV[1])
"""


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
    revision_key, primary = store.layout.revision_key, store.layout.redis[primary_of(store)]
    keys = epoch_key(revision_key), revision_key, key(store, name)
    script = ("EVAL", SCRIPT, len(keys), *keys, name, str(primary))
    _, confirmed = run_once(primary, script, ("WAIT", copies, "5000"), timeout=6)
    assert confirmed >= copies


def key(store: RunningStack, name: str) -> str:
    return f"{store.layout.revision_key.rpartition(':')[0]}:probe:{name}"


def names_on(store: RunningStack, node: str, names: list[str]) -> list[str]:
    """Which of these writes the node has."""
    return [name for name in names if order(store, node, "GET", key(store, name)) == name]


def everywhere(store: RunningStack, names: list[str]) -> bool:
    return all(names_on(store, node, names) == names for node in store.layout.redis)


def newest_file(store: RunningStack, node: str) -> Path:
    return max(store.layout.directory(node).glob("appendonlydir/*.incr.aof"), key=lambda path: path.stat().st_mtime)


def last_writes_bytes(store: RunningStack, node: str, number: int) -> int:
    """How many bytes of the node's append-only file are its last writes, so many of them."""
    data = newest_file(store, node).read_bytes()
    return len(MULTI) * number + sum(map(len, data.split(MULTI)[-number:]))


def tear(store: RunningStack, node: str, dropped_bytes: int = TORN_BYTES) -> bytes:
    """Cut so many bytes off the node's append-only file, and return what is left."""
    file = newest_file(store, node)
    torn = file.read_bytes()[:-dropped_bytes]
    file.write_bytes(torn)
    return torn


def spoil(store: RunningStack, node: str) -> None:
    """Damage the node's append-only file in the middle."""
    file = newest_file(store, node)
    data = file.read_bytes()
    begin = data.index(MULTI)
    file.write_bytes(data[:begin] + b"\xff" * 8 + data[begin + 8 :])


def forget(store: RunningStack) -> None:
    """Remove all that the Sentinels know."""
    for name in store.layout.sentinels:
        shutil.rmtree(store.layout.directory(name))


def make_node_late(store: RunningStack, late: str, names: list[str]) -> None:
    """Make these writes while this node is stopped."""
    store.stop(late)
    wait_until(lambda: store.primary not in (None, late) and store.nodes[primary_of(store)].is_primary)
    wait_until(lambda: sum(node.link_is_up for node in store.nodes.values()) == 1)
    for name in names:
        write(store, name, copies=1)


def make_first_node_late(store: RunningStack, names: list[str]) -> str:
    """Make these writes while the node that new Sentinels name is stopped. Return that node."""
    first = next(iter(store.layout.redis))
    make_node_late(store, first, names)
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
    torn = {
        old: tear(store, old, last_writes_bytes(store, old, 3) + TORN_BYTES),
        one: tear(store, one),
        other: tear(store, other, last_writes_bytes(store, other, 1) + 1),
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
    wait_until(lambda: len({(node.revision, node.cold_starts) for node in store.nodes.values()}) == 1)


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


def test_each_cold_start_begins_an_epoch_and_is_recorded_on_every_node(store):
    before = store.nodes[primary_of(store)].revision
    first, second = (Revision(before.epoch + number, before.number) for number in (1, 2))
    for _ in range(2):
        stop_everything(store)
        start_everything(store)
    wait_until(lambda: {node.revision for node in store.nodes.values()} == {second})
    wait_until(lambda: {node.cold_starts[-2:] for node in store.nodes.values()} == {(before, first)})


def test_a_node_that_cannot_record_its_start_does_not_lead_until_it_can(store):
    leader = primary_of(store)
    before, seen = store.nodes[leader].revision, len(store.log(leader))
    stop_everything(store)
    store.start(*store.layout.redis)
    wait_until(lambda: all(node.is_ready for node in store.nodes.values()))
    order(store, leader, "ACL", "SETUSER", "node", "-set")
    try:
        store.start(*store.layout.sentinels)
        wait_until(lambda: "no permissions" in store.log(leader)[seen:])
        assert not store.nodes[leader].is_primary
    finally:
        order(store, leader, "ACL", "SETUSER", "node", "+set")
        forget_denials(store.layout)
    store.wait_until_whole()
    assert store.nodes[leader].revision == Revision(before.epoch + 1, before.number)
    wait_until(lambda: {node.cold_starts[-1:] for node in store.nodes.values()} == {(before,)})


def make_node_late_with_more(store: RunningStack, late: str, names: list[str]) -> list[str]:
    """Start all nodes but this one, which alone has these writes but the first, and make others. Return the others'
    names."""
    for name in names:
        write(store, name)
    others = [name for name in store.layout.redis if name != late]
    stop_everything(store)
    remove_asides(store)
    for name in others:
        tear(store, name, last_writes_bytes(store, name, len(names) - 1))
    store.start(*others, *store.layout.sentinels)
    wait_until(lambda: store.primary in others and sum(node.link_is_up for node in store.nodes.values()) == 1)
    for number in range(6):
        write(store, f"after-{names[0]}-{number}", copies=1)
    return others


def check_that_it_was_set_aside(store: RunningStack, late: str, names: list[str]) -> None:
    assert everywhere(store, [names[0], f"after-{names[0]}-5"])
    assert names_on(store, primary_of(store), names) == names[:1]
    (aside,) = asides(store, late, "replaced")
    held = b"".join(file.read_bytes() for file in aside.glob("appendonlydir/*"))
    assert all(name.encode() in held for name in names)
    assert store.log(late).count(str(aside)) == 1


@pytest.mark.parametrize("role", ["replica", "primary"])
def test_a_node_with_more_that_comes_late_is_copied_aside_before_it_follows(store, role):
    names = [f"lost-{role}-{number}" for number in range(4)]
    late = primary_of(store) if role == "primary" else replicas_of(store)[0]
    others = make_node_late_with_more(store, late, names)
    store.start(late)
    store.wait_until_whole()
    check_that_it_was_set_aside(store, late, names)
    assert [asides(store, name, "replaced") for name in others] == [[], []]


def test_a_node_with_more_is_copied_aside_before_another_one_s_order_makes_it_follow(store):
    names = [f"repointed-{number}" for number in range(4)]
    late = replicas_of(store)[0]
    make_node_late_with_more(store, late, names)
    primary = store.layout.redis[primary_of(store)]
    # Without Sentinels its launcher has no primary to follow.
    store.stop(*store.layout.sentinels)
    store.start(late)
    wait_until(lambda: bool(asides(store, late, "replaced")))
    order(store, late, "REPLICAOF", primary.host, str(primary.port))
    wait_until(lambda: store.nodes[late].link_is_up)
    store.start(*store.layout.sentinels)
    store.wait_until_whole()
    check_that_it_was_set_aside(store, late, names)


def test_a_node_that_was_down_during_a_failover_without_writes_of_its_own_leaves_no_copy(store):
    late = primary_of(store)
    remove_asides(store)
    make_node_late(store, late, ["went on"])
    store.start(late)
    store.wait_until_whole()
    assert everywhere(store, ["went on"])
    assert asides(store, late, "replaced") == []


def test_one_torn_and_one_damaged_node_come_up_with_what_the_third_has(store):
    write(store, "whole")
    torn, damaged = primary_of(store), replicas_of(store)[0]
    stop_everything(store)
    tear(store, torn)
    spoil(store, damaged)
    start_everything(store)
    assert everywhere(store, ["before", "whole"])


def test_of_nodes_that_lost_their_disks_none_leads_before_the_one_with_the_data_is_there(store):
    old, (one, full) = primary_of(store), replicas_of(store)
    stop_everything(store)
    empty(store, old)
    empty(store, one)
    seen = len(store.log(old))
    store.start(old, one, *store.layout.sentinels)
    wait_until(lambda: "waiting for the data of" in store.log(old)[seen:])
    assert not any(node.is_primary for node in store.nodes.values())
    store.start(full)
    store.wait_until_whole()
    assert everywhere(store, ["before"])


def test_an_operator_s_order_makes_the_node_lead_that_is_left_and_holds_for_one_start(store):
    names = primary_of(store), *replicas_of(store)
    left = names[0]
    stop_everything(store)
    seen = len(store.log(left))
    store.start(left, *store.layout.sentinels)
    wait_until(lambda: "waiting for the data of" in store.log(left)[seen:])
    order_to_lead = store.layout.directory(left) / "lead-without-missing-nodes"
    assert str(order_to_lead) in store.log(left)[seen:]
    order_to_lead.touch()
    wait_until(lambda: store.nodes[left].is_primary)
    wait_until(lambda: not order_to_lead.exists())
    for name in names[1:]:
        empty(store, name)
    store.start(*names[1:])
    store.wait_until_whole()
    assert everywhere(store, ["before"])
