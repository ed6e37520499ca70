"""Conditional requests: 304 for a present ETag, 412 for a change of another version."""

import pytest
from django.test import Client, RequestFactory

from shop.api.conditional import UNMATCHABLE_VERSION, expected_version, product_etag
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from tests.samples import in_catalogue, placed, units
from tests.unit.api.client import ApiClient


def test_if_none_match_with_the_present_etag_gets_304(anyone: ApiClient, apple: Product):
    tag = anyone.get(f"/products/{apple.id}/").headers["ETag"]
    second_response = anyone.get(f"/products/{apple.id}/", If_None_Match=tag)
    assert (second_response.status_code, second_response.content, second_response.headers["ETag"]) == (304, b"", tag)
    assert "Content-Type" not in second_response.headers


@pytest.mark.parametrize("header", ["W/{tag}", '"9.9", {tag}', "*"])
def test_weak_etags_lists_and_a_star_match_too(anyone: ApiClient, apple: Product, header: str):
    tag = product_etag(apple)
    assert anyone.get(f"/products/{apple.id}/", If_None_Match=header.format(tag=tag)).status_code == 304


@pytest.mark.parametrize("header", ['"1.1"', "1.10", '""', '"1.100"'])
def test_another_etag_gets_the_whole_body(anyone: ApiClient, apple: Product, header: str):
    assert anyone.get(f"/products/{apple.id}/", If_None_Match=header).status_code == 200


def test_a_sale_changes_the_etag_but_not_the_version(
    anyone: ApiClient, staff: ApiClient, shop: Shop, apple: Product, ada: User
):
    tag = anyone.get(f"/products/{apple.id}/").headers["ETag"]
    placed(shop, ada.id, units(apple, 1))
    assert anyone.get(f"/products/{apple.id}/", If_None_Match=tag).status_code == 200
    assert staff.patch(f"/products/{apple.id}/", {"name": "Golden"}, If_Match=tag).status_code == 200


def test_units_that_are_sold_and_come_back_leave_another_etag(anyone: ApiClient, customer: ApiClient, apple: Product):
    tag = anyone.get(f"/products/{apple.id}/").headers["ETag"]
    purchase = customer.post("/purchases/", {"items": [{"product": apple.id, "quantity": 1}]}).json()
    customer.post(f"/purchases/{purchase['id']}/cancel/")
    response = anyone.get(f"/products/{apple.id}/", If_None_Match=tag)
    assert (response.status_code, response.json()["stock"]) == (200, 10)


@pytest.mark.parametrize(
    ("header", "version"),
    [
        (None, None),
        ("*", None),
        ('"3"', 3),
        ('"3.120"', 3),
        ('"3.120.1a1c4cd20ab"', 3),
        ('"3.120.1a1c4cd20ab.01a196fb-1601-7000-8000-000000000001"', 3),
        ('W/"3.120"', 3),
        ('"3.120.01a196fb-1601-7000-8000-000000000001"', 3),
        ('"3.01a196fb-1601-7000-8000-000000000001"', 3),
        ('"2.1", "3.120"', 3),
        ('"other"', UNMATCHABLE_VERSION),
        ("3", UNMATCHABLE_VERSION),
        ("", UNMATCHABLE_VERSION),
        ('W/"other", W/"4.1"', 4),
        ('"0"', UNMATCHABLE_VERSION),
    ],
)
def test_if_match_requires_the_highest_of_its_versions(header: str | None, version: int | None):
    headers = {} if header is None else {"If-Match": header}
    assert expected_version(RequestFactory().get("/", headers=headers)) == version


def test_a_foreign_etag_in_if_match_is_a_failed_precondition(staff: ApiClient, apple: Product):
    assert staff.patch(f"/products/{apple.id}/", {"name": "Golden"}, If_Match='"other"').status_code == 412


def test_the_etag_of_one_user_never_matches_another(customer: ApiClient, staff: ApiClient, ada: User):
    tag = customer.get("/users/me/").headers["ETag"]
    assert staff.get("/users/me/", If_None_Match=tag).status_code == 200
    assert customer.get("/users/me/", If_None_Match=tag).status_code == 304
    assert customer.patch(f"/users/{ada.id}/", {"first_name": "Augusta"}, If_Match=tag).status_code == 200
    assert customer.patch(f"/users/{ada.id}/", {"first_name": "Ada"}, If_Match=tag).status_code == 412


def test_the_etag_at_a_sku_changes_with_the_product_that_has_it(staff: ApiClient, shop: Shop, apple: Product):
    tag = staff.get("/products/by-sku/APPLE/").headers["ETag"]
    assert staff.get("/products/by-sku/APPLE/", If_None_Match=tag).status_code == 304
    staff.delete(f"/products/{apple.id}/", If_Match=tag)
    other = in_catalogue(shop, sku="APPLE", stock=10)
    assert staff.get("/products/by-sku/APPLE/", If_None_Match=tag).json()["id"] == other.id


@pytest.mark.parametrize("header", ['"1.10"', "*"])
def test_an_html_page_has_no_etag_because_it_depends_on_the_caller(apple: Product, header: str):
    page = Client().get(f"/api/v1/products/{apple.id}/", headers={"Accept": "text/html", "If-None-Match": header})
    assert (page.status_code, "ETag" in page.headers) == (200, False)


@pytest.mark.parametrize("path", ["/products/", "/products/categories/", "/purchases/", "/auth/sessions/"])
def test_a_list_that_is_as_the_client_has_it_is_not_modified(customer: ApiClient, apple: Product, path: str):
    first = customer.get(path)
    second = customer.get(path, If_None_Match=first.headers["ETag"])
    assert (second.status_code, second.content, second.headers["ETag"]) == (304, b"", first.headers["ETag"])


def test_a_list_has_another_etag_after_a_sale(customer: ApiClient, apple: Product):
    before = customer.get("/products/").headers["ETag"]
    customer.post("/purchases/", {"items": [{"product": apple.id, "quantity": 1}]})
    after = customer.get("/products/", If_None_Match=before)
    assert (after.status_code, after.json()["results"][0]["stock"]) == (200, 9)
