"""Machines lost and cut off, and changes by deploy/swarm, each under a load of its own with the checker."""

import time

import pytest

from chaos.faults import Fault
from chaos.run import Plan, run
from tests.stack_fixtures import wait_until

pytestmark = pytest.mark.timeout(600)
#: Seconds of a cut. What a script does takes as long as it takes.
PLAN = Plan(times=1, seconds=6, rate=10)
#: Managers take a machine for lost after three heartbeats of 5 s, and then make its instances elsewhere.
LOST_S, RECREATED_S = 60.0, 90.0


def overlay_cut(target, seconds):
    """The machine of the load reaches no instance on another one."""
    first, *others = target.swarm.machines
    with first.cut_off_from(*others, port="udp/4789"):
        time.sleep(seconds)


def managers_lost(target, seconds):
    """Without a majority of managers Swarm changes nothing, and the Sentinels elect all the same."""
    begin = time.monotonic()
    with target.managers_apart():
        target.note("no manager has a majority", begin)
        before = target.primary
        target.move_primary()
        assert target.primary != before
        time.sleep(seconds)
    target.until_managed()
    target.note("a majority of managers is back", begin)


def api_rolled(target, seconds):
    before = target.swarm.tasks_of("api")
    target.swarm.carry_out("roll", "api")
    assert not before & target.swarm.tasks_of("api")


def api_scaled(target, seconds):
    target.swarm.carry_out("scale", "api", "4")
    assert len(target.swarm.running_on("api")) == 4
    target.swarm.carry_out("scale", "api", "3")
    assert len(target.swarm.tasks_of("api")) == 3
    # Swarm stops the one that is too many two seconds after it is out of DNS.
    time.sleep(seconds)


def redis_rolled(target, seconds):
    before = {name: target.swarm.tasks_of(name) for name in target.data_nodes}
    target.swarm.carry_out("roll", "redis")
    assert not [name for name in before if before[name] & target.swarm.tasks_of(name)]


def machine_drained(target, seconds):
    machine = target.primary_elsewhere()
    target.swarm.carry_out("drain", machine.name)
    assert machine.name not in [node for name in ("api", "worker", "nginx") for node in target.swarm.nodes_of(name)]
    target.swarm.carry_out("drain", "--undo", machine.name)


def machine_killed(target, seconds):
    """The power of the primary's machine fails."""
    machine = target.primary_elsewhere()
    assert machine.name in target.swarm.running_on("api")
    begin = time.monotonic()
    machine.cut_power()
    wait_until(lambda: target.primary_or_none not in (None, f"redis-{machine.name[-1]}"), 60)
    target.note("another primary is elected", begin)
    wait_until(lambda: target.is_down(machine), LOST_S)
    target.note("the managers call the machine Down", begin)
    wait_until(lambda: target.runs_without(machine, "api", 3), RECREATED_S)
    target.note("as many instances as before run elsewhere", begin)
    assert not target.serves(machine)


FAULTS = [
    Fault(name=inject.__name__.replace("_", "-"), what=inject.__name__, inject=inject, longest_write=None)
    for inject in (
        overlay_cut,
        managers_lost,
        machine_killed,
        # Spreads the instances again.
        api_rolled,
        api_scaled,
        redis_rolled,
        machine_drained,
    )
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
    assert row.broken_promises == [], row.broken_promises
