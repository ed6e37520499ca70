"""Instances that hear of each other over real nodes, of which some go away."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from devstack.temporary import RunningStack
from operations.status.membership import Membership
from operations.status.traffic import TrafficMeter
from shop.bootstrap import Configuration, Container
from tests.stack_fixtures import wait_until
from tests.store_access import run_once


@dataclass(frozen=True)
class Instance:
    """A shop as one of its instances has it, and its heartbeats."""

    container: Container
    membership: Membership


@pytest.fixture
def opened(redis_stack: RunningStack) -> Iterator[Callable[[str], Instance]]:
    """Opens the shop of one and the same new store as the instance of this name, which sends no heartbeats yet."""
    layout, store = redis_stack.layout, f"test-{uuid.uuid4()}"
    with contextlib.ExitStack() as closing:

        def opened_as(name: str) -> Instance:
            configuration = Configuration(
                store=store,
                master_name=layout.settings.primary_name,
                sentinels=[tuple(address) for address in layout.sentinels.values()],
                credentials=layout.secrets.credentials("api"),
            )
            container = closing.enter_context(contextlib.closing(Container(configuration)))
            measure = TrafficMeter().measure
            membership = Membership(name, container.keys.instances, container.cluster, measure)
            return Instance(container, closing.enter_context(contextlib.closing(membership)))

        yield opened_as


@pytest.fixture
def started(opened: Callable[[str], Instance]) -> Callable[[str], Membership]:
    def started_as(name: str) -> Membership:
        membership = opened(name).membership
        membership.start()
        return membership

    return started_as


def names(instances: Membership) -> list[str]:
    return [each.name for each in instances.known() if each.is_alive]


def test_each_hears_of_every_one_itself_included(started: Callable[[str], Membership]):
    both = [started("api-1"), started("api-2")]
    for each in both:
        wait_until(lambda each=each: names(each) == ["api-1", "api-2"])
    assert len(both[0].rates()) > 0


def test_one_that_says_goodbye_is_gone_at_once(started: Callable[[str], Membership]):
    stays, goes = started("api-1"), started("api-2")
    wait_until(lambda: names(stays) == ["api-1", "api-2"])
    goes.close()
    wait_until(lambda: [each.name for each in stays.known()] == ["api-1"])


def test_processes_of_one_instance_are_one(started: Callable[[str], Membership]):
    first, second = started("api-1"), started("api-1")
    wait_until(lambda: len(first._received) == len(second._received) == 2)
    assert names(first) == ["api-1"]


def test_nothing_that_is_said_is_written(opened: Callable[[str], Instance]):
    first = opened("api-1")
    first.membership.start()
    wait_until(lambda: names(first.membership) == ["api-1"])
    primary = first.container.cluster.topology.view.primary
    assert primary is not None
    assert run_once(primary, ("KEYS", first.container.keys.pattern)) == [[]]


def test_what_is_no_report_is_passed_over(opened: Callable[[str], Instance]):
    first = opened("api-1")
    first.membership.start()
    wait_until(lambda: names(first.membership) == ["api-1"])
    primary = first.container.cluster.topology.view.primary
    assert primary is not None
    for text in ("nonsense", "[]", "{}", '{"name": "api-9", "process": "x"}', '{"name": "api-9", "at": 7}'):
        run_once(primary, ("PUBLISH", first.container.keys.instances, text))
    late = opened("api-2").membership
    late.start()
    wait_until(lambda: names(first.membership) == ["api-1", "api-2"])


def test_a_failover_is_seen_by_all_once_and_told_to_who_comes_later(
    redis_stack: RunningStack, started: Callable[[str], Membership]
):
    redis_stack.wait_until_whole()
    first, second = started("api-1"), started("api-2")
    wait_until(lambda: names(first) == names(second) == ["api-1", "api-2"])
    killed = str(redis_stack.primary)
    redis_stack.stop(killed)
    try:
        wait_until(lambda: len(first.failovers()) == len(second.failovers()) == 1)
        wait_until(lambda: names(first) == ["api-1", "api-2"])
        later = started("api-3")
        wait_until(lambda: later.failovers() == first.failovers())
    finally:
        redis_stack.start(killed)
        redis_stack.wait_until_whole()
    (failover,) = first.failovers()
    address = str(redis_stack.layout.redis[killed])
    assert failover.previous == address != failover.primary
    assert failover.seconds_without > 0


def test_they_go_on_hearing_of_each_other_whatever_node_goes_away(
    redis_stack: RunningStack, started: Callable[[str], Membership]
):
    redis_stack.wait_until_whole()
    first, second = started("api-1"), started("api-2")
    for name in redis_stack.layout.redis:
        if name == redis_stack.primary:
            continue
        redis_stack.stop(name)
        try:
            wait_until(lambda: names(first) == names(second) == ["api-1", "api-2"])
        finally:
            redis_stack.start(name)
            redis_stack.wait_until_whole()
    wait_until(lambda: names(first) == names(second) == ["api-1", "api-2"])
