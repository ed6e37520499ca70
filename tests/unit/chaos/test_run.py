"""One load for several faults: which call and which finding belongs to which."""

import math

import pytest

from chaos import run
from chaos.checker import Finding, Wrong
from chaos.faults import Fault
from chaos.history import Call, History, Kind
from chaos.run import Plan, Window


def fault(name, inject=lambda target, seconds: None):
    return Fault(name=name, what=name, inject=inject)


def a_call(due, status=200):
    return Call(kind=Kind.CATALOGUE, method="GET", path="/products/", due=due, ended=due + 0.1, status=status)


def a_finding(due):
    return Finding(wrong=Wrong.LOST, detail="a purchase", due=due)


FIRST = Window(fault=fault("first"), start=0.0, end=5.0)
SECOND = Window(fault=fault("second"), start=5.0, end=math.inf)
PLAN = Plan(times=1, seconds=1, rate=1)


def rows(calls, findings=()):
    return [run._row(window, PLAN, History(calls=calls), findings) for window in (FIRST, SECOND)]


def test_a_call_belongs_to_the_fault_in_whose_window_it_was_due():
    first, second = rows([a_call(1.0), a_call(4.95), a_call(5.0, status=503), a_call(90.0)])
    assert (first.requests, second.requests) == (2, 2)
    assert (len(first.failed_reads), len(second.failed_reads)) == (0, 1)


def test_a_finding_about_a_call_counts_against_its_fault_alone():
    first, second = rows([], [a_finding(5.5)])
    assert (first.count(Wrong.LOST), second.count(Wrong.LOST)) == (0, 1)


def test_a_finding_about_no_single_call_counts_against_every_fault_of_the_load():
    assert [row.count(Wrong.LOST) for row in rows([], [a_finding(None)])] == [1, 1]


class Target:
    """Counts how often it was healed."""

    healed = 0

    def heal(self):
        self.healed += 1


class Clock:
    """A load whose time passes with each injection."""

    now = 0.0


@pytest.fixture
def target(monkeypatch):
    monkeypatch.setattr(run, "SETTLE", 0.0)
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
