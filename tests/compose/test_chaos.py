"""Rows of the chaos table on containers: the same load, the same faults by the engine's means, the same checker."""

import time

import pytest

from chaos.faults import FAULTS, Fault, Tolerance
from chaos.run import Plan, run
from tests.compose.target import ContainerTarget

ROWS = (
    "primary-killed",
    "primary-killed-late",
    "primary-frozen",
    "primary-cut-off",
    "replica-killed",
    "replica-frozen",
    "sentinel-killed",
    "sentinel-frozen",
    "instance-killed",
    "instance-frozen",
)


def nginx_killed(target, seconds):
    target.take_away("nginx")
    time.sleep(1)
    target.bring_back("nginx")


def nginx_frozen(target, seconds):
    target.freeze("nginx")
    time.sleep(seconds)
    target.wake("nginx")


# There is one nginx only: while it is away nobody answers. What two of them do is in test_doors.py.
OF_NGINX = [
    Fault(name=f"nginx-{name}", what=f"nginx {name}", inject=inject, tolerance=Tolerance.OUTAGE, longest_write=None)
    for name, inject in (("killed", nginx_killed), ("frozen", nginx_frozen))
]


@pytest.fixture
def target(containers):
    return ContainerTarget(containers=containers)


FAULTS_HERE = [*(FAULTS[name] for name in ROWS), *OF_NGINX]


@pytest.mark.parametrize("fault", FAULTS_HERE, ids=lambda fault: fault.name)
def test_every_promise_holds_while_it_happens(target, fault):
    plan = Plan(times=2, seconds=5, rate=100)
    row, _ = run(target, fault, plan, print)
    print(f"{row.requests} requests; longest read {row.longest_read:.2f} s, longest write {row.longest_write:.2f} s")
    print(f"{len(row.failed_reads)} reads and {len(row.failed_writes)} writes failed; longest pause {row.pause:.2f} s")
    assert row.broken == []
