"""A person with a browser: signs in, adds a product, buys it, and signs out, by the forms of the pages."""

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from chaos.stage import write_request
from devstack.temporary import RunningStack
from shop.domain.callers import Role
from shop.domain.ports import Shop
from shop.services.users import user_register

PASSWORD = "correct horse battery staple"
#: Milliseconds.
TIMEOUT_S = 60_000


@pytest.fixture
def page(browser: Browser, stack: RunningStack, complaints: list[str]) -> Iterator[Page]:
    opened = browser.new_page(base_url=stack.base_url)
    opened.set_default_timeout(TIMEOUT_S)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
    yield opened
    opened.close()


@pytest.fixture
def log_in(page: Page, store: Shop) -> Callable[[str, Role], None]:
    """Opens an account and signs in by the form, on the page of this path."""

    def by_form(path: str, role: Role) -> None:
        email = f"{uuid.uuid4().hex}@example.com"
        user_register(
            shop=store,
            request=write_request(),
            email=email,
            password=PASSWORD,
            first_name="Ada",
            last_name="Byron",
            role=role,
        )
        page.goto(path)
        page.click("#log-in")
        page.fill("[name=email]", email)
        page.fill("[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_selector("#log-out")

    return by_form


def add_product(page: Page, stock: int) -> str:
    """The id of the product that the form added."""
    form = page.locator("#post-object-form")
    for name, value in {"sku": uuid.uuid4().hex, "name": "Green tea", "price": "4.20", "stock": str(stock)}.items():
        form.locator(f"[name={name}]").fill(value)
    form.locator("[name=currency]").select_option("EUR")
    form.locator("button").click()
    page.wait_for_selector("text=201 Created")
    return found(page, r'"id": "([0-9a-f-]{36})"')


def found(page: Page, pattern: str) -> str:
    return re.search(pattern, page.inner_text(".response-info"))[1]


def send_json(page: Page, text: str, button: str) -> None:
    page.locator("textarea[name=_content]:visible").fill(text)
    page.locator(f"form:has(textarea[name=_content]:visible) button:has-text('{button}')").first.click()


def test_staff_add_a_product_and_buy_it(page: Page, log_in: Callable[[str, Role], None], complaints: list[str]):
    log_in("/api/v1/products/", Role.STAFF)
    product = add_product(page, stock=3)
    page.goto("/api/v1/purchases/")
    send_json(page, f'{{"items": [{{"product": "{product}", "quantity": 2}}]}}', "POST")
    page.wait_for_selector("text=201 Created")
    assert found(page, r'"total": "([0-9.]+)"') == "8.40"
    page.goto(f"/api/v1/products/{product}/")
    assert found(page, r'"stock": (\d+)') == "1"
    assert complaints == []


def test_staff_change_a_product_its_stock_and_a_purchase(
    page: Page, log_in: Callable[[str, Role], None], complaints: list[str]
):
    log_in("/api/v1/products/", Role.STAFF)
    product = add_product(page, stock=1)
    page.goto(f"/api/v1/products/{product}/")
    page.fill("#put-object-form [name=name]", "Black tea")
    page.click("#put-object-form button")
    page.wait_for_selector("text=Black tea")
    page.click("#actions >> text=Stock")
    page.fill("[name=delta]", "4")
    page.fill("[name=reason]", "A delivery.")
    page.click("#post-object-form button")
    page.wait_for_selector("text=200 OK")
    assert found(page, r'"stock": (\d+)') == "5"
    assert complaints == []


def test_a_form_that_cannot_be_used_says_why_beside_the_field(page: Page, log_in: Callable[[str, Role], None]):
    log_in("/api/v1/products/", Role.STAFF)
    page.fill("#post-object-form [name=name]", "Green tea")
    page.fill("#post-object-form [name=price]", "cheap")
    page.click("#post-object-form button")
    page.wait_for_selector("text=400 Bad Request")
    assert "Use a decimal string" in page.inner_text("#post-object-form")
    assert page.input_value("#post-object-form [name=name]") == "Green tea"


def test_customers_get_no_form_for_what_is_not_theirs_to_do(page: Page, log_in: Callable[[str, Role], None]):
    log_in("/api/v1/products/", Role.CUSTOMER)
    assert page.locator("#post-object-form").count() == 0
    page.goto("/api/v1/purchases/")
    assert page.locator("textarea[name=_content]").count() == 1


def test_who_logs_out_is_out(page: Page, log_in: Callable[[str, Role], None]):
    log_in("/api/v1/users/me/", Role.CUSTOMER)
    page.click("#log-out")
    page.wait_for_selector("#log-in")
    assert page.goto("/api/v1/users/me/").status == 401


@pytest.mark.parametrize(("path", "shown"), [("/api/docs/", "#swagger-ui .opblock"), ("/api/redoc/", ".menu-content")])
def test_the_document_is_shown_from_this_server_alone(
    page: Page, stack: RunningStack, complaints: list[str], path: str, shown: str
):
    asked: list[str] = []
    page.on("response", lambda answer: asked.append(answer.url))
    page.goto(path)
    page.wait_for_selector(shown)
    assert [url for url in asked if not url.startswith((stack.base_url, "data:", "blob:"))] == []
    # The logo of ReDoc's maker is the only content that the policy blocks.
    assert [text for text in complaints if "cdn.redoc.ly" not in text] == []
