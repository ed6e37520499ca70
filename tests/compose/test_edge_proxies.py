"""Two nginx that share an address: whichever ends, the other one has it."""

import dataclasses

import pytest

from tests.stack_fixtures import wait_until
from tests.system.shopping import STOCK, Load, all_purchases

EDGE_PROXIES = ("edge-1", "edge-2")


@pytest.fixture(scope="module")
def virtual_address(deployment):
    """The address that both edge proxies share."""
    deployment.up(*EDGE_PROXIES)
    yield f"{deployment.layout.settings.network}.80"
    deployment.compose("rm", "--stop", "--force", *EDGE_PROXIES)


@pytest.fixture
def proxies(containers, virtual_address):
    """Both proxies, there before the test and after it."""
    wait_until(lambda: len(holders(containers, virtual_address)) == 1)
    yield containers
    containers.up(*EDGE_PROXIES)
    wait_until(lambda: len(holders(containers, virtual_address)) == 1)


@pytest.fixture
def load(staff, people, virtual_address):
    """People who call the address that the edge proxies share."""
    api = f"http://{virtual_address}/api/v1"
    buyers, readers = ([dataclasses.replace(people(), api=api) for _ in range(4)] for _ in range(2))
    return Load(buyers=buyers, readers=readers, product=staff.new_product(stock=STOCK), pause=0.1)


def holders(containers, address):
    """Which of the edge proxies that run have the address."""
    running = containers.running()
    return [proxy for proxy in EDGE_PROXIES if proxy in running and f"-- {address}\n" in addresses(containers, proxy)]


def addresses(containers, proxy):
    return containers.engine.docker("exec", containers.container(proxy), "cat", "/proc/net/fib_trie")


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


def test_each_edge_proxy_killed_in_turn_leaves_the_address_with_the_other(proxies, virtual_address, staff, load):
    for _ in EDGE_PROXIES:
        (killed,) = holders(proxies, virtual_address)
        interrupted(load, lambda proxy=killed: proxies.kill(proxy))
        assert holders(proxies, virtual_address) == [proxy for proxy in EDGE_PROXIES if proxy != killed]
        proxies.start(killed)
        proxies.wait_until_healthy(*EDGE_PROXIES)
        assert holders(proxies, virtual_address) == [proxy for proxy in EDGE_PROXIES if proxy != killed]
    check(load, staff, moves=2)


def test_a_frozen_edge_proxy_loses_the_address(proxies, virtual_address, staff, load):
    (frozen,) = holders(proxies, virtual_address)
    with load:
        bought_more(load, 30)
        with proxies.paused(frozen):
            bought_more(load, 30)
        wait_until(lambda: len(holders(proxies, virtual_address)) == 1)
        bought_more(load, 30)
    # Woken, it has the address for a moment more, until it hears of the other one.
    check(load, staff, moves=2)


def test_nginx_dead_in_a_edge_proxy_is_as_good_as_the_edge_proxy(proxies, virtual_address, staff, load):
    (holder,) = holders(proxies, virtual_address)
    stop = 'kill -9 "$(cat /run/nginx/nginx.pid)"'
    # Nobody waits for what it says: it may end with its container.
    interrupted(load, lambda: proxies.compose("exec", "--detach", "--user", "101", holder, "sh", "-c", stop))
    assert holders(proxies, virtual_address) == [proxy for proxy in EDGE_PROXIES if proxy != holder]
    check(load, staff)
    proxies.wait_until_healthy(*EDGE_PROXIES)


def test_edge_proxies_are_rolled_one_after_the_other(proxies, staff, load):
    answers = []
    interrupted(load, lambda: answers.append(proxies.script("roll", "--no-build", "edge")))
    assert [answer.returncode for answer in answers] == [0], answers[0].stderr
    check(load, staff, moves=2)


def test_a_new_version_of_the_api_is_not_noticed_at_the_edge_proxies(proxies, staff, load):
    with load:
        bought_more(load, 20)
        answer = proxies.script("roll", "--no-build", "api")
        bought_more(load, 20)
    assert answer.returncode == 0, answer.stderr
    assert load.failures == []
    check(load, staff, moves=0)
