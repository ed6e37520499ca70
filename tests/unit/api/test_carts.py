"""Carts over HTTP: a guest by the token of the cart, a user by their own, and both to the purchase."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from shop.domain.callers import Scope
from shop.domain.carts import MAX_HOLD_MINUTES
from shop.domain.money import Money
from tests.samples import a_request, an_api_key, in_catalogue
from tests.unit.api.client import ApiClient, errors, problem
from tests.unit.api.schema import body_of

TOKEN = "X-Cart-Token"
ADDRESS = {"name": "Ada Byron", "line_1": "12 St James's Square", "city": "London", "country": "GB"}


class CartClient:
    """One cart of one caller."""

    def __init__(self, client, body):
        self._client = client
        self.id = body["id"]
        self.headers = {TOKEN: body["token"]} if body["token"] else {}

    def send(self, method, path="", body=None, **headers):
        return self._client.send(method, f"/carts/{self.id}/{path}", body, **self.headers, **headers)

    def get(self):
        return self.send("GET").json()

    def put(self, product, quantity):
        return self.send("PUT", f"lines/{product.id}/", {"quantity": quantity})

    def buy(self, **headers):
        return self._client.post("/purchases/", {"cart": self.id}, **self.headers, **headers)


def new_cart(client, **body):
    response = client.post("/carts/", body)
    assert response.status_code == 201
    return CartClient(client, response.json())


@pytest.fixture
def cart(anyone):
    """A guest's."""
    return new_cart(anyone)


@pytest.fixture
def ready(cart, apple):
    """A guest's, with two apples and an address of email."""
    cart.put(apple, 2)
    cart.send("PATCH", body={"email": "guest@example.com"})
    return cart


def reprice(shop, product, amount):
    price = Money.parse(amount, "EUR")
    shop.products.update(a_request(), product.id, lambda p: p.with_changes(at=shop.clock.now(), price=price), None)


def test_a_guests_cart_has_a_token_that_only_its_creation_shows(anyone):
    response = anyone.post("/carts/", {})
    body = response.json()
    assert (response.status_code, body["currency"], body["lines"]) == (201, "EUR", [])
    assert response.headers["Location"] == f"/api/v1/carts/{body['id']}/"
    assert response.headers["Cache-Control"] == "no-store"
    assert "token" not in CartClient(anyone, body).get()


def test_a_users_cart_has_no_token_and_is_theirs_alone(shop, customer, anyone):
    cart = new_cart(customer, currency="USD")
    assert (cart.headers, cart.get()["currency"]) == ({}, "USD")
    assert problem(anyone.get(f"/carts/{cart.id}/")) == (401, "unauthenticated")
    other = new_cart(anyone)
    assert problem(customer.get(f"/carts/{other.id}/")) == (404, "not-found")


def test_staff_see_any_cart_and_change_none(staff, customer, cart, apple):
    own = new_cart(customer)
    for seen in (own, cart):
        assert staff.get(f"/carts/{seen.id}/").json() == seen.get()
        line = staff.put(f"/carts/{seen.id}/lines/{apple.id}/", {"quantity": 1})
        assert problem(line) == (404, "not-found")


def test_staff_list_the_carts_of_guests_and_of_a_user(staff, customer, cart, apple, ada):
    own = new_cart(customer)
    cart.put(apple, 2)
    (guests,) = staff.get("/carts/").json()["results"]
    (of_ada,) = staff.get(f"/carts/?user={ada.id}").json()["results"]
    assert (guests["id"], guests["user"], guests["lines"]) == (cart.id, None, 1)
    assert (of_ada["id"], of_ada["user"], of_ada["lines"]) == (own.id, ada.id, 0)


def test_customers_list_no_carts(customer):
    assert problem(customer.get("/carts/")) == (403, "forbidden")


@pytest.mark.parametrize(("scope", "status"), [(Scope.CARTS_READ, 200), (Scope.PURCHASES_READ, 403)])
def test_a_key_needs_the_scope_of_carts(shop, cart, scope, status):
    machine = ApiClient({"Authorization": f"Bearer {an_api_key(shop, scope).secret}"})
    assert [machine.get(path).status_code for path in ("/carts/", f"/carts/{cart.id}/")] == [status] * 2


def test_a_guests_cart_is_not_found_with_another_token(anyone, cart):
    other = new_cart(anyone)
    assert problem(anyone.get(f"/carts/{cart.id}/", **other.headers)) == (404, "not-found")
    assert problem(anyone.get(f"/carts/{cart.id}/", **{TOKEN: "x" * 201})) == (401, "unauthenticated")


def test_an_api_key_makes_and_changes_no_cart(shop, cart, apple):
    machine = ApiClient({"Authorization": f"Bearer {an_api_key(shop, *Scope).secret}"})
    assert problem(machine.post("/carts/", {})) == (403, "forbidden")
    line = machine.put(f"/carts/{cart.id}/lines/{apple.id}/", {"quantity": 1}, **cart.headers)
    assert problem(line) == (403, "forbidden")


def test_a_revoked_token_makes_no_guests_cart(anyone):
    assert problem(anyone.post("/carts/", {}, Authorization="Bearer evg_unknown")) == (401, "unauthenticated")


def test_a_line_is_put_and_taken_out(cart, apple):
    body = cart.put(apple, 2).json()
    (line,) = body["lines"]
    assert (line["sku"], line["quantity"], line["unit_price"], line["line_total"]) == ("APPLE", 2, "1.20", "2.40")
    assert (line["available"], body["totals"], body["version"]) == (
        10,
        {"items": "2.40", "discount": "0.00", "shipping": "0.00", "total": "2.40"},
        2,
    )
    assert cart.send("DELETE", f"lines/{apple.id}/").json()["lines"] == []


def test_a_quantity_is_a_whole_number_from_1(cart, apple):
    assert errors(cart.put(apple, 0)) == [("/quantity", "bounds")]


def test_what_is_not_sold_cannot_be_put(shop, cart):
    dollars = in_catalogue(shop, price=Money.parse("1.00", "USD"))
    response = cart.put(dollars, 1)
    assert (problem(response), response.json()["currency"]) == ((422, "currency-mismatch"), "EUR")
    missing = replace(dollars, id="01900000-0000-7000-8000-000000000000")
    assert problem(cart.put(missing, 1)) == (422, "unknown-product")


def test_what_stands_between_a_cart_and_its_purchase_is_part_of_it(shop, cart, apple):
    cart.put(apple, 2)
    reprice(shop, apple, "1.30")
    body = cart.get()
    assert [(each["code"], each["pointer"]) for each in body["problems"]] == [
        ("email-missing", "/email"),
        ("price-changed", "/lines/0"),
    ]
    assert (body["lines"][0]["seen_price"], body["lines"][0]["unit_price"]) == ("1.20", "1.30")


def test_email_and_address_are_set_and_taken_away(cart):
    body = cart.send("PATCH", body={"email": "guest@example.com", "shipping_address": ADDRESS}).json()
    assert body["email"] == "guest@example.com"
    assert body["shipping_address"] == {**ADDRESS, "line_2": "", "postal_code": "", "region": "", "phone": ""}
    body = cart.send("PATCH", body={"email": "", "shipping_address": None}).json()
    assert (body["email"], body["shipping_address"]) == (None, None)


def test_an_address_is_whole_or_refused(cart):
    assert errors(cart.send("PATCH", body={"shipping_address": {"city": "London", "country": "XX"}})) == [
        ("/shipping_address/name", "required"),
        ("/shipping_address/line_1", "required"),
        ("/shipping_address/country", "invalid-choice"),
    ]


def test_a_shipping_method_that_is_not_offered_is_refused(cart):
    response = cart.send("PATCH", body={"shipping_method": "by-pigeon"})
    assert problem(response) == (422, "unknown-shipping-method")


def test_a_hold_has_an_end_and_is_released(cart, apple):
    cart.put(apple, 2)
    assert cart.send("PUT", "hold/", {"minutes": 15}).json()["hold"]["expires_at"]
    assert cart.send("DELETE", "hold/").json()["hold"] is None


def test_a_hold_is_of_all_lines_or_none(shop, cart, apple):
    pear = in_catalogue(shop, sku="PEAR", stock=1)
    cart.put(apple, 2)
    cart.put(pear, 2)
    response = cart.send("PUT", "hold/", {"minutes": 15})
    assert problem(response) == (409, "insufficient-stock")
    assert response.json()["shortages"] == [{"product": pear.id, "requested": 2, "available": 1}]


def test_a_hold_takes_no_longer_than_half_an_hour(cart):
    response = cart.send("PUT", "hold/", {"minutes": MAX_HOLD_MINUTES + 1})
    assert errors(response) == [("/minutes", "bounds")]


def test_an_empty_cart_is_not_held(cart):
    response = cart.send("PUT", "hold/", {"minutes": 1})
    assert (problem(response), response.json()["problems"][0]["code"]) == ((422, "cart-not-ready"), "empty")


def test_a_deleted_cart_is_not_found(cart):
    assert cart.send("DELETE").status_code == 204
    assert problem(cart.send("GET")) == (404, "not-found")


def test_a_repeat_under_one_key_is_a_replay_for_its_own_guest_alone(anyone, cart, apple):
    body = {"quantity": 2}
    first = cart.send("PUT", f"lines/{apple.id}/", body, Idempotency_Key="one")
    again = cart.send("PUT", f"lines/{apple.id}/", body, Idempotency_Key="one")
    assert (first.json()["version"], again.json()["version"]) == (2, 2)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    other = new_cart(anyone)
    response = anyone.put(f"/carts/{cart.id}/lines/{apple.id}/", body, Idempotency_Key="one", **other.headers)
    assert problem(response) == (404, "not-found")


def test_a_guest_who_uses_a_key_for_another_request_is_refused(cart, apple):
    cart.send("PUT", f"lines/{apple.id}/", {"quantity": 2}, Idempotency_Key="one")
    response = cart.send("PUT", f"lines/{apple.id}/", {"quantity": 3}, Idempotency_Key="one")
    assert problem(response) == (422, "idempotency-key-reused")


def test_a_user_claims_the_cart_that_they_filled_as_a_guest(customer, cart, apple):
    cart.put(apple, 2)
    own = new_cart(customer)
    own.put(apple, 1)
    response = customer.post(f"/carts/{cart.id}/claim/", {}, **cart.headers)
    assert (response.json()["id"], response.json()["lines"][0]["quantity"]) == (own.id, 3)
    assert problem(cart.send("GET")) == (404, "not-found")


def test_a_claim_needs_user_and_token(anyone, customer, cart):
    assert problem(anyone.post(f"/carts/{cart.id}/claim/", {}, **cart.headers)) == (401, "unauthenticated")
    assert problem(customer.post(f"/carts/{cart.id}/claim/", {})) == (404, "not-found")


def test_a_guest_buys_a_cart_and_reads_the_purchase_by_its_token(anyone, ready, apple, shop):
    response = ready.buy()
    body = response.json()
    assert (response.status_code, body["user"], body["cart"], body["email"]) == (
        201,
        None,
        ready.id,
        "guest@example.com",
    )
    assert (body["status"], body["total"], body["pay_by"] > body["created_at"]) == ("placed", "2.40", True)
    assert anyone.get(f"/purchases/{body['id']}/", **ready.headers).json() == body
    assert problem(anyone.get(f"/purchases/{body['id']}/")) == (401, "unauthenticated")
    assert problem(anyone.get(f"/purchases/{body['id']}/", **new_cart(anyone).headers)) == (404, "not-found")
    assert shop.products.get(apple.id).stock == 8


def test_a_guest_cancels_a_purchase_by_the_token_of_its_cart(anyone, ready, apple, shop):
    path = f"/purchases/{ready.buy().json()['id']}/cancel/"
    assert problem(anyone.post(path)) == (401, "unauthenticated")
    assert problem(anyone.post(path, **new_cart(anyone).headers)) == (404, "not-found")
    assert shop.products.get(apple.id).stock == 8
    cancelled = anyone.post(path, **ready.headers).json()
    assert (cancelled["status"], [event["by"] for event in cancelled["history"]]) == ("cancelled", [None, None])
    assert shop.products.get(apple.id).stock == 10


def test_a_guest_returns_units_by_the_token_of_the_cart(anyone, staff, ready, apple):
    path = f"/purchases/{ready.buy().json()['id']}/"
    for step in ("pay", "ship"):
        assert staff.post(f"{path}{step}/").status_code == 200
    body = {"lines": [{"product": apple.id, "quantity": 1}], "reason": "Too green."}
    other = new_cart(anyone).headers
    assert problem(anyone.post(f"{path}returns/", body, **other)) == (404, "not-found")
    response = anyone.post(f"{path}returns/", body, **ready.headers)
    assert (response.status_code, response.json()["reason"]) == (201, "Too green.")
    assert anyone.get(f"{path}returns/", **ready.headers).json()["results"] == [response.json()]
    assert problem(anyone.get(f"{path}returns/", **other)) == (404, "not-found")
    own = response.headers["Location"].removeprefix("/api/v1")
    assert anyone.get(own, **ready.headers).json() == response.json()
    assert problem(anyone.get(own, **other)) == (404, "not-found")


def test_a_cart_is_bought_once_whatever_the_key(ready, apple, shop):
    first, same, other = (ready.buy(Idempotency_Key=key) for key in ("one", "one", "two"))
    assert first.json() == same.json() == other.json()
    assert [response.status_code for response in (first, same, other)] == [201, 201, 201]
    assert ["Idempotent-Replayed" in response.headers for response in (first, same, other)] == [False, True, True]
    assert shop.products.get(apple.id).stock == 8
    assert ready.get()["purchase"] == first.json()["id"]


def test_a_bought_cart_does_not_change(ready, apple):
    purchase = ready.buy().json()["id"]
    response = ready.put(apple, 3)
    assert (problem(response), response.json()["purchase"]) == ((409, "cart-purchased"), purchase)


def test_a_cart_without_email_is_not_ready(cart, apple):
    cart.put(apple, 1)
    response = cart.buy()
    assert problem(response) == (422, "cart-not-ready")
    assert [each["pointer"] for each in response.json()["problems"]] == ["/email"]


def test_a_changed_price_is_named_and_bought_when_it_was_put_again(shop, ready, apple):
    reprice(shop, apple, "1.30")
    response = ready.buy()
    assert problem(response) == (409, "price-changed")
    assert response.json()["lines"] == [
        {"product": apple.id, "seen_price": "1.20", "unit_price": "1.30", "currency": "EUR"}
    ]
    ready.put(apple, 2)
    assert ready.buy().json()["total"] == "2.60"


def test_a_user_buys_their_cart(customer, apple, ada):
    cart = new_cart(customer)
    cart.put(apple, 1)
    body = cart.buy().json()
    assert (body["user"], body["cart"]) == (ada.id, cart.id)
    assert customer.get(f"/purchases/{body['id']}/").json() == body


def test_an_export_has_the_carts_of_the_caller_and_of_no_other(customer, anyone, staff, apple):
    own = new_cart(customer)
    own.put(apple, 2)
    own.send("PATCH", body={"shipping_address": ADDRESS})
    new_cart(anyone), new_cart(staff)
    exported = orjson.loads(body_of(customer.get("/users/me/export/")))
    assert [(cart["id"], cart["shipping_address"]["city"]) for cart in exported["carts"]] == [(own.id, "London")]


def test_a_purchase_is_of_items_or_of_a_cart(customer, anyone, ready, apple):
    items = [{"product": apple.id, "quantity": 1}]
    assert errors(customer.post("/purchases/", {})) == [("/items", "required")]
    assert errors(customer.post("/purchases/", {"items": items, "cart": ready.id})) == [("/cart", "one-of")]
    response = anyone.post("/purchases/", {"items": items}, **ready.headers)
    assert problem(response) == (401, "unauthenticated")


def test_a_purchase_of_items_is_as_before(customer, apple, ada):
    response = customer.post("/purchases/", {"items": [{"sku": "APPLE", "quantity": 2}]})
    body = response.json()
    assert (response.status_code, body["user"], body["cart"], body["pay_by"]) == (201, ada.id, None, None)


def test_a_cart_that_another_holds_units_of_says_what_is_available(anyone, cart, apple):
    other = new_cart(anyone)
    other.put(apple, 8)
    other.send("PUT", "hold/", {"minutes": 1})
    assert cart.put(apple, 3).json()["problems"][-1]["code"] == "insufficient-stock"
    assert cart.get()["lines"][0]["available"] == 2


def test_a_cart_says_when_it_is_deleted_unless_it_is_changed(shop, cart):
    before = cart.get()["expires_at"]
    shop.clock.advance(timedelta(days=1))
    cart.send("PATCH", body={"email": "guest@example.com"})
    assert cart.get()["expires_at"] > before


def test_no_cache_stores_what_a_guest_gets_by_the_token_of_a_cart(anyone, ready):
    purchase = ready.buy().json()["id"]
    for path in (f"/carts/{ready.id}/", f"/purchases/{purchase}/", f"/purchases/{purchase}/payments/", "/nothing/"):
        assert anyone.get(path, **ready.headers).headers["Cache-Control"] == "no-store", path
