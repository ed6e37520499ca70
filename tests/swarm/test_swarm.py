"""The shop on three machines: machines lost, drained, cut off, and changes, under one load with the checker."""

import time

import pytest

from chaos.faults import Fault
from chaos.run import Plan, run
from shop.domain.callers import Role
from tests.stack_fixtures import wait_until

#: The load goes through all the faults before the first of their tests begins.
pytestmark = pytest.mark.timeout(1500)
#: Seconds after which Swarm takes a silent machine for lost are 15; then its tasks are made elsewhere.
LOST_S = 20.0


def machine_killed(target, seconds):
    """The power of the primary's machine fails."""
    machine = target.primary_elsewhere()
    machine.cut_power()
    wait_until(lambda: target.primary != f"redis-{machine.name[-1]}", 60)
    time.sleep(LOST_S)
    assert not target.serves(machine)


def machine_drained(target, seconds):
    machine = target.primary_elsewhere()
    target.swarm.carry_out("drain", machine.name)
    assert machine.name not in [node for name in ("api", "worker", "nginx") for node in target.swarm.nodes_of(name)]
    target.swarm.carry_out("drain", "--undo", machine.name)


def overlay_cut(target, seconds):
    first, second, _ = target.swarm.machines
    with first.cut_off_from(second, port="udp/4789"):
        time.sleep(seconds)


def link_cut(target, seconds):
    """The machine of the load and that of the primary do not reach each other."""
    machine = target.primary_elsewhere()
    with target.swarm.machines[0].cut_off_from(machine):
        time.sleep(seconds)


def managers_lost(target, seconds):
    """No majority of managers: Swarm changes nothing, and the store elects all the same."""
    with target.managers_apart():
        target.move_primary()
        time.sleep(seconds)


def api_rolled(target, seconds):
    before = target.swarm.docker("service", "ps", "--quiet", "evergreen_api")
    target.swarm.carry_out("roll", "api")
    assert target.swarm.docker("service", "ps", "--quiet", "evergreen_api") != before


def store_rolled(target, seconds):
    target.swarm.carry_out("roll", "redis", "sentinel")


def api_scaled(target, seconds):
    target.swarm.carry_out("scale", "api", "5")
    assert len(target.swarm.nodes_of("api")) == 5
    target.swarm.carry_out("scale", "api", "2")
    time.sleep(seconds)
    target.swarm.carry_out("scale", "api", "3")


FAULTS = [
    Fault(name=inject.__name__.replace("_", "-"), what=inject.__name__, inject=inject, longest_write=None)
    for inject in (
        machine_killed,
        overlay_cut,
        link_cut,
        managers_lost,
        machine_drained,
        api_rolled,
        api_scaled,
        store_rolled,
    )
]


@pytest.fixture(scope="module")
def rows(target, say):
    """The row of each fault, by its name, after one load."""
    rows, _ = run(target, FAULTS, Plan(times=1, seconds=8, rate=20), say)
    for row in rows:
        longest = f"longest read {row.longest_read:.2f} s, longest write {row.longest_write:.2f} s"
        failed = f"{len(row.failed_reads)} reads and {len(row.failed_writes)} writes failed"
        say(f"{row.fault.name}: {row.requests} requests; {longest}; {failed}; longest pause {row.pause:.2f} s")
    return {row.fault.name: row for row in rows}


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


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS])
def test_every_promise_holds_while_it_happens(rows, name):
    assert rows[name].broken_promises == []
