"""Pagination by cursor."""

from urllib.parse import urlsplit

import pytest
from django.test import override_settings

from shop.domain.ports import Shop
from shop.domain.products import Product
from tests.samples import in_catalogue
from tests.unit.api.client import ApiClient, errors


@pytest.fixture
def seven_ids(shop: Shop) -> list[str]:
    """The ids of seven products, newest first."""
    return [in_catalogue(shop, category="Fruit").id for _ in range(7)][::-1]


def follow(client: ApiClient, url: str) -> dict:
    parts = urlsplit(url)
    response = client.get(f"{parts.path.removeprefix('/api/v1')}?{parts.query}")
    assert response.status_code == 200
    return response.json()


def ids(page: dict) -> list[str]:
    return [product["id"] for product in page["results"]]


def refusal(client: ApiClient, path: str) -> tuple[int, str, list[str]]:
    problem = client.get(path).json()
    return problem["status"], problem["code"], [error["pointer"] for error in problem["errors"]]


def test_next_and_previous_links_lead_through_the_list_and_back(anyone: ApiClient, seven_ids: list[str]):
    first = anyone.get("/products/?page_size=3").json()
    second = follow(anyone, first["next"])
    third = follow(anyone, second["next"])
    assert (ids(first), ids(second), ids(third)) == (seven_ids[:3], seven_ids[3:6], seven_ids[6:])
    assert (first["previous"], third["next"]) == (None, None)
    assert ids(follow(anyone, third["previous"])) == seven_ids[3:6]
    assert ids(follow(anyone, second["previous"])) == seven_ids[:3]


def test_a_page_stays_stable_while_products_are_created(anyone: ApiClient, shop: Shop, seven_ids: list[str]):
    first = anyone.get("/products/?page_size=3").json()
    in_catalogue(shop)
    assert ids(follow(anyone, first["next"])) == seven_ids[3:6]


def test_page_links_repeat_the_filters(anyone: ApiClient, seven_ids: list[str]):
    first = anyone.get("/products/?page_size=3&category=Fruit&ordering=created_at").json()
    assert first["next"].startswith(
        "http://testserver/api/v1/products/?page_size=3&category=Fruit&ordering=created_at&"
    )
    assert ids(follow(anyone, first["next"])) == seven_ids[1:4][::-1]


def cursor_of(client: ApiClient, path: str) -> str:
    return client.get(path).json()["next"].rpartition("cursor=")[2]


def test_a_cursor_is_valid_only_for_its_own_list_and_filters(anyone: ApiClient, seven_ids: list[str]):
    cursor = cursor_of(anyone, "/products/?page_size=3&category=Fruit")
    wrong = (400, "invalid-cursor", ["cursor"])
    assert refusal(anyone, f"/products/?page_size=3&cursor={cursor}") == wrong
    assert refusal(anyone, f"/products/?category=Vegetables&cursor={cursor}") == wrong
    assert refusal(anyone, f"/products/categories/?cursor={cursor}") == wrong
    assert anyone.get(f"/products/?category=Fruit&page_size=5&cursor={cursor}").status_code == 200


@pytest.mark.parametrize("cursor", ["x", "!", "%C3%A9", "AAAA", "", "a" * 500])
def test_a_forged_cursor_is_refused(anyone: ApiClient, cursor: str):
    assert refusal(anyone, f"/products/?cursor={cursor}") == (400, "invalid-cursor", ["cursor"])


@pytest.mark.parametrize("more", ["=", "==", "====", "!!!!", "%0A%0A%0A%0A"])
def test_a_cursor_with_appended_characters_is_refused(anyone: ApiClient, seven_ids: list[str], more: str):
    cursor = cursor_of(anyone, "/products/?page_size=3")
    assert refusal(anyone, f"/products/?cursor={cursor}{more}") == (400, "invalid-cursor", ["cursor"])


def test_a_cursor_signed_with_another_key_is_refused(anyone: ApiClient, seven_ids: list[str]):
    with override_settings(SECRET_KEY="another secret key that is just as long as it has to be"):
        cursor = cursor_of(anyone, "/products/?page_size=3")
    assert refusal(anyone, f"/products/?cursor={cursor}") == (400, "invalid-cursor", ["cursor"])


def test_a_cursor_signed_with_a_former_key_is_followed(anyone: ApiClient, seven_ids: list[str]):
    former = "a former secret key that is just as long as it has to be"
    with override_settings(SECRET_KEY=former):
        cursor = cursor_of(anyone, "/products/?page_size=3")
    with override_settings(SECRET_KEY_FALLBACKS=[former]):
        assert anyone.get(f"/products/?cursor={cursor}").status_code == 200


@pytest.mark.parametrize("size", ["0", "101", "-1", "ten", "1.0", "", "٣", " 5"])
def test_a_page_size_out_of_1_to_100_is_refused(anyone: ApiClient, size: str):
    assert refusal(anyone, f"/products/?page_size={size}") == (400, "validation-error", ["page_size"])


@pytest.mark.parametrize("path", ["/products/", "/products/categories/", "/products/companies/"])
def test_an_unknown_parameter_is_refused(anyone: ApiClient, path: str):
    assert refusal(anyone, f"{path}?colour=red") == (400, "unknown-field", ["colour"])


def test_all_errors_of_a_query_are_returned_at_once(anyone: ApiClient):
    status, code, pointers = refusal(anyone, "/products/?colour=red&page_size=0&ordering=weight")
    assert (status, code, sorted(pointers)) == (400, "validation-error", ["colour", "ordering", "page_size"])


def test_categories_and_users_are_paginated(staff: ApiClient, customer: ApiClient, shop: Shop):
    for category in "ABC":
        in_catalogue(shop, category=category)
    first = staff.get("/products/categories/?page_size=2").json()
    assert [entry["name"] for entry in follow(staff, first["next"])["results"]] == ["C"]
    assert len(follow(staff, staff.get("/users/?page_size=1").json()["next"])["results"]) == 1


def test_an_unknown_parameter_is_refused_and_the_known_ones_are_named(anyone: ApiClient):
    response = anyone.get("/products/?colour=red")
    assert errors(response) == [("colour", "unknown-field")]
    known = "category, company, min_price, max_price, in_stock, currency, search, ordering, page_size, cursor"
    assert response.json()["detail"] == f"colour: No such parameter. There are: {known}."


def test_an_operation_without_parameters_refuses_any(customer: ApiClient, apple: Product):
    line = {"product": apple.id, "quantity": 1}
    read = customer.get(f"/products/{apple.id}/?page=1")
    written = customer.post("/purchases/?page=1", {"items": [line]})
    for response in (read, written):
        assert errors(response) == [("page", "unknown-field")]
        assert response.json()["detail"] == "page: No such parameter: there are none here."


def test_a_caller_who_may_not_is_refused_before_parameters_are_looked_at(anyone: ApiClient):
    assert anyone.get("/users/me/?page=1").status_code == 401


def test_detail_names_the_first_field_and_counts_the_others(anyone: ApiClient):
    response = anyone.get("/products/?page_size=0&ordering=size")
    assert response.json()["detail"] == "page_size: Use a whole number from 1 to 100. `errors` has 1 more."
