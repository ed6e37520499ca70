"""The deployment in containers, and people who use it."""

import fcntl
from collections.abc import Callable, Iterator

import pytest

from devstack.temporary import locked_network
from shop.domain.callers import Role
from tests.capabilities import require
from tests.compose.containers import Containers, deployed
from tests.compose.engine import Engine, find, remove_orphans
from tests.compose.images import NETWORK, build
from tests.system.shopping import STOCK, Load, Shopper, assembled, signed_in


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Docker with Compose."""
    require("docker")
    found = find()
    assert found
    return found


@pytest.fixture(scope="session")
def network() -> Iterator[str]:
    """The beginning of addresses that no other test run has taken."""
    with locked_network(NETWORK) as found:
        yield found


@pytest.fixture(scope="session")
def images(engine: Engine, testrun_uid: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The images, built from this very tree, by the first worker of the run that needs them; and nothing beside them
    that a killed run has left."""
    with (tmp_path_factory.getbasetemp().parent / f"images-{testrun_uid}").open("a") as built:
        fcntl.flock(built, fcntl.LOCK_EX)
        if built.tell() == 0:
            remove_orphans(engine)
            build(engine)
            built.write("built")


@pytest.fixture(scope="session")
def deployment(
    engine: Engine, images: None, network: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Containers]:
    """The shop in containers, healthy."""
    with deployed(engine, network, tmp_path_factory.mktemp("deployment")) as containers:
        containers.up()
        yield containers


@pytest.fixture
def containers(deployment: Containers) -> Iterator[Containers]:
    """The deployment, whole before the test and after it."""
    yield deployment
    deployment.restore()


@pytest.fixture
def people(containers: Containers) -> Callable[..., Shopper]:
    """Makes people: customers, or staff. Nothing goes on looking at the deployment, which may end meanwhile."""

    def make(role: Role = Role.CUSTOMER) -> Shopper:
        container = assembled(containers)
        try:
            return Shopper(api=f"{containers.base_url}/api/v1", headers=signed_in(container.shop, role))
        finally:
            container.close()

    return make


@pytest.fixture
def staff(people: Callable[..., Shopper]) -> Shopper:
    return people(Role.STAFF)


@pytest.fixture
def load(staff: Shopper, people: Callable[..., Shopper]) -> Load:
    """Light load on one product: a request every 10 ms or so, beside which there is time to start containers."""
    return Load(
        buyers=[people() for _ in range(4)],
        readers=[people() for _ in range(4)],
        product=staff.new_product(stock=STOCK),
        pause=0.1,
    )
