"""The whole topology, and people who use it."""

import os
import shutil
from collections.abc import Callable, Iterator

import httpx
import pytest

from shop.domain.ports import Shop
from shop.domain.requests import Role
from tests.stack_fixtures import RunningStack
from tests.system.shopping import PATIENCE, Shopper, assembled, signed_in


@pytest.fixture(scope="session")
def store(stack: RunningStack) -> Iterator[Shop]:
    """The shop below HTTP."""
    assembly = assembled(stack)
    yield assembly.shop
    assembly.close()


@pytest.fixture(scope="session")
def client(stack: RunningStack) -> Iterator[httpx.Client]:
    """A client that tries nothing twice."""
    # A connection for each call: between threads, httpx may close an idle one that another thread has just been given.
    limits = httpx.Limits(max_connections=600, max_keepalive_connections=0)
    with httpx.Client(base_url=f"{stack.base_url}/api/v1", timeout=PATIENCE, limits=limits) as made:
        yield made


@pytest.fixture(scope="session")
def shopper(store: Shop, client: httpx.Client) -> Callable[..., Shopper]:
    """Makes people: customers, or staff."""
    return lambda role=Role.CUSTOMER: Shopper(client=client, headers=signed_in(store, role))


@pytest.fixture(scope="session")
def staff(shopper: Callable[..., Shopper]) -> Shopper:
    return shopper(Role.STAFF)


@pytest.fixture(scope="session")
def customer(shopper: Callable[..., Shopper]) -> Shopper:
    return shopper()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of this machine. Where there is none its tests are left out; in CI they fail."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("There is no Chromium on this machine.")
    return str(found)
