"""Vouchers, shipping methods and carts in the office with a browser."""

import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from shop.domain.ports import Shop
from tests.cart_samples import a_ready_cart
from tests.samples import in_catalogue
from tests.system.accessibility import PHONE_WIDTH_PX, axe_violations, overflow_px


def created_voucher(page: Page) -> str:
    """Create a voucher by its form, the first one of the list. Return its code."""
    code = f"0-SPRING-{uuid.uuid4().hex[:8]}".upper()
    page.goto("/office/vouchers/")
    page.click("text=New voucher")
    page.fill("[name=code]", code.lower())
    page.fill("[name=value]", "10")
    page.fill("[name=limit]", "50")
    page.fill("[name=ends_at]", "2036-12-31T23:59")
    page.click("text=Create the voucher")
    expect(page.locator("#messages")).to_have_text("The voucher is created.")
    return code


def test_staff_create_a_voucher_see_it_and_pause_it(office: Callable[..., Page], store: Shop, complaints: list[str]):
    page = office()
    code = created_voucher(page)
    page.click(".breadcrumbs >> text=Vouchers")
    row = page.locator("tbody tr", has_text=code)
    expect(row).to_contain_text("10.00 %")
    expect(row).to_contain_text("until 2036-12-31 23:59")
    expect(row).to_contain_text("0 of 50")
    row.locator("a").click()
    page.click("text=Pause the voucher")
    expect(page.locator(".page-head .badge")).to_have_text("Paused")
    assert store.vouchers.get(code).is_paused
    page.click("text=Resume the voucher")
    expect(page.locator(".page-head .badge")).to_have_text("Valid")
    # A browser sends the instant in its own spelling: an edit of something else leaves it as it is.
    before = store.vouchers.get(code)
    page.fill("[name=limit]", "60")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#messages")).to_have_text("The changes are saved.")
    saved = store.vouchers.get(code)
    assert (saved.limit, saved.ends_at, saved.value) == (60, before.ends_at, before.value)
    assert complaints == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", PHONE_WIDTH_PX)])
def test_every_page_is_for_all_who_use_it(
    office: Callable[..., Page], store: Shop, scheme: str, width: int, complaints: list[str]
):
    page = office(viewport={"width": width, "height": 900}, color_scheme=scheme)
    cart, _ = a_ready_cart(store, in_catalogue(store, stock=1), 2, token=uuid.uuid4().hex)
    code = created_voucher(page)
    one = f"/office/vouchers/{code}/"
    paths = (
        "/office/vouchers/",
        one,
        f"{one}delete/",
        "/office/shipping-methods/",
        "/office/new-shipping-method/",
        "/office/carts/",
        f"/office/carts/{cart.id}/",
    )
    faults = []
    for path in paths:
        page.goto(path, wait_until="networkidle")
        faults += [(path, fault) for fault in axe_violations(page)]
        faults += [(path, "too wide")] if overflow_px(page) > 0 else []
        faults += [] if page.locator(".office-nav [aria-current]").is_visible() else [(path, "no section")]
    assert faults == []
    assert complaints == []
