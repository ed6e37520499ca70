"""The whole topology, and people who use it."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from chaos import partition
from devstack.temporary import RunningStack
from shop.domain.callers import Role
from shop.domain.ports import Shop
from tests.system.shopping import Shopper, assembled, signed_in


@pytest.fixture(scope="session")
def store(stack: RunningStack) -> Iterator[Shop]:
    """The shop below HTTP."""
    container = assembled(stack)
    yield container.shop
    container.close()


@pytest.fixture(scope="session")
def visitor(stack: RunningStack) -> Shopper:
    """Somebody who is not signed in."""
    return Shopper(api=f"{stack.base_url}/api/v1")


@pytest.fixture(scope="session")
def shopper(store: Shop, visitor: Shopper) -> Callable[..., Shopper]:
    """Makes people: customers, or staff."""
    return lambda role=Role.CUSTOMER: Shopper(api=visitor.api, headers=signed_in(store, role))


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


@pytest.fixture(scope="session")
def root() -> None:
    """What partitions and full disks take. Where it is missing those tests are left out; in CI they fail."""
    if not partition.is_possible():
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("It takes root and iptables.")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def complaints() -> list[str]:
    """What scripts and the content security policy had to say."""
    return []
