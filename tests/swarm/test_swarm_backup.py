"""A scheduled backup, encrypted and in an object store, brings a shop back whose machines have lost all of their data,
as docs/swarm.md has it. It takes minutes, so no phase runs it."""

from dataclasses import replace

import pyrage
import pytest

from shop.domain.callers import Role
from tests.object_store import BUCKET, REGION, serving
from tests.stack_fixtures import wait_until
from tests.swarm.conftest import CORE

pytestmark = pytest.mark.timeout(1500)
PREFIX, NEWEST = "shop", f"s3://{BUCKET}/shop/newest"
STORE = tuple(name for name in CORE if name.startswith(("redis", "sentinel")))
DONE_S = 240.0


@pytest.fixture
def objects(deployment):
    """An object store on this machine, as it is called here and by the machines of the swarm."""
    network = deployment.machines[0].address.rpartition(".")[0]
    with serving("0.0.0.0") as found:
        yield found, replace(found, endpoint=found.endpoint.replace("127.0.0.1", f"{network}.254"))


@pytest.fixture
def identity():
    """What opens the backups, and is on no machine of the swarm."""
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def with_backups(deployment, objects, identity):
    """The swarm with a schedule of backups into the object store."""
    _, as_called = objects
    deployment.set(
        COMPOSE_PROFILES="backup",
        EVERGREEN_BACKUP_TARGET=f"s3://{BUCKET}/{PREFIX}",
        EVERGREEN_BACKUP_RECIPIENTS=str(identity.to_public()),
        EVERGREEN_S3_ENDPOINT=as_called.endpoint,
        EVERGREEN_S3_REGION=REGION,
        EVERGREEN_S3_ACCESS_KEY=as_called.access_key,
        EVERGREEN_S3_SECRET_KEY=as_called.secret_key,
    )
    deployment.carry_out("init")
    return deployment


def lose_everything(swarm):
    """Remove all services, and the volumes of every data node and Sentinel."""
    swarm.docker("service", "rm", *swarm.docker("service", "ls", "--quiet").split())
    for machine in swarm.machines:
        wait_until(lambda machine=machine: not machine.docker("ps", "--quiet"), DONE_S)
        names = machine.docker("volume", "ls", "--quiet").split()
        lost = [name for name in names if name.startswith(("evergreen_redis-", "evergreen_sentinel-"))]
        assert len(lost) == 2
        # Containers that have ended hold them.
        machine.docker("container", "prune", "--force")
        machine.docker("volume", "rm", *lost)


def test_everything_is_there_again_from_the_object_store(with_backups, objects, identity, people):
    staff = people(Role.STAFF)
    product = staff.new_product(stock=10)
    customer = people()
    assert customer.buy(product).status_code == 201
    with_backups.carry_out("up", "backup")
    found, _ = objects
    wait_until(lambda: len(found.names(PREFIX)) == 1, DONE_S)
    lose_everything(with_backups)
    with_backups.carry_out("up", *STORE)
    wait_until(with_backups.is_whole, DONE_S)
    restore = ("operator", "python", "manage.py", "restore", NEWEST)
    refused = with_backups.script(*restore)
    assert (refused.returncode, "It is encrypted" in refused.stderr) == (2, True), refused.stderr
    with_backups.carry_out(*restore, "--identity", "-", given=f"{identity}\n")
    with_backups.carry_out("up", *CORE)
    wait_until(with_backups.is_complete, DONE_S)
    assert staff.stock(product) == 9
    assert customer.buy(product).status_code == 201
    assert people(machine=2).stock(product) == 8
    with_backups.carry_out("operator", "python", "manage.py", "check_stock")
