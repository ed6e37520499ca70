"""The revision on real servers: which epoch a write begins, and what a process reads after a failover and behind a
replica that is cut off."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from redis.connection import Connection

from devstack import lifecycle
from devstack.temporary import RunningStack, running
from exactly_once import Cluster, Consistency, Namespace, Scripts, Store, WriteDeclaration, WriteRequest, returns
from exactly_once.client import Address
from exactly_once.reads import Reader
from exactly_once.revision import MAX_STALENESS_S, Revision, RevisionWatermark, parse_reply, revision_query
from exactly_once.topology import View
from tests.stack_fixtures import primary_of, wait_until
from tests.store_access import operator_node, run_once

SCRIPTS = Scripts(Path(__file__).parent.parent / "example" / "lua")
ADD = WriteDeclaration(
    script="counter_add",
    keys=("counter",),
    args=("amount",),
    replies={tag: returns(lambda reply: int(reply.values[0])) for tag in ("ADDED", "TOO_LOW")},
)
ONE, TWO = "10.0.0.1:6379", "10.0.0.2:6379"
#: Writes that reach the frozen primary, and that only it counts once it wakes.
UNACKNOWLEDGED = 50
STALENESS_ROUNDS = 20


@pytest.fixture(scope="module")
def data_tier() -> Iterator[RunningStack]:
    """Nodes and Sentinels that only these tests freeze and cut off."""
    with running("127.36", lifecycle.DATA_ONLY, stores="*") as started:
        yield started


@pytest.fixture
def whole(data_tier) -> RunningStack:
    data_tier.wait_until_whole()
    return data_tier


@pytest.fixture
def namespace() -> Namespace:
    return Namespace(f"test-{uuid4()}")


@pytest.fixture
def open_store(whole, namespace) -> Iterator[Callable[[], Store]]:
    """Makes a store with connections, a topology thread and a watermark of its own, as each process has them."""
    with ExitStack() as stores:

        def opened() -> Store:
            sentinels = [(address.host, address.port) for address in whole.layout.sentinels.values()]
            cluster = Cluster(
                sentinels=sentinels, primary_name=whole.layout.settings.primary_name, credentials=whole.layout.operator
            )
            stores.enter_context(closing(cluster))
            return Store(cluster, namespace, SCRIPTS)

        yield opened


def add(store: Store) -> int:
    """The counter after one more was added, acknowledged."""
    keys = {"counter": store.namespace.key("counter")}
    return store.write(ADD.call(WriteRequest.unique(timeout_s=60), keys=keys, args={"amount": 1})).value


def read(store: Store) -> int:
    return int(store.read(("GET", store.namespace.key("counter")), Consistency.CAUSAL) or 0)


def add_command(namespace: Namespace, primary_epoch: str) -> list:
    """The same as a command for one node, by a process to which this is the primary."""
    request = uuid4().hex
    keys = {
        "request": namespace.request(request),
        "revision": namespace.revision,
        "epoch": namespace.epoch,
        "schema": namespace.schema,
        "refusals": namespace.refusals(""),
        "rate": namespace.rate(""),
        "counter": namespace.key("counter"),
    }
    args = {
        "fingerprint": request,
        "caller_fingerprint": "",
        "request_id": request,
        "ttl_s": 60,
        "max_refusals": 100,
        "outcomes_prefix": namespace.outcomes_prefix,
        "schema_version": "",
        "primary_epoch": primary_epoch,
        "rate_interval_us": 0,
        "rate_burst": 0,
        "journal": namespace.journal,
        "journal_entry": "",
        "journal_seal": "",
        "events": "events",
        "amount": 1,
    }
    return ["EVAL", SCRIPTS["counter_add"].source, *SCRIPTS["counter_add"].command(keys, args)[2:]]


def revision_of(node: Address, namespace: Namespace) -> Revision:
    return parse_reply(run_once(node, revision_query(namespace.revision))[0])


@pytest.mark.parametrize(
    ("stored", "passed", "then"),
    [
        (None, f"0 {ONE}", f"1 {ONE}"),
        (None, f"4 {ONE}", f"4 {ONE}"),
        (f"4 {ONE}", f"4 {ONE}", f"4 {ONE}"),
        (f"4 {ONE}", f"6 {ONE}", f"6 {ONE}"),
        (f"4 {ONE}", f"2 {ONE}", f"4 {ONE}"),
        (f"4 {ONE}", f"5 {TWO}", f"5 {TWO}"),
        (f"4 {ONE}", f"9 {TWO}", f"9 {TWO}"),
        (f"4 {ONE}", f"0 {TWO}", f"5 {TWO}"),
        (f"4 {ONE}", f"4 {TWO}", f"5 {TWO}"),
    ],
)
def test_the_epoch_advances_with_the_sentinels_and_with_every_other_primary(whole, namespace, stored, passed, then):
    primary = whole.layout.redis[primary_of(whole)]
    if stored:
        run_once(primary, ("SET", namespace.epoch, stored))
    ((revision, _, tag, value),) = run_once(primary, add_command(namespace, passed))
    assert run_once(primary, ("GET", namespace.epoch)) == [then]
    assert (Revision(*revision), tag, value) == (Revision(int(then.split()[0]), 1), "ADDED", "1")


def test_a_repeat_and_a_refusal_advance_the_number_within_the_epoch(whole, namespace):
    primary = whole.layout.redis[primary_of(whole)]
    command = add_command(namespace, f"4 {ONE}")
    replies = run_once(primary, command, command)
    assert [reply[0] for reply in replies] == [[4, 1], [4, 2]]
    assert replies[0][1:] == replies[1][1:]


def test_a_write_of_a_version_without_epochs_counts_within_the_present_one(open_store, whole, namespace):
    store = open_store()
    add(store)
    before = store.revision()
    run_once(whole.layout.redis[primary_of(whole)], ("INCR", namespace.revision))
    assert store.revision() == Revision(before.epoch, before.number + 1)


def test_the_first_write_after_a_failover_begins_an_epoch(open_store, whole):
    store = open_store()
    add(store)
    before = store.revision()
    former = primary_of(whole)
    whole.kill(former)
    wait_until(lambda: whole.primary not in (None, former))
    add(store)
    after = store.revision()
    assert after > before
    assert after.epoch > before.epoch


@contextmanager
def lonely(address: Address) -> Iterator[Connection]:
    """A connection to a primary that takes writes without any replica."""
    run_once(address, ("CONFIG", "SET", "min-replicas-to-write", "0"))
    connection = operator_node(address).connection()
    try:
        connection.connect()
        yield connection
    finally:
        connection.disconnect()
        run_once(address, ("CONFIG", "SET", "min-replicas-to-write", "1"))


@contextmanager
def frozen(stack: RunningStack, name: str) -> Iterator[None]:
    stack.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        stack.kill(name, signal.SIGCONT)


def test_a_woken_primary_that_counts_more_writes_is_never_taken_for_recent(open_store, whole, namespace):
    writer, reader = open_store(), open_store()
    add(writer)
    assert read(reader) == 1
    former = primary_of(whole)
    address = whole.layout.redis[former]
    epoch = writer.cluster.topology.epoch_of(address)
    with lonely(address) as connection:
        with frozen(whole, former):
            commands = [add_command(namespace, epoch) for _ in range(UNACKNOWLEDGED)]
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            expected = add(writer)
            wait_until(lambda: whole.primary not in (None, former))
            wait_until(lambda: reader.cluster.topology.view.primary not in (None, address))
        for _ in commands:
            connection.read_response()
    woken, known = revision_of(address, namespace), writer.revision()
    assert (woken.number > known.number, woken < known, expected) == (True, True, 2)
    watermark = RevisionWatermark(namespace.revision)
    watermark.advance_to(known)
    assert counter_of(Reader(OnlyThisReplica(reader.cluster, address), SCRIPTS, watermark), namespace) == expected
    seen = set()
    until = time.monotonic() + 60
    while whole.nodes[former].is_primary and time.monotonic() < until:
        seen |= {read(writer), read(reader)}
    whole.wait_until_whole()
    assert seen | {read(writer), read(reader)} == {expected}


def counter_of(reader: Reader, namespace: Namespace) -> int:
    return int(reader.read(("GET", namespace.key("counter")), Consistency.CAUSAL))


class OnlyThisReplica:
    """A cluster as a process sees it that takes this node for the replica to ask first, and knows of no primary."""

    def __init__(self, cluster: Cluster, address: Address) -> None:
        self.nodes, self.observer, self.release_slot = cluster.nodes, cluster.observer, cluster.release_slot
        self.topology = self
        seen = cluster.topology.refresh()
        self.view: View = replace(seen, primary=None, replicas=(address,), known=(address, *seen.known))

    def refresh(self) -> View:
        return self.view


@contextmanager
def cut_off(address: Address) -> Iterator[None]:
    """The node answers with what it had, and follows a primary that it cannot reach."""
    _, following, port, *_ = run_once(address, ("ROLE",))[0]
    run_once(address, ("REPLICAOF", following, 9))
    try:
        yield
    finally:
        run_once(address, ("REPLICAOF", following, port))


def test_a_read_that_begins_after_the_bound_shows_what_another_process_acknowledged(open_store, whole, say):
    writer, reader = open_store(), open_store()
    add(writer)
    read(reader)
    replica = next(name for name in whole.layout.redis if name != primary_of(whole))
    ages: list[float] = []
    for _ in range(STALENESS_ROUNDS):
        with cut_off(whole.layout.redis[replica]):
            expected = add(writer)
            ages += ages_of_the_past(lambda expected=expected: read(reader) >= expected)
    say(f"Of reads that showed the past, the last one began {max(ages, default=0):.3f} s after the acknowledgement.")
    assert max(ages, default=0) <= MAX_STALENESS_S


def ages_of_the_past(is_shown: Callable[[], bool]) -> Iterator[float]:
    """How many seconds after now each read began that did not show what is there now."""
    acknowledged = time.monotonic()
    while (began := time.monotonic()) < acknowledged + 2 * MAX_STALENESS_S:
        if not is_shown():
            yield began - acknowledged
