"""A whole stack whose processes all end at once, as in a power cut, and what its next start finds on the disks."""

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import lifecycle, orphans, supervision, temporary
from devstack.layout import Layout
from shop.bootstrap import Container
from shop.domain.callers import Role
from tests.stack_fixtures import wait_until
from tests.system.shopping import Shopper, all_purchases, assembled, signed_in
from tests.system.test_supervisor import done

pytestmark = [pytest.mark.prove, pytest.mark.takes_s(25)]

NETWORK = "127.39"
STOCK, SALES, TORN_BYTES = 1000, 46, 37


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A topology that was started once; ended whatever happens."""
    with temporary.free(NETWORK, lifecycle.EVERYTHING, run=tmp_path / "run") as free:
        try:
            assert done(free, "up")[0] == 0
            yield free
        finally:
            with contextlib.suppress(supervision.NotRunning):
                supervision.stop(free)


@pytest.fixture
def container(layout: Layout) -> Iterator[Container]:
    container = assembled(temporary.RunningStack(layout=layout, supervisor=None))
    yield container
    container.close()


def people(layout: Layout, container: Container) -> tuple[Shopper, Shopper]:
    """Staff, and a customer."""
    api = f"{layout.url}/api/v1"
    staff, customer = (
        Shopper(api=api, headers=signed_in(container.shop, role)) for role in (Role.STAFF, Role.CUSTOMER)
    )
    return staff, customer


def buy(customer: Shopper, product: str) -> list[str]:
    """The ids of so many purchases, oldest first."""
    answers = [customer.buy(product) for _ in range(SALES)]
    assert [answer.status_code for answer in answers] == [201] * SALES
    return [answer.json()["id"] for answer in answers]


def cut_power(layout: Layout) -> None:
    """Kill the supervisor and all that it runs, workers and companions too."""
    supervisor = supervision.pid(layout)
    assert supervisor
    os.kill(supervisor, signal.SIGKILL)
    for pid in [pid for identity in orphans.alive(layout).values() for pid in identity.members]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: supervision.pid(layout) is None and not orphans.alive(layout))


def tear(file: Path) -> None:
    os.truncate(file, file.stat().st_size - TORN_BYTES)


def test_a_shop_whose_nodes_all_have_a_torn_file_comes_up_with_every_whole_purchase(layout, container):
    staff, customer = people(layout, container)
    product = staff.new_product(STOCK)
    bought = buy(customer, product)
    cut_power(layout)
    for name in layout.redis:
        (file,) = layout.directory(name).glob("appendonlydir/*.incr.aof")
        tear(file)

    status, output = done(layout, "up")
    assert status == 0, output
    assert set(bought[:-1]) <= set(all_purchases(staff, product))
    assert staff.stock(product) == STOCK - len(all_purchases(staff, product))
    assert customer.buy(product).status_code == 201
    for name in layout.redis:
        assert layout.log(name).read_text().count("to its last whole command") == 1


def test_sentinels_that_lost_their_files_cost_no_purchase_though_they_name_a_node_that_was_behind(layout, container):
    staff, customer = people(layout, container)
    product = staff.new_product(STOCK)
    behind = next(iter(layout.redis))
    supervision.stop_process(layout, behind)
    wait_until(lambda: lifecycle.is_usable(layout))
    bought = buy(customer, product)
    cut_power(layout)
    for name in layout.sentinels:
        shutil.rmtree(layout.directory(name))

    status, output = done(layout, "up")
    assert status == 0, output
    assert set(all_purchases(staff, product)) == set(bought)
    assert staff.stock(product) == STOCK - SALES
    wait_until(lambda: lifecycle.is_whole(layout))
