"""Staff in the back office with a browser: by keyboard, with and without scripts, on a phone, in the dark."""

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from shop.domain.ports import Shop
from tests.samples import in_catalogue
from tests.system.accessibility import PHONE_WIDTH_PX, axe_violations, overflow_px

LIST = "/office/products/"


@pytest.fixture
def tea(store: Shop) -> str:
    """The SKU of a product with ten units, which is not the only one."""
    sku = f"TEA-{uuid.uuid4().hex}"
    in_catalogue(store, sku=f"OTHER-{uuid.uuid4().hex}", name="Mate")
    in_catalogue(store, sku=sku, name="Oolong", stock=10)
    return sku


def test_staff_find_a_product_and_change_its_stock_by_keyboard(
    office: Callable[..., Page], tea: str, complaints: list[str]
):
    page = office()
    page.goto(LIST)
    page.locator("#results tbody tr").nth(1).wait_for()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    # At once, so that no second answer replaces the first one while it is used.
    page.keyboard.insert_text(tea)
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.wait_for_url(f"**{LIST}?*{tea}*")
    expect(page.locator("#search")).to_be_focused()
    page.locator("text=Adjust").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[name=units]")).to_be_focused()
    page.keyboard.type("5")
    page.keyboard.press("Tab")
    page.keyboard.type("A delivery.")
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_have_text("Oolong: 15 in stock now.")
    expect(page.locator("text=Adjust")).to_be_focused()
    assert complaints == []


def test_a_stock_that_cannot_be_says_so_in_the_row(office: Callable[..., Page], tea: str, complaints: list[str]):
    page = office()
    page.goto(f"{LIST}?search={tea}")
    page.click("text=Adjust")
    page.select_option("[name=mode]", "remove")
    page.fill("[name=units]", "11")
    page.fill("[name=reason]", "Broken.")
    page.click("text=Save the stock")
    expect(page.locator(".stock-form [role=alert]")).to_contain_text("Only 10 in stock")
    expect(page.locator("[name=units]")).to_be_focused()
    assert complaints == []


def test_a_slash_in_a_field_is_text(office: Callable[..., Page]):
    page = office()
    page.goto("/office/products/new/")
    page.fill("[name=name]", "Half")
    page.locator("[name=name]").press("/")
    assert page.input_value("[name=name]") == "Half/"


def test_a_session_that_ends_leads_to_the_login_from_a_part_of_a_page(office: Callable[..., Page]):
    page = office()
    page.goto(LIST)
    page.context.clear_cookies()
    page.fill("#search", "tea")
    page.wait_for_url(re.compile("/api/login/\\?next=%2Foffice%2Fproducts%2F"))
    assert page.locator("[name=password]").count() == 1


def test_a_message_that_the_shop_cannot_be_reached_goes_when_it_answers(office: Callable[..., Page]):
    page = office()
    page.goto(LIST)
    page.route(f"**{LIST}?*", lambda route: route.abort())
    page.fill("#search", "tea")
    expect(page.locator("#messages")).to_have_text("The shop cannot be reached. Try again.")
    page.unroute(f"**{LIST}?*")
    page.fill("#search", "mate")
    expect(page.locator("#messages")).to_be_empty()
    assert page.input_value("#search") == "mate"


def test_without_scripts_everything_is_there(office: Callable[..., Page], tea: str):
    page = office(java_script_enabled=False)
    page.goto(LIST)
    page.fill("#search", tea)
    page.click("text=Filter")
    page.click("text=Adjust")
    page.fill("[name=units]", "5")
    page.fill("[name=reason]", "A delivery.")
    page.click("text=Save the stock")
    expect(page.locator("#messages")).to_have_text("The stock is adjusted.")
    page.fill("[name=name]", "Black tea")
    page.click("text=Save >> nth=0")
    expect(page.locator("#messages")).to_have_text("The changes are saved.")
    page.click("text=Show the history")
    assert "products_update" in page.inner_text(".history li >> nth=0")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", PHONE_WIDTH_PX)])
def test_every_page_is_for_all_who_use_it(
    office: Callable[..., Page], store: Shop, tea: str, scheme: str, width: int, complaints: list[str]
):
    page = office(viewport={"width": width, "height": 900}, color_scheme=scheme)
    product = f"{LIST}{store.products.get_by_sku(tea).id}/"
    page.goto(f"/office/users/?search={uuid.uuid4().hex}")
    faults = [(page.url, *axe_violations(page))]
    page.goto("/office/users/")
    user = page.locator("tbody a").first.get_attribute("href") or ""
    for path in (LIST, f"{LIST}new/", product, f"{product}stock/", f"{product}withdraw/", user, f"{user}erase/"):
        page.goto(path, wait_until="networkidle")
        faults.append((path, *axe_violations(page), *(["too wide"] if overflow_px(page) > 0 else [])))
    assert [fault for fault in faults if len(fault) > 1] == []
    assert complaints == []
