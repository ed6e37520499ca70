"""Addresses without their trailing slash."""

import pytest
from django.test import Client

from tests.unit.api.client import ApiClient, problem


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_a_missing_slash_is_answered_with_308_whatever_the_method(anyone: ApiClient, method: str):
    response = anyone.send(method, "/products")
    assert (response.status_code, response.headers["Location"]) == (308, "/api/v1/products/")


def test_the_redirect_repeats_the_query(anyone: ApiClient):
    response = anyone.get("/products?page_size=1&search=a%20b")
    assert response.headers["Location"] == "/api/v1/products/?page_size=1&search=a%20b"


def test_a_post_that_follows_the_redirect_is_carried_out(staff: ApiClient):
    body = {"sku": "TEA", "name": "Tea", "price": "1", "currency": "EUR"}
    location = staff.post("/products", body).headers["Location"]
    assert staff.post(location.removeprefix("/api/v1"), body).status_code == 201


@pytest.mark.parametrize("path", ["/status", "/api/docs", "/api/v1/products/by-sku/TEA"])
def test_other_addresses_lead_to_theirs(path: str):
    response = Client().get(path)
    assert (response.status_code, response.headers["Location"]) == (308, f"{path}/")


@pytest.mark.parametrize("path", ["/products/nothing", "/nothing", "/products/by-sku/a/b"])
def test_an_address_that_has_no_resource_with_a_slash_either_is_not_found(anyone: ApiClient, path: str):
    assert problem(anyone.get(path)) == (404, "not-found")


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/api/v1/products", "/\\evil.example/api"])
def test_no_redirect_leads_to_another_host(path: str):
    assert Client().generic("GET", "/", PATH_INFO=path).status_code == 404
