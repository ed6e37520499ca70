"""More instances, another replica, a new version: while people buy, and no request fails."""

import pytest

from exactly_once.client import Address, run_once
from exactly_once.replies import parse_pairs
from exactly_once.sentinels import read_consensus
from tests.compose.containers import NODES, SENTINELS
from tests.system.shopping import check, go_on

#: A scale and its way back replace every container, each of which starts on a machine that does other things.
pytestmark = pytest.mark.timeout(900)
SCRIPT_TIMEOUT_S = 600.0


def carried_out(containers, *words):
    answer = containers.script(*words, timeout_s=SCRIPT_TIMEOUT_S)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def started(containers, *services):
    """When each container was made, by service."""
    words = ("inspect", "-f", "{{.Created}}", *map(containers.container, services))
    return dict(zip(services, containers.engine.docker(*words).split(), strict=True))


def instances(containers):
    """The API instances that nginx knows."""
    text = (containers.layout.run / "nginx" / "instances.conf").read_text()
    return {line.split()[1] for line in text.splitlines() if line.startswith("server")}


@pytest.fixture
def grown(containers):
    """What is added is taken away again by whoever asks for this."""
    yield containers
    containers.script("scale", "api", "2")


def test_a_new_version_of_the_api_comes_one_instance_after_the_other(containers, staff, load):
    before = started(containers, "api-1", "api-2")
    with load:
        go_on(load, 20)
        carried_out(containers, "roll", "--no-build", "api")
        go_on(load, 20)
    check(load, staff)
    after = started(containers, "api-1", "api-2")
    assert all(after[name] > before[name] for name in before)


def test_every_data_node_is_replaced_and_the_primary_hands_over(containers, staff, load):
    before, former = started(containers, *NODES), containers.primary
    with load:
        go_on(load, 20)
        carried_out(containers, "roll", "--no-build", "redis")
        go_on(load, 20)
    check(load, staff)
    after = started(containers, *NODES)
    assert all(after[name] > before[name] for name in before)
    assert containers.primary != former


def test_all_passwords_of_the_store_are_replaced(containers, staff, load):
    files = containers.layout.secrets
    former = files.password("api")
    with load:
        go_on(load, 20)
        carried_out(containers, "rotate")
        go_on(load, 20)
    check(load, staff)
    assert files.password("api") != former
    containers.kill(containers.primary)
    containers.restore()


def test_the_sentinels_are_replaced_and_agree(containers, staff, load):
    with load:
        carried_out(containers, "roll", "--no-build", "sentinel")
        go_on(load, 20)
    check(load, staff)
    assert (
        read_consensus(list(containers.layout.sentinels.values()), "evergreen", containers.layout.operator).primary
        is not None
    )


def test_an_image_that_does_not_serve_stops_the_roll_and_takes_nobody_with_it(containers, staff, load):
    good = containers.setting("EVERGREEN_VERSION")
    other = containers.engine.docker("inspect", "-f", "{{.Image}}", containers.container("nginx")).strip()
    containers.engine.docker("tag", other, "evergreen-api:broken")
    containers.set(EVERGREEN_VERSION="broken")
    with load:
        go_on(load, 20)
        answer = containers.script("roll", "--no-build", "api")
        go_on(load, 20)
        containers.set(EVERGREEN_VERSION=good)
        carried_out(containers, "roll", "--no-build", "api")
        go_on(load, 20)
    assert answer.returncode != 0
    assert "api-1 does not become healthy" in answer.stderr
    check(load, staff)


def test_instances_are_added_and_taken_away(grown, staff, load):
    network = grown.layout.settings.network
    with load:
        go_on(load, 20)
        carried_out(grown, "scale", "api", "4")
        assert instances(grown) == {f"{network}.7{number}:8000" for number in (1, 2, 3, 4)}
        go_on(load, 50)
        carried_out(grown, "scale", "api", "2")
        go_on(load, 20)
    check(load, staff)
    assert instances(grown) == {f"{network}.7{number}:8000" for number in (1, 2)}
    assert "api-3" not in grown.compose("ps", "-a", "--services")


def test_what_was_added_comes_back_with_the_next_up(grown, load):
    carried_out(grown, "scale", "api", "3")
    grown.compose("--profile", "*", "down")
    grown.compose("up", "-d", "--no-build", "nginx", "api-3")
    grown.wait_until_healthy("api-3", "nginx")
    assert "api-3" in grown.compose("ps", "--services")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("scale",), "Say what, and how many"),
        (("scale", "api", "many"), "Say how many"),
        (("scale", "api", "9"), "There can be 2 to 6 of api, not 9"),
        (("scale", "redis", "6"), "There can be 2 to 5 of redis, not 6"),
        (("scale", "sentinel", "4"), "There can be 3 or 5 Sentinels, not 4"),
        (("roll", "nothing"), "There is no nothing to roll"),
    ],
)
def test_what_makes_no_sense_is_said_and_nothing_is_done(containers, words, told):
    answer = containers.script(*words)
    assert answer.returncode != 0
    assert told in answer.stderr


def test_another_replica_counts_and_can_be_elected_and_is_taken_away_again(containers, staff, load):
    with load:
        go_on(load, 20)
        carried_out(containers, "scale", "redis", "4")
        role, link, priority = data_node(containers, 4)
        # The roll may have handed over to it.
        assert role == "master" or link == "connected"
        assert priority == "100"
        assert sentinels_know(containers) == (3, 2, 2)
        carried_out(containers, "scale", "redis", "3")
        assert sentinels_know(containers) == (2, 2, 2)
        assert containers.setting("EVERGREEN_REPLICAS") == "2"
        assert "redis-4" not in containers.compose("ps", "-a", "--services")
        go_on(load, 20)
    check(load, staff)


def test_two_sentinels_more_are_counted_and_are_taken_away_again(containers, staff, load):
    with load:
        go_on(load, 20)
        carried_out(containers, "scale", "sentinel", "5")
        assert sentinels_know(containers) == (2, 4, 3)
        carried_out(containers, "scale", "sentinel", "3")
        assert sentinels_know(containers) == (2, 2, 2)
        assert "sentinel-4" not in containers.compose("ps", "-a", "--services")
        go_on(load, 20)
    check(load, staff)


def data_node(containers, number):
    """Role, link and priority of this data node."""
    address = Address(f"{containers.layout.settings.network}.1{number}", 6379)
    role, priority = run_once(
        address, ("ROLE",), ("CONFIG", "GET", "replica-priority"), credentials=containers.layout.operator
    )
    return role[0], role[3] if role[0] == "slave" else "", priority[1]


def sentinels_know(containers):
    """How many replicas and how many other Sentinels the first one knows of, and its quorum."""
    sentinel = containers.layout.sentinels[SENTINELS[0]]
    (answer,) = run_once(sentinel, ("SENTINEL", "MASTER", "evergreen"), credentials=containers.layout.operator)
    record = parse_pairs(answer)
    return tuple(int(record[field]) for field in ("num-slaves", "num-other-sentinels", "quorum"))
