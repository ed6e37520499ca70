"""Vouchers and shipping of carts over HTTP, up to the purchase."""

import pytest

from shop.domain.vouchers import VoucherKind
from tests.samples import a_request, euros, in_catalogue, issued, offered
from tests.unit.api.client import errors, problem
from tests.unit.api.test_carts import ADDRESS, new_cart

NOTHING = {"items": "0.00", "discount": "0.00", "shipping": "0.00", "total": "0.00"}


@pytest.fixture
def pear(shop):
    return in_catalogue(shop, sku="PEAR", stock=10, price=euros("10.00"))


@pytest.fixture
def cart(anyone, pear):
    """A guest's, with three pears."""
    made = new_cart(anyone)
    made.put(pear, 3)
    made.send("PATCH", body={"email": "guest@example.com"})
    return made


def put(cart, code):
    return cart.send("PUT", "voucher/", {"code": code})


def test_a_new_cart_has_no_voucher_and_costs_nothing(anyone):
    body = new_cart(anyone).get()
    assert (body["voucher"], body["totals"]) == (None, NOTHING)


def test_a_voucher_and_shipping_are_part_of_the_totals_and_of_the_purchase(cart, shop):
    issued(shop, code="TEN", value=1_000)
    offered(shop, code="standard", price=euros("4.90"))
    assert put(cart, "ten").json()["voucher"] == {"code": "TEN", "obstacle": None}
    cart.send("PATCH", body={"shipping_method": "standard", "shipping_address": ADDRESS})
    totals = {"items": "30.00", "discount": "3.00", "shipping": "4.90", "total": "31.90"}
    assert cart.get()["totals"] == totals
    purchase = cart.buy().json()
    assert {name: purchase[name] for name in ("voucher", "discount", "shipping", "total")} == {
        "voucher": "TEN",
        **{name: totals[name] for name in ("discount", "shipping", "total")},
    }


def test_a_voucher_is_taken_out(cart, shop):
    issued(shop, code="TEN")
    put(cart, "TEN")
    removed = cart.send("DELETE", "voucher/")
    assert (removed.status_code, removed.json()["voucher"]) == (200, None)


def test_a_voucher_that_does_not_apply_says_why(cart, shop):
    issued(shop, code="FIVE", kind=VoucherKind.AMOUNT, value=500, currency="EUR", minimum=5_000)
    for code, reason in (("FIVE", "below-minimum"), ("NOTHING", "unknown")):
        refused = put(cart, code)
        assert (*problem(refused), refused.json()["reason"]) == (422, "voucher-not-applicable", reason)


def test_an_unusable_code_is_a_field_error(cart):
    assert [pointer for pointer, _ in errors(put(cart, "?"))] == ["/code"]


def test_a_voucher_that_applies_no_more_is_a_problem_of_the_cart(cart, shop):
    voucher = issued(shop, code="TEN")
    put(cart, "TEN")
    shop.vouchers.update(
        a_request(), voucher.code, lambda each: each.with_changes(at=shop.clock.now(), is_paused=True), None
    )
    body = cart.get()
    assert body["voucher"] == {"code": "TEN", "obstacle": "paused"}
    assert [(each["code"], each["pointer"]) for each in body["problems"]] == [("voucher-not-applicable", "/voucher")]
    refused = cart.buy()
    assert (*problem(refused), refused.json()["problems"]) == (422, "cart-not-ready", body["problems"])


def test_an_exhausted_voucher_refuses_the_purchase(cart, shop, customer, pear):
    issued(shop, code="ONE", limit=1)
    put(cart, "ONE")
    other = new_cart(customer)
    other.put(pear, 1)
    put(other, "ONE")
    assert other.buy().status_code == 201
    refused = cart.buy()
    assert (*problem(refused), refused.json()["reason"]) == (422, "voucher-exhausted", "exhausted")
    cart.send("DELETE", "voucher/")
    assert cart.buy().status_code == 201


def test_staff_see_how_often_a_voucher_is_redeemed_and_given_back(cart, shop, staff):
    issued(shop, code="TEN")
    put(cart, "TEN")
    purchase = cart.buy().json()
    assert staff.get("/vouchers/TEN/").json()["redeemed"] == 1
    staff.post(f"/purchases/{purchase['id']}/cancel/")
    assert staff.get("/vouchers/TEN/").json()["redeemed"] == 0


def test_a_purchase_of_items_has_no_voucher(customer, pear):
    bought = customer.post("/purchases/", {"items": [{"product": pear.id, "quantity": 1}]}).json()
    assert (bought["voucher"], bought["discount"], bought["shipping"]) == (None, "0.00", "0.00")
