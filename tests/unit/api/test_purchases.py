"""Purchases over HTTP."""

import pytest

from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase
from shop.domain.users import User
from tests.samples import PASSWORD, a_request, euros, in_catalogue, placed, registered, units
from tests.unit.api.client import ApiClient

NOBODYS = "01a196fb-1601-7000-8000-00000000dead"
MOVES = {"pay": "paid", "ship": "shipped", "deliver": "delivered"}


@pytest.fixture
def purchase(shop: Shop, ada: User, apple: Product) -> Purchase:
    return placed(shop, ada.id, units(apple, 3))


def lines(*products: Product, quantity: int = 1) -> dict:
    return {"items": [{"product": product.id, "quantity": quantity} for product in products]}


def test_lines_of_one_product_are_summed(customer: ApiClient, apple: Product, ada: User):
    response = customer.post("/purchases/", lines(apple, apple, quantity=2))
    assert response.status_code == 201
    assert response.json()["user"] == ada.id
    assert (response.json()["total"], response.json()["currency"]) == ("4.80", "EUR")
    assert [(item["quantity"], item["line_total"]) for item in response.json()["items"]] == [(4, "4.80")]
    assert [step["status"] for step in response.json()["history"]] == ["placed"]
    assert customer.get(response.headers["Location"].removeprefix("/api/v1")).json() == response.json()


def test_insufficient_stock_names_every_short_line_and_buys_nothing(customer: ApiClient, shop: Shop, apple: Product):
    pear = in_catalogue(shop, stock=1)
    response = customer.post("/purchases/", lines(apple, pear, quantity=11))
    assert (response.status_code, response.json()["code"]) == (409, "insufficient-stock")
    assert response.json()["shortages"] == [
        {"product": apple.id, "requested": 11, "available": 10},
        {"product": pear.id, "requested": 11, "available": 1},
    ]
    assert customer.get(f"/products/{apple.id}/").json()["stock"] == 10


def test_one_open_purchase_too_many_names_the_limit(
    customer: ApiClient, staff: ApiClient, shop: Shop, apple: Product, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shop.purchases, "_max_open", 1)
    first = customer.post("/purchases/", lines(apple)).json()
    response = customer.post("/purchases/", lines(apple))
    assert (response.status_code, response.json()["code"]) == (409, "too-many-open-purchases")
    assert response.json()["limit"] == 1
    assert staff.post(f"/purchases/{first['id']}/pay/").status_code == 200
    assert customer.post("/purchases/", lines(apple)).status_code == 201


def test_a_purchase_that_the_shop_cancelled_says_so(customer: ApiClient, shop: Shop, purchase: Purchase):
    shop.purchases.expire_all([(a_request(), purchase.id)], shop.clock.now())
    found = customer.get(f"/purchases/{purchase.id}/").json()
    assert (found["status"], found["history"][-1]["by"]) == ("cancelled", "system")


def test_a_purchase_of_an_unknown_product_names_it(customer: ApiClient, apple: Product):
    body = {"items": [{"product": apple.id, "quantity": 1}, {"product": NOBODYS, "quantity": 1}]}
    response = customer.post("/purchases/", body)
    assert (response.status_code, response.json()["code"]) == (422, "unknown-product")
    assert (response.json()["products"], response.json()["skus"]) == ([NOBODYS], [])


def test_a_line_names_its_product_by_sku(customer: ApiClient, apple: Product):
    body = {"items": [{"sku": apple.sku, "quantity": 2}, {"product": apple.id, "quantity": 1}]}
    response = customer.post("/purchases/", body)
    assert response.status_code == 201
    assert [(item["product"], item["quantity"]) for item in response.json()["items"]] == [(apple.id, 3)]


def test_a_purchase_of_an_unknown_sku_names_it(customer: ApiClient):
    response = customer.post("/purchases/", {"items": [{"sku": "NONE", "quantity": 1}]})
    assert (response.status_code, response.json()["code"]) == (422, "unknown-product")
    assert (response.json()["products"], response.json()["skus"]) == ([], ["NONE"])


def test_a_purchase_has_one_currency(customer: ApiClient, shop: Shop, apple: Product):
    foreign = in_catalogue(shop, price=euros("1").parse("1", "USD"))
    response = customer.post("/purchases/", lines(apple, foreign))
    assert (response.status_code, response.json()["code"]) == (422, "mixed-currencies")
    assert response.json()["currencies"] == ["EUR", "USD"]


@pytest.mark.parametrize(
    ("items", "pointer"),
    [
        ([], "/items"),
        ("apples", "/items"),
        ([{"product": NOBODYS, "quantity": 1}] * 101, "/items"),
        (["apple"], "/items/0"),
        ([{"quantity": 1}], "/items/0/product"),
        ([{"product": "apple", "quantity": 1}], "/items/0/product"),
        ([{"sku": "no/sku", "quantity": 1}], "/items/0/sku"),
        ([{"product": NOBODYS, "sku": "APPLE", "quantity": 1}], "/items/0/sku"),
        ([{"product": NOBODYS, "quantity": 0}], "/items/0/quantity"),
        ([{"product": NOBODYS, "quantity": 2**31}], "/items/0/quantity"),
        ([{"product": NOBODYS, "quantity": "1"}], "/items/0/quantity"),
        ([{"product": NOBODYS, "quantity": True}], "/items/0/quantity"),
        ([{"product": NOBODYS, "quantity": 1, "price/unit": 0}], "/items/0/price~1unit"),
    ],
)
def test_an_invalid_line_is_a_field_error(customer: ApiClient, items: object, pointer: str):
    response = customer.post("/purchases/", {"items": items})
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


def test_anonymous_callers_cannot_place_a_purchase(anyone: ApiClient, apple: Product):
    assert anyone.post("/purchases/", lines(apple)).status_code == 401


def test_customers_list_their_own_purchases_and_staff_all(
    shop: Shop, customer: ApiClient, staff: ApiClient, purchase: Purchase, apple: Product
):
    foreign = placed(shop, registered(shop).id, units(apple, 1))
    assert [each["id"] for each in customer.get("/purchases/").json()["results"]] == [purchase.id]
    assert [each["id"] for each in staff.get("/purchases/").json()["results"]] == [foreign.id, purchase.id]
    assert customer.get(f"/purchases/{foreign.id}/").status_code == 404
    assert staff.get(f"/purchases/{foreign.id}/").status_code == 200


def test_purchases_are_filtered_by_status_and_ordered(customer: ApiClient, staff: ApiClient, purchase: Purchase):
    staff.post(f"/purchases/{purchase.id}/pay/")
    assert customer.get("/purchases/?status=placed").json()["results"] == []
    results = customer.get("/purchases/?status=paid&ordering=created_at").json()["results"]
    assert [each["id"] for each in results] == [purchase.id]


def test_staff_pay_ship_and_deliver_a_purchase(staff: ApiClient, purchase: Purchase, boss: User):
    for move, status in MOVES.items():
        response = staff.post(f"/purchases/{purchase.id}/{move}/")
        assert (response.status_code, response.json()["status"]) == (200, status)
    assert [step["status"] for step in response.json()["history"]] == ["placed", *MOVES.values()]
    assert response.json()["history"][-1]["by"] == boss.id
    assert response.headers["ETag"] == '"4.0"'


@pytest.mark.parametrize("move", [*MOVES, "refund"])
def test_customers_can_make_no_transition_but_cancel(customer: ApiClient, purchase: Purchase, move: str):
    response = customer.post(f"/purchases/{purchase.id}/{move}/", {"restock": True} if move == "refund" else None)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_cancelling_a_purchase_returns_its_units_to_stock(customer: ApiClient, purchase: Purchase, apple: Product):
    assert customer.post(f"/purchases/{purchase.id}/cancel/").json()["status"] == "cancelled"
    assert customer.get(f"/products/{apple.id}/").json()["stock"] == 10


def test_a_purchase_of_another_user_cannot_be_cancelled(anyone: ApiClient, shop: Shop, purchase: Purchase):
    other = anyone.signed_in(registered(shop))
    assert other.post(f"/purchases/{purchase.id}/cancel/").status_code == 404


def test_an_invalid_transition_names_the_allowed_ones(customer: ApiClient, purchase: Purchase):
    customer.post(f"/purchases/{purchase.id}/cancel/")
    response = customer.post(f"/purchases/{purchase.id}/cancel/")
    assert (response.status_code, response.json()["code"]) == (409, "invalid-transition")
    members = {name: response.json()[name] for name in ("from", "to", "allowed")}
    assert members == {"from": "cancelled", "to": "cancelled", "allowed": []}


@pytest.mark.parametrize(("restock", "left"), [(True, 10), (False, 7)])
def test_a_refund_returns_the_units_only_with_restock(
    staff: ApiClient, purchase: Purchase, apple: Product, restock: bool, left: int
):
    staff.post(f"/purchases/{purchase.id}/pay/")
    assert staff.post(f"/purchases/{purchase.id}/refund/", {"restock": restock}).json()["status"] == "refunded"
    assert staff.get(f"/products/{apple.id}/").json()["stock"] == left


def test_a_refund_requires_restock(staff: ApiClient, purchase: Purchase):
    response = staff.post(f"/purchases/{purchase.id}/refund/", {})
    assert [error["pointer"] for error in response.json()["errors"]] == ["/restock"]


def test_a_transition_accepts_no_body_but_an_empty_one(staff: ApiClient, purchase: Purchase):
    response = staff.post(f"/purchases/{purchase.id}/pay/", {"amount": 1})
    assert (response.status_code, response.json()["code"]) == (400, "unknown-field")
    assert staff.post(f"/purchases/{purchase.id}/pay/", {}).status_code == 200


def test_erasing_a_buyer_makes_purchases_anonymous_and_changes_their_etag(
    customer: ApiClient, staff: ApiClient, purchase: Purchase, ada: User
):
    before = staff.get(f"/purchases/{purchase.id}/").headers["ETag"]
    customer.delete(f"/users/{ada.id}/", {"current_password": PASSWORD})
    after = staff.get(f"/purchases/{purchase.id}/", If_None_Match=before)
    assert (after.status_code, after.json()["user"], after.json()["history"][0]["by"]) == (200, None, None)
