"""deploy/swarm/autoscale: instances follow a load that rises and falls, by what Prometheus sees of it."""

import time

import pytest

from tests.compose.readers import Readers
from tests.stack_fixtures import wait_until
from tests.swarm.swarm import AUTOSCALE_MAX, AUTOSCALE_MIN

pytestmark = pytest.mark.timeout(600)
INSTANCES = 3
SCALED_S = 180.0


@pytest.fixture
def watched(target):
    """The swarm with Prometheus; afterwards with as many instances as before."""
    target.heal()
    target.swarm.carry_out("up", "prometheus")
    yield target.swarm
    target.swarm.carry_out("scale", "api", str(INSTANCES))


def test_instances_follow_the_load(watched, say):
    """To the minimum without a load, then above it and back."""
    path = "/api/v1/products/?page_size=50"
    readers = Readers(url=watched.url(watched.machines[0]), path=path, count=12)
    with watched.autoscaling():
        wait_until(lambda: len(watched.running_on("api")) == AUTOSCALE_MIN, SCALED_S, pause_s=0.5)
        began = time.monotonic()
        with readers:
            wait_until(lambda: len(watched.running_on("api")) == AUTOSCALE_MAX, SCALED_S, pause_s=0.5)
            rose_s = time.monotonic() - began
        began = time.monotonic()
        wait_until(lambda: len(watched.tasks_of("api")) == AUTOSCALE_MIN, SCALED_S, pause_s=0.5)
    fell_s = time.monotonic() - began
    say(f"rose in {rose_s:.0f} s, fell in {fell_s:.0f} s; {len(readers.samples)} reads")
    assert readers.failures == []
    assert watched.carry_out("scale", "api").strip() == str(AUTOSCALE_MIN)
