"""Started again in whatever way, there is one primary, and it has everything."""

import pytest

from tests.compose.containers import NODES, SENTINELS, SHOP, WORKERS
from tests.stack_fixtures import wait_until
from tests.system.shopping import check_what_was_sold, go_on


@pytest.fixture
def sold(containers, load, staff):
    """Things that were sold; afterwards they must be there still."""
    with load:
        go_on(load, 50)
    assert load.failures == []
    yield load
    containers.wait_until_whole()
    primaries = [name for name, node in containers.nodes.items() if node.is_primary]
    assert primaries == [containers.primary]
    assert len({node.revision for node in containers.nodes.values()}) == 1
    check_what_was_sold(load, staff)


def test_up_after_a_failover_makes_the_former_primary_a_replica(containers, sold):
    former = containers.primary
    containers.kill(former)
    wait_until(lambda: containers.primary not in (None, former))
    elected = containers.primary
    containers.up()
    assert containers.nodes[former].follows == containers.layout.redis[elected]


def test_down_and_up_keeps_everything(containers, sold):
    before = containers.primary
    containers.compose("down")
    containers.up()
    assert containers.primary == before


def test_down_and_up_after_a_failover_keeps_the_one_that_was_elected(containers, sold):
    former = containers.primary
    containers.kill(former)
    wait_until(lambda: containers.primary not in (None, former))
    elected = containers.primary
    containers.compose("down")
    containers.up()
    assert containers.primary == elected


def test_everything_killed_at_once_comes_back_with_everything(containers, sold):
    containers.kill(*SHOP)
    containers.start(*SHOP)
    containers.wait_until_healthy(*SHOP)
    containers.wait_until_whole()
    assert containers.primary in NODES


def test_everything_killed_and_started_data_nodes_last_comes_back_with_everything(containers, sold):
    containers.kill(*SHOP)
    containers.start("nginx", *WORKERS, "api-2", "api-1", *SENTINELS)
    containers.start("redis-3")
    containers.start("redis-2")
    containers.start("redis-1")
    containers.wait_until_healthy(*SHOP)
    assert containers.primary in NODES


def test_a_primary_killed_and_started_at_once_loses_nothing(containers, sold):
    former = containers.primary
    containers.engine.docker("restart", "--time", "0", containers.container(former))
    containers.wait_until_healthy(*NODES)
    assert containers.primary in NODES


def test_a_node_that_lost_its_disk_copies_what_the_others_have(containers, sold):
    former = containers.primary
    containers.compose("rm", "--stop", "--force", former)
    containers.engine.docker("volume", "rm", f"{containers.project}_{former}")
    containers.up()
    assert containers.nodes[former].follows == containers.layout.redis[containers.primary]


def test_a_sentinel_keeps_what_it_has_learnt(containers, sold):
    before = containers.primary
    containers.compose("up", "-d", "--no-deps", "--no-build", "--force-recreate", *SENTINELS)
    containers.wait_until_healthy(*SENTINELS)
    assert containers.primary == before
