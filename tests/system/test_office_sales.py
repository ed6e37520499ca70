"""A purchase from the shop to the post, with a browser: sold, seen among the day's sales, paid and shipped."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase, Status
from tests.samples import euros, in_catalogue, placed, registered, units
from tests.system.accessibility import PHONE_WIDTH_PX, axe_violations, overflow_px
from tests.system.shopping import Shopper

#: A purchase alone has this total on the page.
PRICE, TOTAL = "4321.09", 4321.09


@pytest.fixture
def lamp(store: Shop) -> Product:
    return in_catalogue(store, name="Reading lamp", stock=3, price=euros(PRICE))


def buy(store: Shop, product: Product) -> Purchase:
    return placed(store, registered(store).id, units(product, 1))


def number_in(page: Page, title: str) -> float:
    """The amount of the tile with this title; 0 where there is none yet."""
    tile = page.locator(".tile", has=page.locator(f"h2:text-is('{title}')"))
    return float(tile.locator(".amount").inner_text()) if tile.count() else 0.0


def test_a_sale_is_among_the_sales_of_today_and_is_moved_until_it_is_shipped(
    office: Callable[..., Page], store: Shop, lamp: Product, complaints: list[str]
):
    page = office()
    page.goto("/office/")
    revenue, sales = number_in(page, "Revenue in EUR"), number_in(page, "Purchases")
    bought = buy(store, lamp)
    # Without a reload: the page looks again by itself.
    expect(page.locator(".tile-wide", has_text="Revenue in EUR").locator(".amount")).to_have_text(
        f"{revenue + TOTAL:.2f}"
    )
    assert number_in(page, "Purchases") == sales + 1
    page.click("a.tile:has-text('To be paid')")
    page.click(f"tbody a[href='/office/purchases/{bought.id}/']")
    for step, status in (("Mark as paid", Status.PAID), ("Mark as shipped", Status.SHIPPED)):
        page.click(f"text={step}…")
        page.locator("#moves form").get_by_role("button", name=step).click()
        expect(page.locator("#messages")).to_have_text(f"The purchase is {status}.")
    expect(page.locator(".page-head .badge")).to_have_text("Shipped")
    expect(page.locator("section", has_text="Audit").locator(".history li").first).to_contain_text("purchases_ship")
    assert store.purchases.get(bought.id, None).status is Status.SHIPPED
    assert complaints == []


def test_without_scripts_a_purchase_is_cancelled_and_its_units_return(
    office: Callable[..., Page], store: Shop, lamp: Product
):
    bought = buy(store, lamp)
    page = office(java_script_enabled=False)
    page.goto(f"/office/purchases/{bought.id}/")
    page.click("text=Cancel the purchase…")
    page.get_by_role("button", name="Cancel the purchase").click()
    expect(page.locator("#messages")).to_have_text("The purchase is cancelled. Its units are back in stock.")
    assert store.products.get(lamp.id).stock == 3


def test_two_who_move_one_purchase_see_who_was_first(
    office: Callable[..., Page], store: Shop, lamp: Product, complaints: list[str]
):
    bought = buy(store, lamp)
    pages = [office(), office()]
    for page in pages:
        page.goto(f"/office/purchases/{bought.id}/cancel/")
    pages[0].get_by_role("button", name="Cancel the purchase").click()
    expect(pages[0].locator(".page-head .badge")).to_have_text("Cancelled")
    pages[1].get_by_role("button", name="Cancel the purchase").click()
    expect(pages[1].locator("[role=alert]")).to_contain_text("The purchase is cancelled by now.")
    assert store.products.get(lamp.id).stock == 3
    assert complaints == []


def test_a_refusal_is_counted_among_those_of_today(
    office: Callable[..., Page], store: Shop, lamp: Product, shopper: Callable[..., Shopper]
):
    page, row = office(), "tr:has-text('Not enough in stock') td >> nth=0"
    page.goto("/office/")
    before = int(page.locator(row).inner_text())
    customer = shopper()
    assert customer.buy(lamp.id, quantity=99).status_code == 409
    expect(page.locator(row)).to_have_text(re.compile(rf"^{before + 1}$"))


@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 1280),
        ("dark", PHONE_WIDTH_PX),
        pytest.param("dark", 1280, marks=pytest.mark.prove),
        pytest.param("light", PHONE_WIDTH_PX, marks=pytest.mark.prove),
    ],
)
def test_every_page_of_sales_is_for_all_who_use_it(
    office: Callable[..., Page], store: Shop, lamp: Product, scheme: str, width: int, complaints: list[str]
):
    page = office(viewport={"width": width, "height": 900}, color_scheme=scheme)
    one = f"/office/purchases/{buy(store, lamp).id}/"
    paths = (
        "/office/",
        "/office/?tables=yes",
        "/office/purchases/",
        one,
        f"{one}pay/",
        f"{one}ship/",
        "/office/audit/",
    )
    faults = []
    for path in (*paths, "/office/purchases/?since=never", "/office/audit/?actor=unknown"):
        page.goto(path, wait_until="networkidle")
        faults += [(path, fault) for fault in axe_violations(page)]
        faults += [(path, "too wide")] if overflow_px(page) > 0 else []
    assert faults == []
    assert complaints == []
