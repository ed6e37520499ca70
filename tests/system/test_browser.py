"""A person with a browser: searches, buys, edits, sees what is wrong in a form, and signs out, at the addresses of the
API."""

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from chaos.stage import write_request
from devstack.temporary import RunningStack
from shop.domain.callers import Role
from shop.domain.ports import Shop
from shop.services.users import user_register
from tests.system.accessibility import PHONE_WIDTH_PX, axe_violations, overflow_px

PASSWORD = "correct horse battery staple"
ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_MS = 60_000
expect.set_options(timeout=TIMEOUT_MS)
ID = r'"id": "([0-9a-f-]{36})"'


@pytest.fixture
def page(browser: Browser, stack: RunningStack, complaints: list[str]) -> Iterator[Page]:
    opened = browser.new_page(base_url=stack.base_url)
    opened.set_default_timeout(TIMEOUT_MS)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
    yield opened
    opened.close()


@pytest.fixture
def log_in(page: Page, store: Shop) -> Callable[[str, Role], None]:
    """Open an account and sign in by the form, on the page of this path."""

    def by_form(path: str, role: Role, page: Page = page) -> None:
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
        page.click("main button[type=submit]")
        page.wait_for_selector("#log-out")

    return by_form


def add_product(page: Page, stock: int, **values: str) -> str:
    """Create a product by the form, and return its id."""
    page.goto("/api/v1/products/#create")
    form = page.locator("#create-form")
    values = {"sku": uuid.uuid4().hex, "name": "Green tea", "price": "4.20", "stock": str(stock), **values}
    for name, value in values.items():
        form.locator(f"[name={name}]").fill(value)
    form.locator("[name=currency]").select_option("EUR")
    form.get_by_role("button", name="Create a product").click()
    expect(page.locator("#status")).to_have_text("201 Created")
    return found(page, ID)


def found(page: Page, pattern: str) -> str:
    """The first group of the pattern in the JSON on the page, folded or not."""
    return re.search(pattern, page.text_content(".response-info"))[1]


def test_a_purchase_is_placed_by_the_form_with_a_product_found_by_its_name(
    page: Page, log_in: Callable[[str, Role], None], complaints: list[str]
):
    log_in("/api/v1/products/", Role.STAFF)
    word = f"Oolong{uuid.uuid4().hex[:8]}"
    product = add_product(page, stock=3, name=f"{word} tea")
    page.goto("/api/v1/purchases/#create")
    picker = page.get_by_role("combobox", name="Product")
    picker.press_sequentially(word.lower())
    expect(page.get_by_role("listbox", name="Products").get_by_role("option")).to_have_count(1)
    picker.press("ArrowDown")
    picker.press("Enter")
    expect(page.locator("[data-chosen]").first).to_contain_text("3 in stock")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Add a line").click()
    page.locator("#create-form").get_by_role("button", name="Place a purchase").click()
    expect(page.locator("#status")).to_have_text("201 Created")
    assert found(page, r'"total": "([0-9.]+)"') == "8.40"
    page.goto(f"/api/v1/products/{product}/")
    assert found(page, r'"stock": (\d+)') == "1"
    assert complaints == []


def test_a_purchase_is_placed_without_scripts(browser: Browser, stack: RunningStack, log_in: Callable[..., None]):
    context = browser.new_context(base_url=stack.base_url, java_script_enabled=False)
    page = context.new_page()
    log_in("/api/v1/products/", Role.STAFF, page=page)
    skus = [uuid.uuid4().hex for _ in range(2)]
    for sku in skus:
        page.goto("/api/v1/products/")
        page.click("#create > summary")
        for name, value in {"sku": sku, "name": "Mint", "price": "1.00", "stock": "5"}.items():
            page.fill(f"#create-form [name={name}]", value)
        page.click("#create-form button")
    page.goto("/api/v1/purchases/")
    if page.locator("#create:not([open])").count():
        page.click("#create > summary")
    for line, sku in enumerate(skus):
        page.locator("[name='items.sku']").nth(line).fill(sku)
        page.locator("[name='items.quantity']").nth(line).fill("2")
    page.click("#create-form button[type=submit]")
    assert found(page, r'"total": "([0-9.]+)"') == "4.00"
    context.close()


def test_a_filtered_list_is_paged_and_sorted_by_its_form(page: Page, log_in: Callable[[str, Role], None]):
    log_in("/api/v1/products/", Role.STAFF)
    company = f"Tea {uuid.uuid4().hex[:8]}"
    for price in ("3.00", "1.00", "2.00"):
        add_product(page, stock=1, company=company, price=price)
    page.goto("/api/v1/products/")
    form = page.locator("#filters")
    form.get_by_text("More filters").click()
    form.get_by_label("Company").fill(company)
    form.get_by_label("Sort by").select_option(label="Price")
    form.get_by_label("Entries on a page").fill("2")
    form.get_by_role("button", name="Apply").click()
    prices = page.locator("#entries tbody td:nth-child(5)")
    expect(prices).to_have_text(["1.00 EUR", "2.00 EUR"])
    assert "category" not in page.url
    page.click("#next")
    expect(prices).to_have_text(["3.00 EUR"])
    page.click("#previous")
    expect(prices).to_have_text(["1.00 EUR", "2.00 EUR"])
    page.click("#entries tbody a >> nth=0")
    expect(page.get_by_role("heading", level=1)).to_have_text("Green tea")


def test_staff_edit_a_product_adjust_its_stock_and_withdraw_it(
    page: Page, log_in: Callable[[str, Role], None], complaints: list[str]
):
    log_in("/api/v1/products/", Role.STAFF)
    product = add_product(page, stock=1)
    page.goto(f"/api/v1/products/{product}/")
    page.click("#update > summary")
    page.fill("#update-form [name=name]", "Black tea")
    page.click("#update-form button")
    expect(page.get_by_role("heading", level=1)).to_have_text("Black tea")
    page.click("#stock > summary")
    page.fill("#stock-form [name=delta]", "4")
    page.fill("#stock-form [name=reason]", "A delivery.")
    page.click("#stock-form button")
    expect(page.locator("#status")).to_have_text("200 OK")
    assert found(page, r'"stock": (\d+)') == "5"
    page.goto(f"/api/v1/products/{product}/")
    page.click("#destroy > summary")
    page.get_by_role("button", name="Yes: withdraw a product").click()
    expect(page.locator("#status")).to_have_text("204 No Content")
    assert page.goto(f"/api/v1/products/{product}/").status == 404
    assert complaints == []


def test_a_purchase_goes_from_bought_to_refunded_by_the_buttons_of_its_page(
    page: Page, log_in: Callable[[str, Role], None]
):
    log_in("/api/v1/products/", Role.STAFF)
    product = add_product(page, stock=2)
    page.goto(f"/api/v1/products/{product}/")
    page.get_by_role("button", name="Buy").click()
    expect(page.locator("#status")).to_have_text("201 Created")
    purchase = f"/api/v1/purchases/{found(page, ID)}/"
    page.goto(purchase)
    assert page.locator("#actions .action > summary").all_inner_texts() == ["Cancel", "Mark as paid", "Begin a payment"]
    page.click("#pay > summary")
    page.get_by_role("button", name="Yes: mark a purchase as paid").click()
    expect(page.locator("#status")).to_have_text("200 OK")
    page.goto(f"{purchase}refund/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Refund a purchase")
    page.check("[name=restock]")
    page.get_by_role("button", name="Refund a purchase").click()
    expect(page.locator("#status")).to_have_text("200 OK")
    assert found(page, r'"status": "(\w+)"') == "refunded"


@pytest.mark.parametrize("script", ["shop/api/static/shop/forms.js", "shop/office/static/office/office.js"])
def test_a_form_is_sent_once_and_can_be_sent_again_where_its_answer_was_stopped(browser: Browser, script: str):
    page = browser.new_page()
    page.set_content('<form method="post" action="/"></form>')
    page.add_script_tag(path=ROOT / script)
    sent = page.evaluate("""() => [1000, 1200, 5900, 6100, 6200].map((timeStamp) => {
        const event = new Event("submit", {bubbles: true, cancelable: true});
        Object.defineProperty(event, "timeStamp", {value: timeStamp});
        return document.querySelector("form").dispatchEvent(event);
    })""")
    page.close()
    assert sent == [True, False, False, True, False]


def test_a_form_that_cannot_be_used_says_why_beside_the_field(page: Page, log_in: Callable[[str, Role], None]):
    log_in("/api/v1/products/#create", Role.STAFF)
    page.goto("/api/v1/products/#create")
    page.fill("#create-form [name=sku]", uuid.uuid4().hex)
    page.fill("#create-form [name=name]", "Green tea")
    page.fill("#create-form [name=price]", "cheap")
    page.click("#create-form button")
    expect(page.locator("#status")).to_have_text("400 Bad Request")
    price = page.locator("#create-form [name=price]")
    expect(price).to_have_accessible_description(re.compile("Use a decimal string"))
    assert page.input_value("#create-form [name=name]") == "Green tea"
    assert axe_violations(page) == []


def test_customers_get_no_form_for_what_is_not_theirs_to_do(page: Page, log_in: Callable[[str, Role], None]):
    log_in("/api/v1/products/", Role.CUSTOMER)
    assert page.locator("#create-form").count() == 0
    page.goto("/api/v1/purchases/")
    assert page.locator("#create-form").count() == 1


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.prove)])
def test_the_pages_are_accessible_and_fit_a_phone(
    browser: Browser, stack: RunningStack, log_in: Callable[..., None], scheme: str
):
    window = {"width": PHONE_WIDTH_PX, "height": 844}
    context = browser.new_context(base_url=stack.base_url, viewport=window, color_scheme=scheme)
    page = context.new_page()
    log_in("/api/v1/products/", Role.STAFF, page=page)
    product = add_product(page, stock=1)
    paths = ["", "products/", f"products/{product}/", f"products/{product}/stock/", "purchases/", "users/me/"]
    seen = {}
    for path in [*paths, "api-keys/", "audit/", "auth/sessions/", "products/?min_price=cheap"]:
        page.goto(f"/api/v1/{path}")
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        seen[path] = (axe_violations(page), overflow_px(page))
    assert {path: each for path, each in seen.items() if each != ([], 0)} == {}
    context.close()


def test_a_user_who_logs_out_is_out(page: Page, log_in: Callable[[str, Role], None]):
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
