"""A stack that is started anew after a file of one data node was damaged."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.node_status import read_statuses
from devstack import lifecycle, supervision, temporary
from devstack.layout import Layout
from exactly_once.revision import Revision
from exactly_once.sentinels import read_consensus
from shop.domain.callers import Role
from tests.stack_fixtures import wait_until
from tests.system.shopping import Shopper, assembled, signed_in
from tests.system.test_supervisor import done

pytestmark = pytest.mark.takes_s(50)
NETWORK = "127.31"
STOCK, SALES = 100, 30


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A topology that nothing of runs; ended whatever happens."""
    with temporary.free(NETWORK, lifecycle.EVERYTHING, run=tmp_path / "run") as free:
        try:
            yield free
        finally:
            with contextlib.suppress(supervision.NotRunning):
                supervision.stop(free)


def primary_of(layout: Layout) -> str:
    address = read_consensus(list(layout.sentinels.values()), layout.settings.primary_name, layout.operator).primary
    return next(name for name, each in layout.redis.items() if each == address)


def revisions(layout: Layout) -> set[Revision]:
    return {node.revision for node in read_statuses(list(layout.redis.values()), layout.revision_key, layout.operator)}


def damage(directory: Path) -> bytes:
    """Spoil a command in the middle of the node's append-only file, and return what the file then holds."""
    (file,) = directory.glob("appendonlydir/*.incr.aof")
    data = bytearray(file.read_bytes())
    begin = data.index(b"\r\n*", len(data) // 2)
    data[begin : begin + 8] = b"\xff" * 8
    file.write_bytes(data)
    return bytes(data)


def sell(layout: Layout, stack: temporary.RunningStack, sales: int, product: str = "") -> tuple[str, list[int]]:
    """The product, new where none is given, and the statuses of so many purchases of it."""
    container = assembled(stack)
    api = f"{layout.url}/api/v1"
    product = product or Shopper(api=api, headers=signed_in(container.shop, Role.STAFF)).new_product(stock=STOCK)
    buyer = Shopper(api=api, headers=signed_in(container.shop))
    statuses = [buyer.buy(product).status_code for _ in range(sales)]
    container.close()
    return product, statuses


@pytest.mark.parametrize("role", ["replica", "primary"])
def test_a_shop_with_one_damaged_node_serves_with_the_others_and_the_node_copies_them(layout, role):
    assert done(layout, "up")[0] == 0
    stack = temporary.RunningStack(layout=layout, supervisor=None)
    product, statuses = sell(layout, stack, SALES)
    assert statuses == [201] * SALES
    primary = primary_of(layout)
    name = primary if role == "primary" else next(name for name in layout.redis if name != primary)
    assert done(layout, "down")[0] == 0
    spoilt = damage(layout.directory(name))

    assert done(layout, "up")[0] == 0
    assert sell(layout, stack, 1, product)[1] == [201]
    wait_until(lambda: lifecycle.is_whole(layout))
    wait_until(lambda: len(revisions(layout)) == 1)
    assert sell(layout, stack, 1, product)[1] == [201]
    log = layout.log(name).read_text()
    assert f"{layout.directory(name)}/appendonly.aof" in log
    assert "Bad file format reading the append only file" in log
    (aside,) = layout.run.glob(f"{name}.damaged-*")
    (file,) = aside.glob("appendonlydir/*.incr.aof")
    assert file.read_bytes() == spoilt
    assert done(layout, "down")[0] == 0
