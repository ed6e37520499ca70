"""What is killed, frozen or cut off under load is not noticed: no request fails, nothing is lost or sold twice."""

from tests.stack_fixtures import wait_until
from tests.system.shopping import STOCK, all_purchases, check, go_on


def replica(containers):
    return next(name for name in containers.nodes if name != containers.primary)


def elected_in_place_of(containers, former):
    wait_until(lambda: containers.primary not in (None, former))


def test_the_primary_killed(containers, staff, load):
    with load:
        go_on(load, 50)
        former = containers.primary
        containers.kill(former)
        elected_in_place_of(containers, former)
        go_on(load, 50)
        containers.start(former)
        go_on(load, 50)
    containers.wait_until_whole()
    check(load, staff)


def test_the_primary_frozen_and_woken(containers, staff, load):
    with load:
        go_on(load, 50)
        former = containers.primary
        with containers.paused(former):
            elected_in_place_of(containers, former)
            go_on(load, 50)
        go_on(load, 50)
    containers.wait_until_whole()
    check(load, staff)


def test_the_primary_cut_off(containers, staff, load):
    with load:
        go_on(load, 50)
        former = containers.primary
        with containers.cut_off(former, containers.layout.redis[former].host):
            elected_in_place_of(containers, former)
            go_on(load, 50)
        go_on(load, 50)
    containers.wait_until_whole()
    check(load, staff)


def test_a_replica_killed(containers, staff, load):
    with load:
        go_on(load, 50)
        killed = replica(containers)
        containers.kill(killed)
        go_on(load, 50)
        containers.start(killed)
        go_on(load, 50)
    check(load, staff)


def test_a_replica_frozen(containers, staff, load):
    with load:
        go_on(load, 50)
        with containers.paused(replica(containers)):
            go_on(load, 50)
        go_on(load, 50)
    check(load, staff)


def test_a_sentinel_killed(containers, staff, load):
    with load:
        containers.kill("sentinel-1")
        go_on(load, 50)
        containers.start("sentinel-1")
        go_on(load, 50)
    check(load, staff)


def test_a_sentinel_frozen(containers, staff, load):
    with load, containers.paused("sentinel-2"):
        go_on(load, 100)
    check(load, staff)


def test_an_instance_killed(containers, staff, load):
    with load:
        go_on(load, 50)
        containers.kill("api-1")
        go_on(load, 100)
        containers.start("api-1")
        go_on(load, 50)
    check(load, staff)


def test_an_instance_frozen(containers, staff, load):
    with load:
        go_on(load, 50)
        with containers.paused("api-2"):
            go_on(load, 100)
        go_on(load, 50)
    check(load, staff)


def test_the_only_nginx_killed_and_what_was_acknowledged_is_there_once(containers, staff, load):
    with load:
        go_on(load, 50)
        containers.kill("nginx")
        containers.start("nginx")
        containers.wait_until_healthy("nginx")
        # Without a second one, a client that does not try again sees the gap.
        load.failures.clear()
        go_on(load, 50)
    assert load.failures == []
    kept = all_purchases(staff, load.product)
    assert set(load.bought) <= set(kept)
    assert len(kept) == len(set(kept)) == STOCK - staff.stock(load.product)
