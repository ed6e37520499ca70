"""TLS between the containers: what sells, what is closed, and what Prometheus sees."""

from collections.abc import Iterator

import httpx
import pytest

from devstack.temporary import locked_network
from exactly_once.client import run_once
from exactly_once.errors import ServerError
from shop.domain.callers import Role
from tests.compose.containers import WORKERS, Containers, deployed
from tests.compose.engine import Engine
from tests.compose.images import NETWORK
from tests.stack_fixtures import wait_until
from tests.system.shopping import STOCK, Load, Shopper, assembled, check, go_on, signed_in

SERVICES = ("exporter", "redis-exporter", "prometheus")
PURCHASES = 10


@pytest.fixture(scope="module")
def encrypted(engine: Engine, images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    with (
        locked_network(NETWORK) as network,
        deployed(engine, network, tmp_path_factory.mktemp("encrypted"), tls=True) as containers,
    ):
        containers.up()
        yield containers


def shopper(encrypted: Containers, role: Role = Role.CUSTOMER) -> Shopper:
    container = assembled(encrypted)
    try:
        return Shopper(api=f"{encrypted.base_url}/api/v1", headers=signed_in(container.shop, role))
    finally:
        container.close()


@pytest.mark.parametrize("name", ["redis-1", "redis-2", "sentinel-1"])
def test_data_nodes_and_sentinels_answer_nothing_in_plain_text(encrypted, name):
    address = (encrypted.layout.redis | encrypted.layout.sentinels)[name]
    with pytest.raises(ServerError):
        run_once(address, ("PING",))


def test_an_instance_answers_nothing_without_a_certificate(encrypted):
    address = f"{encrypted.layout.settings.network}.71:8000"
    for url, verify in ((f"http://{address}/livez", True), (f"https://{address}/livez", False)):
        with pytest.raises(httpx.TransportError):
            httpx.get(url, verify=verify)


def test_certificates_are_renewed_while_the_shop_sells_and_a_failover_goes_on_with_them(encrypted):
    staff, buyers = shopper(encrypted, Role.STAFF), [shopper(encrypted) for _ in range(3)]
    load = Load(buyers=buyers[:2], readers=buyers[2:], product=staff.new_product(STOCK), pause=0.1)
    with load:
        go_on(load, PURCHASES)
        renewed = encrypted.script("certificates", "renew")
        # A Sentinel that has just been restarted and a primary that dies are two faults at once.
        encrypted.wait_until_whole()
        go_on(load, 10 * PURCHASES)
        former = encrypted.primary
        encrypted.kill(former)
        wait_until(lambda: encrypted.primary not in (None, former))
        go_on(load, PURCHASES)
    assert renewed.returncode == 0, renewed.stderr
    check(load, staff)
    encrypted.restore()


def test_prometheus_scrapes_instances_and_the_store(encrypted):
    encrypted.up(*SERVICES)
    auth = ("prometheus", encrypted.setting("EVERGREEN_MONITORING_PASSWORD"))
    url = f"http://127.0.0.1:{encrypted.setting('EVERGREEN_PROMETHEUS_PORT')}/api/v1"

    def up() -> set[str]:
        found = httpx.get(f"{url}/targets", auth=auth).json()["data"]["activeTargets"]
        return {target["labels"]["instance"] for target in found if target["health"] == "up"}

    wait_until(lambda: up() >= {"api-1", "api-2", *WORKERS, "redis-1", "sentinel-1", "exporter"})
