"""The whole topology, and people who use it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from devstack.temporary import RunningStack
from shop.domain.callers import Role
from shop.domain.ports import Shop
from tests.capabilities import CHROMIUM, program, require
from tests.system import document
from tests.system.shopping import Shopper, assembled, signed_in

#: Of a step and of an expectation in a browser, on a machine that other tests use too.
BROWSER_TIMEOUT_MS = 60_000
expect.set_options(timeout=BROWSER_TIMEOUT_MS)


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
def call(stack: RunningStack, staff: Shopper, shopper: Callable[..., Shopper]) -> Callable[..., None]:
    """Makes the call of a case of the OpenAPI document through nginx, and checks the answer."""

    def checked(case, checks=document.CHECKS):
        headers = (shopper() if document.is_leaving(case) else staff).headers
        case.call_and_validate(base_url=stack.base_url, headers=headers, checks=checks)

    return checked


@pytest.fixture(scope="session")
def headers_of(staff: Shopper, customer: Shopper, shopper: Callable[..., Shopper]) -> Callable[..., dict[str, str]]:
    """The headers of an anonymous caller, a customer or staff; those of a new user where the case revokes its token."""
    of_identity = {"anonymous": {}, "customer": customer.headers, "staff": staff.headers}
    roles = {"customer": Role.CUSTOMER, "staff": Role.STAFF}

    def headers(identity, case):
        if identity in roles and document.is_leaving(case):
            return shopper(roles[identity]).headers
        return of_identity[identity]

    return headers


@pytest.fixture(scope="session")
def call_as(stack: RunningStack, headers_of: Callable[..., dict[str, str]]) -> Callable[..., None]:
    """Makes the call of a case as one of these callers, and checks the answer; and that no credentials or wrong ones do
    not get the same."""

    def checked(identity, case):
        case.call_and_validate(
            base_url=stack.base_url, headers=headers_of(identity, case), checks=document.CHECKS_OF_CALLERS
        )

    return checked


@pytest.fixture(scope="session")
def call_existing(
    call: Callable[..., None], staff: Shopper, shopper: Callable[..., Shopper], store: Shop
) -> Callable[..., None]:
    """The same about something that is there."""

    def checked(case):
        case.path_parameters["id"] = document.existing(case.path, staff, shopper, store)
        call(case, document.CHECKS_OF_EXISTING)

    return checked


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser."""
    require("chromium")
    return str(program(*CHROMIUM))


@pytest.fixture(scope="session")
def root() -> None:
    """What partitions and full disks take."""
    require("root")


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


@pytest.fixture
def office(browser: Browser, stack: RunningStack, store: Shop, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Opens a browser in which staff are signed in."""
    opened: list[BrowserContext] = []

    def open_office(**options: object) -> Page:
        context = browser.new_context(base_url=stack.base_url, **options)
        context.set_default_timeout(BROWSER_TIMEOUT_MS)
        opened.append(context)
        token = signed_in(store, Role.STAFF)["Authorization"].removeprefix("Bearer ")
        context.add_cookies([{"name": "evergreen_token", "value": token, "url": stack.base_url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if "Security Policy" in line.text else None)
        return page

    yield open_office
    for context in opened:
        context.close()
