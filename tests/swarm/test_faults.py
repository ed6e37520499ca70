"""One of three machines lost or drained, each under a load of its own with the checker."""

import time

import pytest

from chaos.faults import Fault
from chaos.run import Plan, run
from tests.stack_fixtures import wait_until

pytestmark = pytest.mark.timeout(600)
PLAN = Plan(times=1, seconds=8, rate=10)
#: Managers take a machine for lost after three heartbeats of 5 s, and then make its instances elsewhere.
LOST_S, RECREATED_S = 45.0, 60.0


def machine_killed(target, seconds):
    """The power of the primary's machine fails."""
    machine = target.primary_elsewhere()
    begin = time.monotonic()
    machine.cut_power()
    wait_until(lambda: target.primary_or_none not in (None, f"redis-{machine.name[-1]}"), 60)
    target.note("another primary is elected", begin)
    wait_until(lambda: target.swarm.state_of(machine) == "down", LOST_S)
    target.note("the managers call the machine Down", begin)
    wait_until(lambda: target.swarm.services()["api"] == (3, 3), RECREATED_S)
    target.note("as many instances as before run elsewhere", begin)
    assert not target.serves(machine)
    assert machine.name not in target.swarm.nodes_of("api")


def machine_drained(target, seconds):
    machine = target.primary_elsewhere()
    target.swarm.carry_out("drain", machine.name)
    assert machine.name not in [node for name in ("api", "worker", "nginx") for node in target.swarm.nodes_of(name)]
    target.swarm.carry_out("drain", "--undo", machine.name)


FAULTS = [
    Fault(name=inject.__name__.replace("_", "-"), what=inject.__name__, inject=inject, longest_write=None)
    for inject in (machine_killed, machine_drained)
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_promise_holds_while_it_happens(target, fault, say):
    target.heal()
    begin = time.monotonic()
    (row,), _ = run(target, [fault], PLAN, say)
    longest = f"longest read {row.longest_read:.2f} s, longest write {row.longest_write:.2f} s"
    failed = f"{len(row.failed_reads)} reads and {len(row.failed_writes)} writes failed"
    took = f"{time.monotonic() - begin:.0f} s in all"
    say(f"{fault.name}: {row.requests} requests; {longest}; {failed}; longest pause {row.pause:.2f} s; {took}")
    assert row.broken_promises == []
