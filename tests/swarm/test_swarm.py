"""The shop on three machines: deployed from nothing, and one of them lost or drained under a load with the checker."""

import time

import pytest

from chaos.faults import Fault
from chaos.run import Plan, run
from shop.domain.callers import Role
from tests.stack_fixtures import wait_until

pytestmark = pytest.mark.timeout(600)
PLAN = Plan(times=1, seconds=8, rate=10)
#: Managers take a machine for lost when it has been silent for about 15 s, and then make its instances elsewhere.
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


def test_a_purchase_through_any_machine_is_seen_through_every_other(deployment, people):
    staff = people(Role.STAFF)
    product = staff.new_product(stock=10)
    for number in range(len(deployment.machines)):
        answer = people(machine=number).buy(product)
        assert answer.status_code == 201, answer.text
    assert [people(machine=number).stock(product) for number in range(3)] == [7, 7, 7]


def test_data_nodes_and_sentinels_are_on_machines_of_their_own_and_instances_on_all(deployment):
    for kind in ("redis", "sentinel"):
        assert [deployment.nodes_of(f"{kind}-{n}") for n in (1, 2, 3)] == [[m.name] for m in deployment.machines]
    assert deployment.nodes_of("api") == deployment.nodes_of("nginx") == [m.name for m in deployment.machines]


def test_the_number_of_instances_is_printed(deployment):
    assert deployment.carry_out("scale", "api").strip() == "3"


def test_nothing_is_missing(deployment):
    assert "Every machine, every service and the store are well." in deployment.carry_out("check")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("scale", "redis", "4"), "Only instances are scaled"),
        (("scale", "api", "many"), "Say how many"),
        (("scale", "api", "65"), "There can be 1 to 64 of api, not 65"),
        (("roll", "nothing"), "There is no nothing to roll"),
        (("drain", "machine-9"), "There is no machine machine-9"),
        (("init", "machine-1", "machine-2"), "Name three or five machines, not 2"),
        (("up", "nothing"), "There is no service nothing"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(deployment, words, reason):
    answer = deployment.script(*words)
    assert answer.returncode != 0
    assert reason in answer.stderr


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
