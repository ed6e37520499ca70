"""Writes that go to the store in one message: each takes effect once and has its own outcome, whatever happens to the
message."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from exactly_once import (
    Cluster,
    Namespace,
    Refusal,
    Scripts,
    Store,
    WriteDeclaration,
    WriteRequest,
    WriteResult,
    refuses,
    returns,
)
from exactly_once.errors import IdempotencyKeyReused
from exactly_once.group_commit import MAX_PLACES, MAX_SCRIPTS_PER_SEND
from exactly_once.testing import FaultyNodes
from tests.stack_fixtures import primary_of, wait_until
from tests.store_access import operator_node

SCRIPTS = Scripts(Path(__file__).parent.parent / "example" / "lua")
TIMEOUT_S = 30.0
#: One message and a part of another one.
WRITES = MAX_SCRIPTS_PER_SEND + 4


class TooLow(Refusal):
    """The counter would fall below zero."""


ADD = WriteDeclaration(
    script="counter_add",
    keys=("counter",),
    args=("amount",),
    replies={
        "ADDED": returns(lambda reply: int(reply.values[0])),
        "TOO_LOW": refuses(lambda reply: TooLow(reply.values[0])),
    },
)


@pytest.fixture
def nodes(redis_stack) -> FaultyNodes:
    return FaultyNodes(redis_stack.layout.secrets.credentials("api"))


@pytest.fixture
def store(redis_stack, nodes, request) -> Iterator[Store]:
    layout = redis_stack.layout
    sentinels = [(address.host, address.port) for address in layout.sentinels.values()]
    cluster = Cluster(sentinels=sentinels, primary_name=layout.settings.primary_name, nodes=nodes)
    with closing(cluster):
        yield Store(cluster, Namespace(request.node.name), SCRIPTS)


@pytest.fixture
def messages(store, monkeypatch) -> list[int]:
    """How many scripts each message of several writes has had."""
    group, sizes = store._writer._delivery._group, []
    transmit = group._transmit

    def counted(destination, commands, timeout_s):
        sizes.append(len(commands))
        return transmit(destination, commands, timeout_s)

    monkeypatch.setattr(group, "_transmit", counted)
    return sizes


@pytest.fixture
def together(store) -> Callable[[Sequence[tuple[WriteRequest, int]]], list["Future[WriteResult[int]]"]]:
    """Has threads add these amounts, and lets none of them begin before all of them wait."""

    def add(request: WriteRequest, amount: int) -> WriteResult[int]:
        keys = {"counter": store.namespace.key("counter")}
        return store.write(ADD.call(request, keys=keys, args={"amount": amount}))

    def run(writes: Sequence[tuple[WriteRequest, int]]) -> list["Future[WriteResult[int]]"]:
        group = store._writer._delivery._group
        with ThreadPoolExecutor(len(writes)) as threads:
            with ExitStack() as places:
                for _ in range(MAX_PLACES):
                    places.enter_context(group.place(time.monotonic() + TIMEOUT_S))
                results = [threads.submit(add, *write) for write in writes]
                wait_until(lambda: len(group._waiting) == len(writes))
            return results

    return run


def unique() -> WriteRequest:
    return WriteRequest.unique(timeout_s=TIMEOUT_S)


def counter(store: Store) -> int:
    return int(store.read(("GET", store.namespace.key("counter"))) or 0)


def test_writes_that_wait_for_the_store_share_a_message_and_take_effect_once_each(store, together, messages):
    # The server learns the script.
    assert together([(unique(), 1)])[0].result().value == 1
    messages.clear()
    results = together([(unique(), 1) for _ in range(WRITES)])
    assert sorted(result.result().value for result in results) == list(range(2, WRITES + 2))
    assert messages == [MAX_SCRIPTS_PER_SEND, WRITES - MAX_SCRIPTS_PER_SEND]


def test_writes_whose_message_loses_its_replies_take_effect_once_each(store, together, nodes):
    nodes.lose_replies(2)
    results = together([(unique(), 1) for _ in range(WRITES)])
    assert sorted(result.result().value for result in results) == list(range(1, WRITES + 1))
    assert counter(store) == WRITES


def test_writes_whose_message_is_lost_take_effect_once_each(store, together, nodes):
    nodes.lose_requests(2)
    results = together([(unique(), 1) for _ in range(WRITES)])
    assert sorted(result.result().value for result in results) == list(range(1, WRITES + 1))


def test_each_write_of_a_message_has_its_own_outcome(store, together):
    request = unique()
    together([(request, 1)])
    reused = WriteRequest(
        id="another",
        idempotency_key=request.idempotency_key,
        fingerprint="another",
        ttl_s=60,
        deadline=request.deadline,
    )
    added, refused, repeated, taken = together([(unique(), 5), (unique(), -100), (request, 1), (reused, 1)])
    assert added.result().value == 6
    assert isinstance(refused.exception(), TooLow)
    assert (repeated.result().value, repeated.result().origin_request_id) == (1, request.id)
    assert isinstance(taken.exception(), IdempotencyKeyReused)
    assert counter(store) == 6


def test_writes_of_a_message_whose_script_the_server_has_lost_take_effect_once_each(store, together, redis_stack):
    with closing(operator_node(redis_stack.layout.redis[primary_of(redis_stack)])) as primary:
        primary.run(("SCRIPT", "FLUSH"), timeout=TIMEOUT_S)
    results = together([(unique(), 1) for _ in range(WRITES)])
    assert sorted(result.result().value for result in results) == list(range(1, WRITES + 1))
