"""The catalogue over HTTP."""

import logging

import pytest
import structlog

from shop.domain.money import Money
from shop.domain.ports import Shop
from shop.domain.products import Product
from tests.samples import euros, in_catalogue
from tests.unit.api.client import ApiClient, errors

APPLE = {
    "sku": "GRANNY-1KG",
    "name": "Granny Smith",
    "description": "Green,\nand sour.",
    "category": "Fruit",
    "company": "Orchard & Sons",
    "date_manufactured": "2026-09-30",
    "price": "1.20",
    "currency": "EUR",
    "stock": 12,
}
STAFF_ONLY = [
    ("POST", "/products/", APPLE),
    ("PUT", "/products/{id}/", APPLE),
    ("PATCH", "/products/{id}/", {"name": "Pear"}),
    ("DELETE", "/products/{id}/", None),
    ("POST", "/products/{id}/stock/", {"delta": 1, "reason": "A delivery."}),
]


def test_creating_a_product_returns_its_location(staff: ApiClient, anyone: ApiClient):
    response = staff.post("/products/", APPLE)
    assert response.status_code == 201
    assert response.headers["ETag"].startswith('"1.12.')
    assert anyone.get(response.headers["Location"].removeprefix("/api/v1")).json() == response.json()
    assert APPLE.items() <= response.json().items()


def test_fields_left_out_of_a_new_product_are_empty(staff: ApiClient):
    response = staff.post("/products/", {"sku": "X", "name": "X", "price": "1", "currency": "JPY"}).json()
    assert (response["description"], response["category"], response["company"]) == ("", "", "")
    assert (response["date_manufactured"], response["stock"], response["is_sold"]) == (None, 0, True)


def test_a_sku_is_unique(staff: ApiClient):
    staff.post("/products/", APPLE)
    response = staff.post("/products/", {**APPLE, "name": "Another"})
    assert (response.status_code, response.json()["code"]) == (409, "sku-taken")


@pytest.mark.parametrize(("method", "path", "body"), STAFF_ONLY)
def test_customers_cannot_change_the_catalogue(customer: ApiClient, apple: Product, method: str, path: str, body: dict):
    response = customer.send(method, path.format(id=apple.id), body)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(("method", "path", "body"), STAFF_ONLY)
def test_anonymous_callers_of_staff_operations_are_unauthenticated(
    anyone: ApiClient, apple: Product, method: str, path: str, body: dict
):
    response = anyone.send(method, path.format(id=apple.id), body)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_product_is_found_by_its_sku(anyone: ApiClient, apple: Product):
    assert anyone.get("/products/by-sku/APPLE/").json()["id"] == apple.id


@pytest.mark.parametrize("path", ["/products/nothing/", "/products/by-sku/NONE/", "/products/by-sku/a b/"])
def test_an_unknown_product_is_not_found(anyone: ApiClient, path: str):
    response = anyone.get(path)
    assert (response.status_code, response.json()["code"]) == (404, "not-found")


def test_a_resource_can_be_read_changed_and_sent_back_whole(staff: ApiClient, apple: Product):
    first_response = staff.get(f"/products/{apple.id}/")
    response = staff.put(
        f"/products/{apple.id}/", {**first_response.json(), "name": "Golden"}, If_Match=first_response.headers["ETag"]
    )
    assert response.status_code == 200
    assert (response.json()["name"], response.json()["version"]) == ("Golden", 2)
    assert response.headers["ETag"] == first_response.headers["ETag"].replace('"1.', '"2.')


def test_a_product_can_be_sent_back_though_units_were_sold_meanwhile(
    staff: ApiClient, customer: ApiClient, apple: Product
):
    read = staff.get(f"/products/{apple.id}/").json()
    customer.post("/purchases/", {"items": [{"product": apple.id, "quantity": 10}]})
    response = staff.put(f"/products/{apple.id}/", {**read, "name": "Golden"})
    assert response.status_code == 200
    assert (response.json()["name"], response.json()["stock"], response.json()["is_sold"]) == ("Golden", 0, True)


def test_a_product_can_be_sent_back_though_it_was_edited_meanwhile(staff: ApiClient, apple: Product):
    read = staff.get(f"/products/{apple.id}/").json()
    staff.patch(f"/products/{apple.id}/", {"name": "Red"})
    assert staff.put(f"/products/{apple.id}/", {**read, "name": "Golden"}).json()["version"] == 3


def test_a_former_value_is_refused_where_the_client_requires_a_version(
    staff: ApiClient, customer: ApiClient, apple: Product
):
    read = staff.get(f"/products/{apple.id}/")
    customer.post("/purchases/", {"items": [{"product": apple.id, "quantity": 10}]})
    response = staff.put(f"/products/{apple.id}/", read.json(), If_Match=read.headers["ETag"])
    assert errors(response) == [
        ("/stock", "read-only-field"),
        ("/is_sold", "read-only-field"),
        ("/stock_changed_at", "read-only-field"),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "01a196fb-1601-7000-8000-00000000dead"),
        ("sku", "OTHER"),
        ("created_at", "2026-11-10T09:31:00.440000Z"),
        ("stock", -1),
        ("stock", "9"),
        ("is_sold", 1),
        ("version", 0),
        ("updated_at", "yesterday"),
        ("stock_changed_at", "yesterday"),
        ("updated_at", "2026-13-10T09:31:00Z"),
    ],
)
def test_a_value_that_no_product_can_have_had_is_refused(staff: ApiClient, apple: Product, field: str, value: object):
    response = staff.patch(f"/products/{apple.id}/", {field: value})
    assert errors(response) == [(f"/{field}", "read-only-field")]


def test_put_empties_fields_that_are_left_out(staff: ApiClient, apple: Product):
    response = staff.put(f"/products/{apple.id}/", {"name": "Plain", "price": "2", "currency": "EUR"}).json()
    assert (response["category"], response["company"], response["description"]) == ("", "", "")


def test_a_patch_leaves_other_fields_unchanged(staff: ApiClient, apple: Product):
    before = staff.get(f"/products/{apple.id}/").json()
    after = staff.patch(f"/products/{apple.id}/", {"date_manufactured": None, "price": "3"}).json()
    assert after == {**before, **{name: after[name] for name in ("updated_at", "version")}} | {
        "date_manufactured": None,
        "price": "3.00",
    }


@pytest.mark.parametrize(
    "field", ["id", "sku", "stock", "is_sold", "created_at", "updated_at", "stock_changed_at", "version"]
)
def test_read_only_fields_cannot_be_changed(staff: ApiClient, apple: Product, field: str):
    response = staff.patch(f"/products/{apple.id}/", {field: "something else"})
    assert (response.status_code, response.json()["code"]) == (400, "read-only-field")
    assert [error["pointer"] for error in response.json()["errors"]] == [f"/{field}"]


@pytest.mark.parametrize(("field", "value"), [("is_sold", 0), ("version", True)])
def test_true_and_one_are_different_values(staff: ApiClient, apple: Product, field: str, value: object):
    response = staff.patch(f"/products/{apple.id}/", {field: value})
    assert (response.status_code, response.json()["code"]) == (400, "read-only-field")


def test_a_currency_is_changed_only_with_a_price_it_can_have(staff: ApiClient, apple: Product):
    response = staff.patch(f"/products/{apple.id}/", {"currency": "JPY"})
    assert [error["pointer"] for error in response.json()["errors"]] == ["/price"]
    assert staff.patch(f"/products/{apple.id}/", {"currency": "JPY", "price": "120"}).json()["price"] == "120"


def test_a_withdrawn_product_is_not_found(staff: ApiClient, apple: Product):
    assert staff.delete(f"/products/{apple.id}/").status_code == 204
    assert staff.get(f"/products/{apple.id}/").status_code == 404


def test_if_match_with_an_older_version_is_a_failed_precondition(staff: ApiClient, apple: Product):
    staff.patch(f"/products/{apple.id}/", {"name": "Golden"})
    response = staff.delete(f"/products/{apple.id}/", If_Match='"1.10"')
    assert (response.status_code, response.json()["version"]) == (412, 2)


def test_stock_can_be_added_and_removed(staff: ApiClient, apple: Product):
    assert staff.post(f"/products/{apple.id}/stock/", {"delta": 5, "reason": "Came."}).json() == {"stock": 15}
    assert staff.post(f"/products/{apple.id}/stock/", {"delta": -15, "reason": "Went."}).json() == {"stock": 0}
    assert staff.get(f"/products/{apple.id}/").json()["is_sold"] is True


def test_an_adjustment_is_answered_when_its_line_is_written(
    staff: ApiClient, apple: Product, monkeypatch: pytest.MonkeyPatch
):
    done: list[str] = []

    class Written(logging.Handler):
        def flush(self) -> None:
            done.append("written")

    monkeypatch.setattr(logging.getLogger(), "handlers", [Written()])
    with structlog.testing.capture_logs() as lines:
        staff.post(f"/products/{apple.id}/stock/", {"delta": 5, "reason": "Came."})
    assert [line["reason"] for line in lines if line["event"] == "stock adjusted"] == ["Came."]
    assert done == ["written"]


def test_stock_cannot_be_removed_below_zero(staff: ApiClient, apple: Product):
    response = staff.post(f"/products/{apple.id}/stock/", {"delta": -11, "reason": "Went."})
    assert (response.status_code, response.json()["code"]) == (409, "insufficient-stock")
    assert response.json()["shortages"] == [{"product": apple.id, "requested": 11, "available": 10}]


def test_stock_other_than_expected_is_not_adjusted(staff: ApiClient, apple: Product):
    response = staff.post(f"/products/{apple.id}/stock/", {"delta": 1, "reason": "Counted.", "expected": 9})
    assert (response.status_code, response.json()["code"], response.json()["stock"]) == (409, "stock-changed", 10)


def test_filters_combine(anyone: ApiClient, shop: Shop):
    matching = in_catalogue(shop, category="Fruit", company="A", price=euros("3.00"), name="Red apple")
    in_catalogue(shop, category="Fruit", company="B", price=euros("3.00"), name="Red apple")
    in_catalogue(shop, category="Fruit", company="A", price=euros("9.00"), name="Red apple")
    in_catalogue(shop, category="Fruit", company="A", price=euros("3.00"), name="Red apple", stock=0)
    query = "category=Fruit&company=A&min_price=2&max_price=3.0&in_stock=true&currency=EUR&search=app%20re"
    results = anyone.get(f"/products/?{query}").json()["results"]
    assert [product["id"] for product in results] == [matching.id]


def test_products_are_newest_first_unless_ordering_says_otherwise(anyone: ApiClient, shop: Shop):
    names = {in_catalogue(shop, name=name).id: name for name in ("B", "C", "A")}
    assert [names[product["id"]] for product in anyone.get("/products/").json()["results"]] == ["A", "C", "B"]
    by_name = anyone.get("/products/?ordering=-name").json()["results"]
    assert [product["name"] for product in by_name] == ["C", "B", "A"]


@pytest.mark.parametrize(
    "query",
    [
        "category=",
        f"company={'x' * 201}",
        "category=a%00b",
        "min_price=-1",
        "max_price=ten",
        "max_price=.5",
        "min_price=1.",
        "min_price=1.00001",
        "in_stock=yes",
        "currency=XXX",
        "search=%21",
        "ordering=stock",
        "category=a&category=b",
    ],
)
def test_an_invalid_filter_is_a_field_error_at_its_parameter(anyone: ApiClient, query: str):
    response = anyone.get(f"/products/?{query}")
    assert (response.status_code, response.json()["code"]) == (400, "validation-error")
    assert [error["pointer"] for error in response.json()["errors"]] == [query.partition("=")[0]]


def test_categories_and_companies_are_counted(anyone: ApiClient, shop: Shop):
    for company in ("A", "B", "B"):
        in_catalogue(shop, category="Fruit", company=company)
    assert anyone.get("/products/categories/").json()["results"] == [{"name": "Fruit", "count": 3}]
    counted = anyone.get("/products/companies/").json()["results"]
    assert counted == [{"name": "A", "count": 1}, {"name": "B", "count": 2}]


def test_a_product_priced_in_a_withdrawn_currency_is_shown_and_found_until_it_is_repriced(staff: ApiClient, shop: Shop):
    leva = in_catalogue(shop, price=Money(minor=199, currency="BGN"))
    assert staff.get(f"/products/{leva.id}/").json()["price"] == "1.99"
    assert [each["id"] for each in staff.get("/products/?currency=BGN").json()["results"]] == [leva.id]
    response = staff.patch(f"/products/{leva.id}/", {"price": "2.00"})
    assert [error["pointer"] for error in response.json()["errors"]] == ["/currency"]
    assert staff.patch(f"/products/{leva.id}/", {"price": "1.02", "currency": "EUR"}).status_code == 200
