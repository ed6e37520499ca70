"""The status page in a browser, over a real topology of which parts are taken away."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from devstack.temporary import RunningStack
from shop.domain.callers import Role
from shop.domain.ports import Shop
from tests.stack_fixtures import wait_until
from tests.system.shopping import Load, Shopper, signed_in

#: Milliseconds.
TIMEOUT_S = 60_000
expect.set_options(timeout=TIMEOUT_S)
PHONE = {"width": 390, "height": 844}
#: nginx, two instances, two workers, three data nodes and three Sentinels.
PANELS = 11


@pytest.fixture
def look(browser: Browser, stack: RunningStack, store: Shop, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Opens the page, as staff or as anybody."""
    opened: list[BrowserContext] = []

    def open_page(role: Role | None = None, **options: object) -> Page:
        context = browser.new_context(base_url=stack.base_url, **options)
        opened.append(context)
        if role:
            token = signed_in(store, role)["Authorization"].removeprefix("Bearer ")
            context.add_cookies([{"name": "evergreen_token", "value": token, "url": stack.base_url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
        page.goto("/status/")
        return page

    yield open_page
    for context in opened:
        context.close()
    stack.wait_until_serving()


def panel(page: Page, text: str):
    return page.locator("#topology .panel", has_text=text)


def address(stack: RunningStack, name: str) -> str:
    return str(stack.layout.redis[name])


def test_the_primary_is_killed_and_the_page_changes(
    stack: RunningStack, look: Callable[..., Page], complaints: list[str]
):
    stack.wait_until_whole()
    page = look(Role.STAFF)
    expect(page.locator("#title")).to_have_text("Everything is there", timeout=TIMEOUT_S)
    killed = str(stack.primary)
    expect(panel(page, address(stack, killed))).to_contain_text("takes writes")
    stack.stop(killed)
    expect(panel(page, address(stack, killed))).to_contain_text("does not answer", timeout=TIMEOUT_S)
    expect(page.locator(".panel.primary")).not_to_contain_text(address(stack, killed), timeout=TIMEOUT_S)
    expect(page.locator("#title")).to_have_text("Something is missing", timeout=TIMEOUT_S)
    expect(page.locator("#failovers")).to_contain_text(f"{address(stack, killed)} → ", timeout=TIMEOUT_S)
    stack.start(killed)
    expect(page.locator("#title")).to_have_text("Everything is there", timeout=TIMEOUT_S)
    expect(panel(page, address(stack, killed))).to_contain_text("replica")
    assert complaints == []


def test_an_instance_that_dies_is_seen_to_be_silent_and_one_that_is_stopped_is_gone(
    stack: RunningStack, look: Callable[..., Page], complaints: list[str]
):
    page = look(Role.STAFF)
    for name in ("api-1", "api-2"):
        expect(panel(page, name)).to_contain_text("serves", timeout=TIMEOUT_S)
    freeze(stack, "api-2")
    try:
        expect(panel(page, "api-2")).to_contain_text("silent for", timeout=TIMEOUT_S)
        expect(page.locator("#title")).to_have_text("Something is missing")
    finally:
        thaw(stack, "api-2")
    expect(panel(page, "api-2")).to_contain_text("serves", timeout=TIMEOUT_S)
    stack.stop("api-2")
    expect(panel(page, "api-2")).to_have_count(0, timeout=TIMEOUT_S)
    stack.start("api-2")
    expect(panel(page, "api-2")).to_contain_text("serves", timeout=TIMEOUT_S)
    assert complaints == []


def test_both_instances_tell_of_the_requests_of_both_and_of_what_was_bought(
    stack: RunningStack, look: Callable[..., Page], staff: Shopper, shopper: Callable[..., Shopper]
):
    load = Load(buyers=[shopper()], readers=[shopper()], product=staff.new_product(stock=10_000))
    with load:
        wait_until(lambda: len(load.bought) > 20)
        wait_until(lambda: all(busy(staff, seen_by) for seen_by in ("api-1", "api-2")))
    assert load.failures == []
    page = look(Role.STAFF)
    expect(page.locator("#numbers")).to_contain_text(re.compile(r"purchases\s*[1-9][\d,]*"))
    assert page.locator("#minute rect").count() > 0


def busy(staff: Shopper, seen_by: str) -> bool:
    """Whether this instance knows of requests to both."""
    told = httpx.get(status_url(staff), headers={**staff.headers, "Accept": "application/json"}).json()
    rates = [each["requests_per_second"] for each in told["instances"]]
    return told["seen_by"] == seen_by and len(rates) == 2 and min(rates) > 0 and told["purchases"]["recent"] > 0


def status_url(staff: Shopper) -> str:
    return staff.api.replace("/api/v1", "/status/")


@pytest.mark.parametrize("role", [None, Role.CUSTOMER])
def test_the_public_sees_what_there_is_and_nothing_of_where_and_how_much(
    stack: RunningStack, look: Callable[..., Page], role: Role | None
):
    page = look(role)
    expect(page.locator(".panel.primary")).to_have_text(re.compile("primary"))
    expect(page.locator("#topology .panel")).to_have_count(PANELS)
    said = page.content()
    assert stack.layout.settings.network not in said
    assert "api-1" not in said
    assert page.locator("#numbers, #failovers, #minute").count() == 0


def test_without_javascript_there_is_a_plain_table_that_asks_for_itself_again(look: Callable[..., Page]):
    page = look(Role.STAFF, java_script_enabled=False)
    assert not page.locator("#topology").is_visible()
    rows = page.locator("noscript tr:visible, #status > table tr:visible")
    expect(rows.filter(has_text=re.compile(r"data node\s*primary"))).to_contain_text("takes writes")
    expect(rows.filter(has_text="Sentinel").first).to_contain_text("agree")
    before = page.inner_text("#seen")
    expect(page.locator("#seen")).not_to_have_text(before, timeout=TIMEOUT_S)


def test_it_is_readable_on_a_phone(look: Callable[..., Page]):
    page = look(Role.STAFF, viewport=PHONE)
    expect(page.locator("#topology .panel")).to_have_count(PANELS)
    # All at once: the page renders its panels anew each second.
    boxes = page.eval_on_selector_all(
        "#topology .panel", "all => all.map(each => each.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) == PANELS
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"] for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    size = "all => all.map(each => parseFloat(getComputedStyle(each).fontSize))"
    sizes = page.eval_on_selector_all(".panel span", size)
    assert min(sizes) >= 12


def test_who_looks_on_while_nobody_answers_is_told_so(stack: RunningStack, look: Callable[..., Page]):
    page = look(Role.STAFF)
    page.wait_for_timeout(1500)
    stack.stop("nginx")
    expect(page.locator("#lost")).to_contain_text("No answer for", timeout=TIMEOUT_S)
    stack.start("nginx")
    expect(page.locator("#lost")).to_be_hidden(timeout=TIMEOUT_S)
    assert "lost" not in str(page.locator("#status").get_attribute("class"))


def freeze(stack: RunningStack, name: str) -> None:
    for pid in family(stack.pid(name)):
        os.kill(pid, signal.SIGSTOP)


def thaw(stack: RunningStack, name: str) -> None:
    for pid in family(stack.pid(name)):
        os.kill(pid, signal.SIGCONT)


def family(gunicorn: int) -> list[int]:
    """gunicorn and its workers."""
    children = Path(f"/proc/{gunicorn}/task/{gunicorn}/children").read_text().split()
    return [gunicorn, *map(int, children)]
