"""The deployment in containers, and people who use it."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shop.domain.callers import Role
from tests.compose.containers import Containers, deployed
from tests.compose.engine import Engine, find
from tests.system.shopping import STOCK, Load, Shopper, assembled, signed_in

NETWORKS = 32


@pytest.fixture(scope="package")
def engine() -> Engine:
    """Docker with Compose. Where there is none its tests are left out; in CI they fail."""
    found = find()
    if found is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("No Docker engine with Compose answers on this machine.")
    assert found
    return found


@pytest.fixture(scope="package")
def network() -> Iterator[str]:
    """The beginning of addresses that no other test run has taken."""
    for number in range(NETWORKS):
        lock = Path(tempfile.gettempdir(), f"evergreen-172.29.{number}.lock")
        with lock.open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield f"172.29.{number}"
            return
    pytest.fail(f"no free network among 172.29.0 to 172.29.{NETWORKS - 1}")


@pytest.fixture(scope="package")
def deployment(engine: Engine, network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """The shop in containers, built from this very tree, healthy."""
    with deployed(engine, network, tmp_path_factory.mktemp("deployment")) as containers:
        containers.compose("--profile", "ha", "build", "--quiet", patience=600)
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
    """Light load on one product."""
    return Load(
        buyers=[people() for _ in range(4)],
        readers=[people() for _ in range(4)],
        product=staff.new_product(stock=STOCK),
    )
