"""The whole topology under gunicorn's own threaded worker, which stays a way to serve: it sells while one
instance is killed and the other one restarted."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from configuration import server
from devstack import lifecycle
from devstack.layout import INSTANCES
from devstack.temporary import NO_CALLER_LIMITS, SHOP_VARIABLES, TIMEOUT_S, RunningStack, running
from shop.domain.callers import Role
from tests.stack_fixtures import instance_client
from tests.system.shopping import STOCK, Load, Shopper, assembled, check, go_on, signed_in

pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def threaded() -> Iterator[RunningStack]:
    variables = {**SHOP_VARIABLES, server.WORKER_CLASS.name: "gthread"}
    with running("127.45", lifecycle.EVERYTHING, caller_limits=NO_CALLER_LIMITS, shop_variables=variables) as started:
        started.wait_until_serving()
        yield started


@pytest.fixture(scope="module")
def staff(threaded: RunningStack) -> Shopper:
    with closing(assembled(threaded)) as container:
        return Shopper(api=f"{threaded.base_url}/api/v1", headers=signed_in(container.shop, Role.STAFF))


@pytest.fixture
def load(threaded: RunningStack, staff: Shopper) -> Load:
    with closing(assembled(threaded)) as container:
        people = [Shopper(api=staff.api, headers=signed_in(container.shop)) for _ in range(3)]
    return Load(buyers=people[:2], readers=people[2:], product=staff.new_product(STOCK))


def test_instances_are_served_by_the_worker_that_is_set(threaded: RunningStack):
    for name in INSTANCES:
        with instance_client(threaded.layout.socket(name)) as client:
            assert client.get("/livez").headers["server"] == "gunicorn"


def test_nothing_fails_while_an_instance_is_killed_and_the_other_one_is_restarted(
    threaded: RunningStack, staff: Shopper, load: Load
):
    first, second = INSTANCES
    with load:
        go_on(load, 10)
        threaded.kill(first)
        go_on(load, 10)
        lifecycle.wait_until_part(threaded.layout, first, TIMEOUT_S)
        threaded.restart(second)
        go_on(load, 10)
    check(load, staff)
