"""Messages to a store that is as busy as the test says."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from redis.exceptions import ResponseError

from exactly_once.client import Address, Replies
from exactly_once.errors import Indeterminate, NotExecuted
from exactly_once.group_commit import MAX_PLACES, MAX_SCRIPTS_PER_SEND, Destination, GroupCommit

TIMEOUT_S = 10.0
PRIMARY = Destination(Address("127.0.0.1", 1), 150)
OTHER = Destination(Address("127.0.0.1", 2), 150)
MESSAGE_TIMEOUT_S = 0.5


class Store:
    """Replies to each message when `go` is set, with each script's own words, and the number of replicas."""

    def __init__(self) -> None:
        self.messages: list[list[str]] = []
        self.timeouts_s: list[float] = []
        self.go = threading.Event()
        self.error: Exception | None = None
        self.primary: Address | None = None

    def is_primary(self, address: Address) -> bool:
        return self.primary in (None, address)

    def transmit(self, destination, commands, timeout_s) -> Replies:
        self.messages.append([command[0] for command in commands])
        self.timeouts_s.append(timeout_s)
        assert self.go.wait(TIMEOUT_S)
        if self.error:
            raise self.error
        replies = [ResponseError(name) if name == "wrong" else f"did {name}" for name in self.messages[-1]]
        return Replies([*replies, 2])


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def group(store):
    return GroupCommit(store.transmit, lambda wait_ms, count: MESSAGE_TIMEOUT_S, store.is_primary)


@pytest.fixture
def threads():
    with ThreadPoolExecutor(128) as pool:
        yield pool


def soon() -> float:
    return time.monotonic() + TIMEOUT_S


def wait_until(condition) -> None:
    until = soon()
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


@pytest.fixture
def submit(group, threads):
    """Send a script from a thread of its own; return when it is at the store or in the queue."""

    def send(name: str, destination: Destination = PRIMARY, deadline: float | None = None) -> "Future[Replies]":
        size = len(group._waiting), group._is_sending
        sent = threads.submit(group.send, destination, (name,), deadline or soon())
        wait_until(lambda: (len(group._waiting), group._is_sending) != size)
        return sent

    return send


@pytest.fixture
def busy(store, submit):
    """A message at the store."""
    first = submit("first")
    wait_until(lambda: len(store.messages) == 1)
    return first


def test_a_write_that_finds_the_store_free_goes_at_once_and_alone(store, group):
    store.go.set()
    assert group.send(PRIMARY, ("a",), soon()) == ["did a", 2]
    assert store.messages == [["a"]]


def test_writes_that_find_the_store_busy_go_together_and_each_gets_its_own_reply(store, busy, submit):
    waiting = [submit(name) for name in "abc"]
    store.go.set()
    assert [sent.result(TIMEOUT_S) for sent in waiting] == [[f"did {name}", 2] for name in "abc"]
    assert store.messages[1:] == [["a", "b", "c"]]


def test_one_message_has_a_bounded_number_of_scripts(store, busy, submit):
    waiting = [submit(str(place)) for place in range(MAX_SCRIPTS_PER_SEND + 1)]
    store.go.set()
    assert [sent.result(TIMEOUT_S)[0] for sent in waiting] == [f"did {place}" for place in range(len(waiting))]
    assert sorted(map(len, store.messages[1:])) == [1, MAX_SCRIPTS_PER_SEND]


def test_writes_to_another_destination_go_by_themselves(store, busy, submit):
    waiting = [submit("a"), submit("b", OTHER), submit("c")]
    store.go.set()
    for sent in waiting:
        sent.result(TIMEOUT_S)
    assert sorted(store.messages[1:]) == [["a", "c"], ["b"]]


def test_a_refused_script_takes_no_other_one_of_its_message_along(store, busy, submit):
    right, wrong = submit("right"), submit("wrong")
    store.go.set()
    assert right.result(TIMEOUT_S) == ["did right", 2]
    assert isinstance(wrong.result(TIMEOUT_S)[0], ResponseError)


def test_a_lost_connection_is_an_error_of_its_own_for_each_script_of_the_message(store, busy, submit):
    waiting = [submit("a"), submit("b")]
    store.error = Indeterminate("It is gone.", "reset")
    store.go.set()
    errors = [sent.exception(TIMEOUT_S) for sent in waiting]
    assert [(type(error), error.reason) for error in errors] == [(Indeterminate, "reset")] * 2
    assert errors[0] is not errors[1]


def test_the_others_of_a_message_do_not_wait_for_a_thread_that_has_ended(store, busy, submit):
    waiting = [submit("a"), submit("b")]
    store.error = KeyboardInterrupt()
    store.go.set()
    assert isinstance(waiting[1].exception(TIMEOUT_S), Indeterminate)


def test_the_place_of_a_thread_that_has_ended_is_free_again(store, group):
    store.go.set()
    store.error = KeyboardInterrupt()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            group.send(PRIMARY, ("a",), soon())
    store.error = None
    assert group.send(PRIMARY, ("b",), soon()) == ["did b", 2]


def test_a_write_that_is_not_sent_until_its_deadline_has_not_been_executed(store, group, busy):
    with pytest.raises(NotExecuted):
        group.send(PRIMARY, ("late",), time.monotonic() + 0.02)
    store.go.set()
    busy.result(TIMEOUT_S)
    assert store.messages == [["first"]]


def test_a_write_whose_deadline_has_passed_when_its_turn_comes_is_not_sent(store, group):
    store.go.set()
    with pytest.raises(NotExecuted):
        group.send(PRIMARY, ("late",), time.monotonic() - 1)
    assert store.messages == []
    assert group.send(PRIMARY, ("in time",), soon()) == ["did in time", 2]


def test_a_write_that_has_little_time_left_goes_alone_and_shortens_no_other_message(store, busy, submit):
    little, much = submit("little", deadline=time.monotonic() + MESSAGE_TIMEOUT_S / 2), submit("much")
    store.go.set()
    assert little.result(TIMEOUT_S) == ["did little", 2]
    assert much.result(TIMEOUT_S) == ["did much", 2]
    timeouts_s = {names[0]: timeout_s for names, timeout_s in zip(store.messages, store.timeouts_s, strict=True)}
    assert timeouts_s["little"] < MESSAGE_TIMEOUT_S == timeouts_s["much"]


def test_a_write_whose_time_has_run_short_shortens_no_message(store, busy, submit, group, monkeypatch):
    # It had time enough when it was taken along.
    little, much = submit("little", deadline=time.monotonic() + 0.2), submit("much")
    monkeypatch.setattr(group, "_companions", lambda first: [group._waiting.popleft()])
    store.go.set()
    assert isinstance(little.exception(TIMEOUT_S), NotExecuted)
    assert much.result(TIMEOUT_S) == ["did much", 2]
    assert (store.messages[1:], store.timeouts_s[1:]) == ([["much"]], [MESSAGE_TIMEOUT_S])


#: Some messages would have to be sent for these.
MANY = 100


def test_writes_that_wait_for_a_node_that_is_not_primary_any_more_are_not_sent_to_it(store, busy, submit):
    waiting = [submit(str(place)) for place in range(MANY)]
    store.primary = OTHER.address
    fresh = submit("fresh", OTHER)
    store.go.set()
    assert fresh.result(TIMEOUT_S) == ["did fresh", 2]
    assert {type(sent.exception(TIMEOUT_S)) for sent in waiting} == {NotExecuted}
    assert store.messages == [["first"], ["fresh"]]


def test_writes_that_wait_for_a_node_that_is_silent_are_not_tried_one_message_after_another(store, busy, submit):
    waiting = [submit(str(place)) for place in range(MANY)]
    store.error = Indeterminate("It is silent.", timed_out=True)
    store.go.set()
    assert {type(sent.exception(TIMEOUT_S)) for sent in waiting} == {NotExecuted}
    assert store.messages == [["first"]]


def test_writes_that_wait_are_sent_after_a_connection_was_lost(store, busy, submit):
    waiting = submit("a")
    store.error = Indeterminate("It is gone.", "reset")
    store.go.set()
    assert isinstance(waiting.exception(TIMEOUT_S), Indeterminate)
    assert store.messages == [["first"], ["a"]]


@dataclass
class Holder:
    """Takes a place in a thread of its own, until `end` is set."""

    group: GroupCommit
    threads: ThreadPoolExecutor
    end: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> threading.Event:
        taken = threading.Event()
        self.threads.submit(self._take, taken)
        return taken

    def _take(self, taken: threading.Event) -> None:
        with self.group.place(soon()):
            taken.set()
            assert self.end.wait(TIMEOUT_S)


@pytest.fixture
def hold(group, threads):
    holder = Holder(group, threads)
    yield holder
    holder.end.set()


def test_a_write_that_has_been_tried_has_a_place_though_others_wait_for_a_message(store, busy, submit, hold):
    waiting = submit("not tried")
    assert hold().wait(TIMEOUT_S)
    assert not waiting.done()
    store.go.set()
    assert waiting.result(TIMEOUT_S) == ["did not tried", 2]


def test_nothing_is_sent_while_all_places_are_taken(store, submit, hold, group):
    for _ in range(MAX_PLACES):
        assert hold().wait(TIMEOUT_S)
    first, second = submit("a"), submit("b")
    store.go.set()
    assert store.messages == []
    hold.end.set()
    assert [first.result(TIMEOUT_S), second.result(TIMEOUT_S)] == [["did a", 2], ["did b", 2]]
    assert store.messages == [["a", "b"]]


def test_a_message_is_sent_in_turn_with_writes_that_wait_for_places(store, submit, hold, threads, group):
    for _ in range(MAX_PLACES):
        assert hold().wait(TIMEOUT_S)
    other = Holder(group, threads)
    further = [other() for _ in range(MAX_PLACES + 1)]
    wait_until(lambda: len(group._waiting_for_places) == MAX_PLACES + 1)
    waiting = submit("a")
    store.go.set()
    hold.end.set()
    try:
        assert waiting.result(TIMEOUT_S) == ["did a", 2]
        assert not all(taken.is_set() for taken in further)
    finally:
        other.end.set()


def test_a_place_that_is_not_free_until_the_deadline_is_refused(group, hold):
    for _ in range(MAX_PLACES):
        assert hold().wait(TIMEOUT_S)
    with pytest.raises(NotExecuted), group.place(time.monotonic() + 0.02):
        pytest.fail("It had a place.")


def test_the_slot_of_a_thread_is_released_while_it_waits_for_long(store, submit, group, threads):
    released = threading.Event()

    @contextmanager
    def release():
        released.set()
        yield

    group._release_slot = release
    first = submit("first")
    assert not released.is_set()
    last = submit("last")
    assert released.wait(TIMEOUT_S)
    store.go.set()
    for sent in (first, last):
        sent.result(TIMEOUT_S)


def test_a_batch_is_sent_before_the_slot_of_its_thread_is_acquired_again(store, submit, group):
    released, free = threading.Event(), threading.Event()

    @contextmanager
    def release():
        released.set()
        yield
        assert free.wait(TIMEOUT_S)

    group._release_slot = release
    first = submit("first")
    second = submit("second")
    assert released.wait(TIMEOUT_S)
    store.go.set()
    wait_until(lambda: len(store.messages) == 2)
    assert not second.done()
    free.set()
    for sent in (first, second):
        sent.result(TIMEOUT_S)
