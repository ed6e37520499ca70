"""Carts in the back office: lists of guests' and users', and one as its owner sees it."""

from datetime import timedelta

import pytest

from shop.domain.carts import Cart, CartCaller
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from shop.domain.vouchers import VoucherKind
from tests.cart_samples import ADDRESS, EMAIL, GUEST, a_cart, a_ready_cart, change, checked_out, hold, put
from tests.samples import a_request, in_catalogue
from tests.unit.office import test_shipping_methods, test_vouchers
from tests.unit.office.browser import HTMX, OfficeBrowser

LIST = "/office/carts/"
UNKNOWN = "00000000-0000-7000-8000-000000000000"


def page_of(cart: Cart) -> str:
    return f"{LIST}{cart.id}/"


@pytest.fixture
def cart(shop: Shop, apple: Product) -> Cart:
    """A guest's cart with a line."""
    cart = a_cart(shop)
    put(shop, cart, apple, 2)
    return cart


def test_guests_carts_are_listed_and_a_users_on_request(office: OfficeBrowser, shop: Shop, ada: User, cart: Cart):
    own = a_cart(shop, owner=ada.id)
    assert [page_of(each) in office.text(LIST) for each in (cart, own)] == [True, False]
    assert [page_of(each) in office.text(f"{LIST}?user={ada.id}") for each in (cart, own)] == [False, True]
    assert f"{LIST}?user={ada.id}" in office.text(f"/office/users/{ada.id}/")


def test_the_list_says_what_became_of_each(office: OfficeBrowser, shop: Shop, apple: Product, cart: Cart):
    assert ">Open</span>" in office.text(LIST)
    hold(shop, cart, timedelta(minutes=5))
    assert ">Held</span>" in office.text(LIST)
    ready, guest = a_ready_cart(shop, apple, 1)
    checked_out(shop, ready, guest)
    assert ">Bought</span>" in office.text(LIST)


def test_htmx_gets_the_results_alone(office: OfficeBrowser, cart: Cart):
    fragment = office.get(LIST, **HTMX).content.decode()
    assert (page_of(cart) in fragment, "<html" in fragment) == (True, False)


def test_pages_follow_each_other_by_cursor(office: OfficeBrowser, shop: Shop):
    first, second = a_cart(shop), a_cart(shop)
    text = office.text(f"{LIST}?page_size=1")
    following = text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert (page_of(second) in text, page_of(first) in office.text(following.removeprefix("http://testserver"))) == (
        True,
        True,
    )


def test_a_cart_has_lines_hold_voucher_address_and_totals(
    office: OfficeBrowser, shop: Shop, apple: Product, cart: Cart
):
    test_vouchers.made(shop, "HALF", kind=VoucherKind.PERCENT, value=5000)
    test_shipping_methods.made(shop)
    shop.carts.set_voucher(a_request(), cart.id, GUEST, "HALF", shop.clock.now())
    change(shop, cart, email=EMAIL, shipping_address=ADDRESS, shipping_method="standard")
    hold(shop, cart, timedelta(minutes=5))
    text = office.text(page_of(cart))
    totals = shop.carts.inspect(cart.id).totals
    amounts = [f"{amount} EUR" for amount in (totals.items, totals.discount, totals.shipping, totals.total)]
    for part in (apple.name, *amounts, "Held until", "/office/vouchers/HALF/", EMAIL, ADDRESS.line_1, "standard"):
        assert str(part).replace("'", "&#x27;") in text
    assert "In the way of a purchase" not in text


def test_a_cart_says_what_stands_in_its_way(office: OfficeBrowser, shop: Shop, cart: Cart):
    rare = in_catalogue(shop, name="Rare", stock=1)
    put(shop, cart, rare, 2)
    text = office.text(page_of(cart))
    for part in ("In the way of a purchase", "Email missing", "Insufficient stock"):
        assert part in text


def test_a_users_cart_names_the_user(office: OfficeBrowser, shop: Shop, ada: User, apple: Product):
    own = a_cart(shop, owner=ada.id)
    put(shop, own, apple, 1, CartCaller(user=ada.id))
    assert ada.email in office.text(page_of(own))


def test_a_cart_that_was_bought_leads_to_its_purchase(office: OfficeBrowser, shop: Shop, apple: Product):
    ready, guest = a_ready_cart(shop, apple, 1)
    purchase = checked_out(shop, ready, guest)
    assert f"/office/purchases/{purchase.id}/" in office.text(page_of(ready))


def test_no_page_changes_a_cart(office: OfficeBrowser, shop: Shop, cart: Cart):
    for path in (LIST, page_of(cart)):
        assert [action for action in office.forms_of(office.get(path)) if action.startswith("/office/")] == []
        assert office.send(path, {}).status_code == 405


@pytest.mark.parametrize("tail", ["", f"{UNKNOWN}/"])
def test_carts_are_for_staff_alone(shopper: OfficeBrowser, visitor: OfficeBrowser, tail: str):
    assert (shopper.get(LIST + tail).status_code, visitor.get(LIST + tail).status_code) == (403, 302)


def test_a_cart_that_is_not_there_is_a_page_that_says_so(office: OfficeBrowser):
    assert office.get(f"{LIST}{UNKNOWN}/").status_code == 404


def test_a_query_beyond_its_bounds_is_refused_with_a_reason(office: OfficeBrowser, cart: Cart):
    response = office.get(f"{LIST}?page_size=0")
    assert (response.status_code, page_of(cart) in response.content.decode()) == (400, False)
