"""The shop on three machines, deployed from nothing."""

import re

import pytest

from shop.domain.callers import Role
from tests.stack_fixtures import wait_until

#: The deployment is made before the first test: three engines, their images, and each container's first health check.
pytestmark = pytest.mark.timeout(600)
BACKUP_S = 120.0


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


@pytest.fixture
def with_backups(deployment):
    """The swarm with the profile `backup`; afterwards without."""
    deployment.set(COMPOSE_PROFILES="backup")
    yield deployment
    deployment.set(COMPOSE_PROFILES="")
    deployment.docker("service", "rm", "evergreen_backup")


def test_the_schedule_makes_a_backup_that_an_operator_verifies(with_backups, people):
    people(Role.STAFF).new_product(stock=3)
    with_backups.carry_out("up", "backup")
    verify = ("python", "manage.py", "backup", "--verify", "/backups/newest")
    wait_until(lambda: not with_backups.script("operator", *verify).returncode, BACKUP_S)
    verified = with_backups.carry_out("operator", *verify)
    assert re.search(r"[1-9]\d* products", verified), verified


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("scale", "redis", "4"), "4 machines are needed and 1 missing; 0 are ready"),
        (("scale", "redis", "1"), "There can be 2 to 5 of redis, not 1"),
        (("scale", "sentinel", "4"), "There can be 3 or 5 Sentinels, not 4"),
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
