"""One load for several faults: which call and which violation belongs to which."""

import math
from dataclasses import replace
from types import MappingProxyType

import pytest

from chaos import run
from chaos.anomalies import Anomaly, Violation
from chaos.faults import Fault
from chaos.history import Call, CallKind, History
from chaos.run import Plan, Window
from chaos.target import FaultInjector, NotHealed


def fault(name, inject=lambda target, seconds: None):
    return Fault(name=name, what=name, inject=inject)


def a_call(due, status=200):
    return Call(kind=CallKind.CATALOGUE, method="GET", path="/products/", due=due, ended=due + 0.1, status=status)


def a_violation(due):
    return Violation(anomaly=Anomaly.LOST, detail="a purchase", due=due)


FIRST = Window(fault=fault("first"), start=0.0, end=5.0)
SECOND = Window(fault=fault("second"), start=5.0, end=math.inf)
PLAN = Plan(times=1, seconds=1, rate=1)


def rows(calls, violations=()):
    return [run._row(window, PLAN, History(calls=calls), violations) for window in (FIRST, SECOND)]


def test_a_call_belongs_to_the_fault_in_whose_window_it_was_due():
    first, second = rows([a_call(1.0), a_call(4.95), a_call(5.0, status=503), a_call(90.0)])
    assert (first.requests, second.requests) == (2, 2)
    assert (len(first.failed_reads), len(second.failed_reads)) == (0, 1)


def test_a_violation_about_a_call_counts_against_its_fault_alone():
    first, second = rows([], [a_violation(5.5)])
    assert (first.count(Anomaly.LOST), second.count(Anomaly.LOST)) == (0, 1)


def test_a_violation_about_no_single_call_counts_against_every_fault_of_the_load():
    assert [row.count(Anomaly.LOST) for row in rows([], [a_violation(None)])] == [1, 1]


class Target:
    """Counts how often it was healed."""

    url = "http://shop.example"
    healed = 0

    @property
    def injector(self):
        return self

    def heal(self):
        self.healed += 1


class Clock:
    """A load whose time passes with each injection."""

    now = 0.0


@pytest.fixture
def target(monkeypatch):
    monkeypatch.setattr(run, "SETTLE_S", 0.0)
    return Target()


def test_windows_follow_each_other_and_the_last_is_open(target):
    load, steps = Clock(), []

    def pass_time(target, seconds):
        load.now += 3.0

    faults = [fault("first", pass_time), fault("second", pass_time)]
    windows = run._inject(target, faults, Plan(times=2, seconds=1, rate=1), load, steps.append)
    assert [(window.start, window.end) for window in windows] == [(0.0, 6.0), (6.0, math.inf)]
    assert steps == ["first 1/2", "first 2/2", "second 1/2", "second 2/2"]
    assert target.healed == 4


def test_a_fault_is_not_injected_into_a_target_without_an_injector(target, monkeypatch):
    monkeypatch.setattr(Target, "injector", None)
    with pytest.raises(ValueError, match="has no fault injector"):
        run._inject(target, [fault("first")], PLAN, Clock(), print)


def test_a_fault_is_not_injected_by_an_adapter_that_lacks_its_method(target, monkeypatch):
    class Partial(FaultInjector):
        """Has what every adapter needs, and no means."""

        primary, replicas = "redis-1", ("redis-2", "redis-3")
        data_nodes = MappingProxyType({"redis-1": ("127.0.0.1", 6379)})

        def heal(self):
            """Nothing is to be healed."""

    monkeypatch.setattr(Target, "injector", Partial())
    slow = fault("slow", lambda injector, seconds: injector.slow("redis-2"))
    with pytest.raises(ValueError, match=r"slow cannot be injected .* has no method slow"):
        run._inject(target, [slow], PLAN, Clock(), print)


def test_calls_fail_without_harm_only_while_everything_was_stopped_to_prepare_or_repair():
    window = Window(fault=fault("first"), start=0.0, end=50.0, outages=[(10.0, 20.0)])
    calls = [a_call(due, status=0) for due in (5.0, 9.95, 15.0, 20.5)]
    row = run._row(window, PLAN, History(calls=calls), [])
    assert [call.due for call in row.unexcused] == [5.0, 20.5]


def test_the_time_in_which_a_repair_stops_everything_is_an_outage(target, monkeypatch):
    load = Clock()

    def pass_time(*_):
        load.now += 3.0

    monkeypatch.setattr(Target, "heal", pass_time)
    repaired = replace(fault("killed", pass_time), prepare=pass_time, is_repaired_by_restart=True)
    (window,) = run._inject(target, [repaired], PLAN, load, print)
    assert window.outages == [(0.0, 3.0), (6.0, 9.0)]


def test_what_does_not_recover_is_named(target, monkeypatch):
    def fail(self):
        raise NotHealed("no primary")

    monkeypatch.setattr(Target, "heal", fail)
    with pytest.raises(NotHealed, match="first: no primary"):
        run._inject(target, [fault("first")], PLAN, Clock(), print)


def test_a_product_that_is_missing_is_for_the_checker_to_judge():
    first, _ = rows([a_call(1.0, status=404)])
    assert len(first.failed_reads) == 0
