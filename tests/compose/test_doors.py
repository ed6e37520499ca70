"""Two nginx that share an address: whichever ends, the other one has it."""

import dataclasses

import pytest

from tests.stack_fixtures import wait_until
from tests.system.shopping import STOCK, Load, all_purchases

DOORS = ("door-1", "door-2")


@pytest.fixture(scope="module")
def virtual_address(deployment):
    """The address that both doors share."""
    deployment.up(*DOORS)
    yield f"{deployment.layout.settings.network}.40"
    deployment.compose("rm", "--stop", "--force", *DOORS)


@pytest.fixture
def doors(containers, virtual_address):
    """Both doors, there before the test and after it."""
    wait_until(lambda: len(holders(containers, virtual_address)) == 1)
    yield containers
    containers.up(*DOORS)
    wait_until(lambda: len(holders(containers, virtual_address)) == 1)


@pytest.fixture
def load(staff, people, virtual_address):
    """People who call the address that the doors share."""
    api = f"http://{virtual_address}/api/v1"
    buyers, readers = ([dataclasses.replace(people(), api=api) for _ in range(4)] for _ in range(2))
    return Load(buyers=buyers, readers=readers, product=staff.new_product(stock=STOCK))


def holders(containers, address):
    """Which of the doors that run have the address."""
    up = [door for door in DOORS if door in containers.compose("ps", "--services", "--status", "running").split()]
    return [door for door in up if f"-- {address}\n" in addresses(containers, door)]


def addresses(containers, door):
    return containers.compose("exec", "-T", door, "cat", "/proc/net/fib_trie")


def bought_more(load, purchases):
    """Returns when so many more purchases were made, whatever failed meanwhile."""
    enough = len(load.bought) + purchases
    wait_until(lambda: len(load.bought) >= enough)


def interrupted(load, act):
    """Load before, while and after something is done that moves the address."""
    with load:
        bought_more(load, 30)
        act()
        bought_more(load, 50)


def check(load, staff, moves=1):
    """All that was acknowledged is there, and nothing twice. Until the address has moved nobody is let in; what was on
    its way, one request of each person at most, lost its connection. No answer was a bad one."""
    lost = [failure for failure in load.failures if not failure.startswith("Connect")]
    assert len(lost) <= moves * len([*load.buyers, *load.readers])
    assert [failure for failure in lost if "Error" not in failure and "Timeout" not in failure] == []
    kept = all_purchases(staff, load.product)
    assert set(load.bought) <= set(kept)
    assert len(kept) == len(set(kept)) == STOCK - staff.stock(load.product)


def test_each_door_killed_in_turn_leaves_the_address_with_the_other(doors, virtual_address, staff, load):
    for _ in DOORS:
        (killed,) = holders(doors, virtual_address)
        interrupted(load, lambda door=killed: doors.kill(door))
        assert holders(doors, virtual_address) == [door for door in DOORS if door != killed]
        doors.start(killed)
        doors.wait_until_healthy(*DOORS)
        assert holders(doors, virtual_address) == [door for door in DOORS if door != killed]
    check(load, staff, moves=2)


def test_a_frozen_door_loses_the_address(doors, virtual_address, staff, load):
    (frozen,) = holders(doors, virtual_address)
    with load:
        bought_more(load, 30)
        with doors.paused(frozen):
            bought_more(load, 30)
        wait_until(lambda: len(holders(doors, virtual_address)) == 1)
        bought_more(load, 30)
    # Woken, it has the address for a moment more, until it hears of the other one.
    check(load, staff, moves=2)


def test_nginx_dead_in_a_door_is_as_good_as_the_door(doors, virtual_address, staff, load):
    (holder,) = holders(doors, virtual_address)
    stop = 'kill -9 "$(cat /run/nginx/nginx.pid)"'
    # Nobody waits for what it says: it may end with its container.
    interrupted(load, lambda: doors.compose("exec", "--detach", "--user", "101", holder, "sh", "-c", stop))
    assert holders(doors, virtual_address) == [door for door in DOORS if door != holder]
    check(load, staff)
    doors.wait_until_healthy(*DOORS)


def test_doors_are_rolled_one_after_the_other(doors, staff, load):
    answers = []
    interrupted(load, lambda: answers.append(doors.script("roll", "--no-build", "door")))
    assert [answer.returncode for answer in answers] == [0], answers[0].stderr
    check(load, staff, moves=2)


def test_a_new_version_of_the_api_is_not_noticed_at_the_doors(doors, staff, load):
    with load:
        bought_more(load, 20)
        answer = doors.script("roll", "--no-build", "api")
        bought_more(load, 20)
    assert answer.returncode == 0, answer.stderr
    assert load.failures == []
    check(load, staff, moves=0)
