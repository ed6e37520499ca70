"""Rows of the chaos table on containers: the same load, the same faults by the engine's means, the same checker."""

import time

import pytest

from chaos.faults import FAULTS, Fault, Tolerance
from chaos.run import Plan, run
from tests.compose.target import ContainerTarget
from tests.system.fault_rows import requested

#: The load goes through all the faults before the first of their tests begins.
pytestmark = pytest.mark.timeout(900)
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


# There is one nginx only: while it is away nobody answers. What two of them do is in test_edge_proxies.py.
OF_NGINX = [
    Fault(name=f"nginx-{name}", what=f"nginx {name}", inject=inject, tolerance=Tolerance.OUTAGE, longest_write=None)
    for name, inject in (("killed", nginx_killed), ("frozen", nginx_frozen))
]


FAULTS_HERE = [*(FAULTS[name] for name in ROWS), *OF_NGINX]


@pytest.fixture(scope="module")
def rows(deployment, say, request):
    """The row of each fault, by its name, after one load."""
    plan = Plan(times=2, seconds=5, rate=50)
    rows, _ = run(ContainerTarget(containers=deployment), requested(FAULTS_HERE, request), plan, say)
    deployment.restore()
    for row in rows:
        longest = f"longest read {row.longest_read:.2f} s, longest write {row.longest_write:.2f} s"
        failed = f"{len(row.failed_reads)} reads and {len(row.failed_writes)} writes failed"
        say(f"{row.fault.name}: {row.requests} requests; {longest}; {failed}; longest pause {row.pause:.2f} s")
    return {row.fault.name: row for row in rows}


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS_HERE])
def test_every_promise_holds_while_it_happens(rows, name):
    assert rows[name].broken_promises == []
