"""What dies under load is not noticed: no request fails, no purchase is lost, none is made twice."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.stack_fixtures import wait_until
from tests.system.shopping import STOCK, Load, check, go_on


@pytest.fixture
def load(staff, shopper, stack):
    """Light load on one product; afterwards the whole topology is there again."""
    with contextlib.ExitStack() as after:
        after.callback(stack.wait_until_whole)
        yield Load(
            buyers=[shopper() for _ in range(4)],
            readers=[shopper() for _ in range(4)],
            product=staff.new_product(stock=STOCK),
        )


def worker_of(gunicorn):
    return int(Path(f"/proc/{gunicorn}/task/{gunicorn}/children").read_text().split()[0])


@pytest.mark.parametrize("instance", ["api-1", "api-2"])
def test_an_instance_killed_under_load_is_not_noticed(stack, staff, load, instance):
    with load:
        go_on(load, 50)
        killed = stack.kill(instance)
        wait_until(lambda: stack.pid(instance) not in (0, killed))
        go_on(load, 100)
    check(load, staff)


def test_a_worker_killed_under_load_is_not_noticed(stack, staff, load):
    with load:
        go_on(load, 50)
        os.kill(worker_of(stack.pid("api-1")), signal.SIGKILL)
        go_on(load, 100)
    check(load, staff)


def test_the_primary_killed_under_load_is_not_noticed(stack, staff, load):
    with load:
        go_on(load, 50)
        killed = stack.primary
        stack.kill(killed)
        wait_until(lambda: stack.primary not in (None, killed))
        go_on(load, 100)
    stack.wait_until_whole()
    check(load, staff)


def test_every_replica_has_what_was_sold_while_the_primary_died(stack, staff, load):
    with load:
        go_on(load, 20)
        stack.kill(stack.primary)
        go_on(load, 100)
    stack.wait_until_whole()
    wait_until(lambda: len({node.fence for node in stack.nodes.values()}) == 1)
    check(load, staff)
