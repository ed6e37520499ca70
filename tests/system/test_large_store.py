"""A store of 20,000 products: seeded without a failover, and continued by its surviving replica after a kill."""

import subprocess
import time

import django
import pytest

from benchmarks.large_store import count_failovers, kill_primary, read_syncs, seed, seed_command, seed_environment
from chaos.embedded import start
from chaos.load import Load
from chaos.mix import Mix
from devstack import lifecycle
from devstack.settings import ROOT
from tests.stack_fixtures import wait_until

pytestmark = pytest.mark.prove

PRODUCTS, MORE_PRODUCTS, RATE = 20_000, 30_000, 40
WHOLE_TIMEOUT_S = 300.0


@pytest.fixture(scope="module")
def target():
    django.setup()
    with start("127.28") as started:
        yield started


def test_seeding_causes_no_failover_and_no_full_copy(target):
    seeding = seed(target, PRODUCTS)
    assert (seeding.failovers, seeding.full_syncs) == (0, 0)


@pytest.mark.parametrize("is_late", [False, True])
def test_surviving_replica_continues_by_a_partial_resynchronisation(target, is_late):
    load = Load(target.url, Mix(target.set_up()), RATE)
    load.start()
    try:
        kill = kill_primary(target, load, is_late=is_late)
    finally:
        load.stop()
    # The killed node copies everything: an append-only file has no replication offset.
    assert (kill.syncs.partial, kill.syncs.full) == (1, 1)


def test_surviving_replica_continues_by_a_partial_resynchronisation_while_the_store_is_seeded(target):
    former, failovers = target.primary, count_failovers(target)
    before = {name: read_syncs(target, name) for name in target.replicas}
    seeding = subprocess.Popen(
        seed_command(MORE_PRODUCTS), cwd=ROOT, env=seed_environment(target), stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(5)
        target.kill(former)
        wait_until(lambda: target.primary != former)
        primary = target.primary
        lifecycle.wait_until_whole(target.layout, target.supervisor, timeout_s=WHOLE_TIMEOUT_S)
        assert read_syncs(target, primary).since(before[primary]).partial == 1
    finally:
        assert seeding.wait() == 0
    assert count_failovers(target) == failovers + 1
