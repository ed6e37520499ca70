"""The pages of the site in a browser: for everyone, on a phone, in the dark, and the first purchase pasted from one."""

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from chaos.stage import write_request
from devstack.temporary import RunningStack
from shop.domain.callers import Role
from shop.domain.ports import Shop
from shop.services.users import user_register
from tests.system.accessibility import PHONE_WIDTH_PX, axe_violations, overflow_px
from tests.system.shopping import Shopper

PAGES = ["/", "/problems/", "/problems/insufficient-stock", "/nothing/", "/status/", "/api/login/"]
#: Pages whose content is of another project, below this element.
EMBEDDED = {"/api/docs/": ("#swagger-ui", ".opblock"), "/api/redoc/": ("#redoc", ".menu-content")}
TIMEOUT_MS = 60_000
PASSWORD = "correct horse battery staple"


@pytest.fixture
def open_context(browser: Browser, stack: RunningStack) -> Iterator[Callable[..., BrowserContext]]:
    """Open a context of the browser on the shop, with these options."""
    contexts: list[BrowserContext] = []

    def opened(**options: object) -> BrowserContext:
        contexts.append(browser.new_context(base_url=stack.base_url, **options))
        contexts[-1].set_default_timeout(TIMEOUT_MS)
        return contexts[-1]

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_context: Callable[..., BrowserContext]) -> Page:
    return open_context(permissions=["clipboard-read", "clipboard-write"]).new_page()


@pytest.fixture(scope="module")
def product(staff: Shopper) -> dict:
    """A product in stock, the newest one."""
    body = {"sku": uuid.uuid4().hex, "name": "Green tea", "price": "4.20", "currency": "EUR", "stock": 5}
    answer = staff.post("/products/", body)
    assert answer.status_code == 201
    return answer.json()


@pytest.mark.parametrize(("scheme", "width_px"), [("light", 1280), ("dark", PHONE_WIDTH_PX)])
def test_the_pages_of_the_site_are_accessible_and_fit(
    open_context: Callable[..., BrowserContext], product: dict, scheme: str, width_px: int
):
    page = open_context(color_scheme=scheme, viewport={"width": width_px, "height": 800}).new_page()
    found = {}
    for path in PAGES:
        page.goto(path)
        found[path] = (overflow_px(page), axe_violations(page))
    assert found == {path: (0, []) for path in PAGES}


@pytest.mark.parametrize("path", EMBEDDED)
def test_the_frame_around_the_document_is_accessible_and_fits(open_context: Callable[..., BrowserContext], path: str):
    embedded, shown = EMBEDDED[path]
    page = open_context(color_scheme="dark", viewport={"width": PHONE_WIDTH_PX, "height": 800}).new_page()
    page.goto(path)
    page.wait_for_selector(shown, state="attached")
    assert (overflow_px(page), axe_violations(page, context={"exclude": [[embedded]]})) == (0, [])


@pytest.mark.prove
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", EMBEDDED)
def test_embedded_documents_have_contrast_in_both_schemes(
    open_context: Callable[..., BrowserContext], path: str, scheme: str
):
    page = open_context(color_scheme=scheme).new_page()
    page.goto(path)
    page.wait_for_selector(EMBEDDED[path][1], state="attached")
    assert axe_violations(page, rules=["color-contrast"]) == []


def test_the_copy_button_copies_the_commands(page: Page, product: dict):
    page.goto("/")
    page.click("text=Copy")
    page.wait_for_selector("button:has-text('Copied')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.text_content("#commands")
    assert [line.startswith(("curl ", "TOKEN=")) for line in copied.strip().splitlines()] == [True] * 3


def test_the_commands_can_be_pasted_and_buy_once(page: Page, product: dict):
    page.goto("/")
    register, token, buy = page.text_content("#commands").strip().splitlines()
    script = "\n".join([register, token, buy, "echo", buy])
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout
    *_, first, second = (json.loads(line) for line in said.replace("}{", "}\n{").splitlines())
    assert (first["status"], first["items"][0]["sku"], second) == ("placed", product["sku"], first)


def test_without_scripts_the_commands_are_there_and_no_dead_button(open_context: Callable[..., BrowserContext]):
    page = open_context(java_script_enabled=False).new_page()
    page.goto("/")
    assert "/api/v1/purchases/" in page.inner_text("#commands")
    assert page.locator("button:visible").count() == 0


def test_the_first_key_reaches_the_link_to_the_content(page: Page):
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_user_logs_in_on_the_front_page_and_out_again(page: Page, store: Shop):
    email, names = f"{uuid.uuid4().hex}@example.com", {"first_name": "Ada", "last_name": "Byron"}
    user_register(shop=store, request=write_request(), email=email, password=PASSWORD, role=Role.CUSTOMER, **names)
    page.goto("/")
    page.click("#log-in")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    assert "Ada" in page.inner_text("#greeting")
    page.click("#log-out")
    page.wait_for_selector("#log-in")


def test_the_icon_is_an_image(page: Page):
    assert page.request.get("/favicon.ico").headers["content-type"] in ("image/x-icon", "image/vnd.microsoft.icon")
