"""The fault table, each row once, with short faults; and faults in the shop itself, which the checker must find."""

import time

import pytest

from chaos.checker import Wrong
from chaos.embedded import starting
from chaos.faults import FAILOVER, FAULTS, Fault
from chaos.run import Plan, run
from devstack import render
from operations import request_trace

PLAN = Plan(times=1, seconds=5, rate=100)
PLANTED = "127.28"
NGINX_WRITES_LATE = 2.0


@pytest.fixture(scope="module")
def target():
    with starting("127.27") as started:
        yield started


@pytest.fixture
def planted(monkeypatch):
    """Starts a topology whose instances have this fault in them."""

    def start(module):
        monkeypatch.setattr(render, "APPLICATION", f"tests.planted.{module}")
        return starting(PLANTED)

    return start


def assert_nothing_broken(target, fault):
    """Where a request failed, its way through the logs is printed: nobody can ask for it afterwards."""
    row, _ = run(target, fault, PLAN, print)
    if row.unexcused:
        time.sleep(NGINX_WRITES_LATE)
    for call in [call for call in row.unexcused if call.request_id][:5]:
        print(call.request_id, *request_trace.steps(target.layout, call.request_id), sep="\n  ")
    assert row.broken == []


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if not fault.is_root])
def test_every_promise_holds_while_it_happens(target, name):
    assert_nothing_broken(target, FAULTS[name])


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.is_root])
def test_every_promise_holds_while_the_network_or_the_disk_fails(target, name):
    assert_nothing_broken(target, FAULTS[name])


def primary_killed_with_what_it_has_not_sent(target, seconds):
    primary = target.primary
    with target.cut([primary], target.replicas):
        time.sleep(1)
        target.take_away(primary)
        # What a dead process had handed to the kernel would still arrive.
        time.sleep(FAILOVER)
    target.bring_back(primary)


LAGGING = Fault(
    name="lagging",
    what="the primary cut off from its replicas for a moment, then killed",
    inject=primary_killed_with_what_it_has_not_sent,
)


@pytest.mark.usefixtures("root")
def test_what_only_a_dead_primary_had_was_not_acknowledged(target):
    assert_nothing_broken(target, LAGGING)


@pytest.mark.usefixtures("root")
def test_writes_acknowledged_by_the_primary_alone_are_found_lost(planted):
    with planted("wait_off") as started:
        row, _ = run(started, LAGGING, PLAN, print)
    assert row.count(Wrong.LOST) > 0


def test_requests_carried_out_twice_are_found_when_an_instance_is_killed(planted):
    with planted("request_ids_ignored") as started:
        row, _ = run(started, FAULTS["instance-killed"], Plan(times=2, seconds=1, rate=100), print)
    assert row.count(Wrong.DOUBLED) > 0


def test_stock_taken_in_two_steps_is_found_oversold(planted):
    with planted("stock_in_two_steps") as started:
        row, _ = run(started, FAULTS["nothing"], PLAN, print)
    assert row.count(Wrong.OVERSOLD) > 0
