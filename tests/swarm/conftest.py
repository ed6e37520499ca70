"""The shop on a swarm of three machines, for the whole session."""

import time
from collections.abc import Callable, Iterator

import pytest

from configuration import ROOT
from devstack.temporary import locked_network
from shop.domain.callers import Role
from tests.capabilities import require
from tests.compose.engine import Engine, find
from tests.stack_fixtures import wait_until
from tests.swarm.swarm import Swarm, register, swarm, write_settings
from tests.swarm.target import SwarmTarget
from tests.system.shopping import Shopper, assembled, signed_in

CORE = ("redis-1", "redis-2", "redis-3", "sentinel-1", "sentinel-2", "sentinel-3", "api", "worker", "nginx")
#: The module whose tests need further machines, and how many.
NUMBERS_CHANGED, SPARES = "test_swarm_numbers.py", 2


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Docker with Compose, which builds and brings the images."""
    require("docker")
    require("swarm")
    found = find()
    assert found
    return found


@pytest.fixture(scope="session")
def deployment(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, say: Callable[[str], None], request: pytest.FixtureRequest
) -> Iterator[Swarm]:
    """The shop from nothing: machines, a swarm, deploy/swarm/init, deploy/swarm/up."""
    # Each takes 1.3 GB of memory for its images.
    spares = SPARES if any(item.path.name == NUMBERS_CHANGED for item in request.session.items) else 0
    begin = time.monotonic()
    directory = tmp_path_factory.mktemp("swarm")
    settings = write_settings(directory / "build.env", engine.settings)
    files = ("-f", str(ROOT / "deploy" / "compose.yml"), "--env-file", str(settings))
    engine.docker("compose", *files, "build", "--quiet", "redis-1", "api-1", timeout_s=600)
    listed = engine.docker("compose", *files, "config", "--images", "redis-1", "api-1", "nginx", "prometheus")
    images = sorted(set(listed.split()))
    with locked_network("172.28") as network, swarm(engine, network, directory, images, spares) as made:
        made.carry_out("init")
        register(made)
        made.carry_out("up", *CORE)
        wait_until(made.is_whole, 240)
        say(f"deployed from nothing: {time.monotonic() - begin:.0f} s")
        yield made


@pytest.fixture(scope="session")
def target(deployment: Swarm, say: Callable[[str], None]) -> SwarmTarget:
    return SwarmTarget(swarm=deployment, say=say)


@pytest.fixture
def people(deployment: Swarm) -> Callable[..., Shopper]:
    """Makes people who call the shop through the nginx of a machine: customers, or staff."""

    def make(role: Role = Role.CUSTOMER, machine: int = 0) -> Shopper:
        container = assembled(deployment)
        try:
            api = f"{deployment.url(deployment.machines[machine])}/api/v1"
            return Shopper(api=api, headers=signed_in(container.shop, role))
        finally:
            container.close()

    return make
