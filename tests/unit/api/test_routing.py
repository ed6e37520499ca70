"""Matches that are remembered: the same as Django's."""

import re
from itertools import chain

import pytest
from django.urls import Resolver404, URLResolver, include, resolve, reverse
from django.urls.resolvers import RoutePattern

from shop.api.fields import UUID_PATTERN
from shop.api.routing import MAX_SHAPES, RememberingResolver, remembering_path

ID, OTHER, ZEROS = "0191f0c2-7a1e-7c3d-8b5a-0123456789ab", "0191f0c2-7a1e-7c3d-8b5a-ffffffffffff", "0" * 8 + "-0000" * 3
ZEROS += "-" + "0" * 12
PATHS = [
    "api/v1/",
    "api/v1/products/",
    "api/v1/products/categories/",
    f"api/v1/products/{ID}/",
    f"api/v1/products/{OTHER}/",
    f"api/v1/products/{ZEROS}/",
    f"api/v1/products/{ID}/stock/",
    "api/v1/products/by-sku/APPLE/",
    f"api/v1/products/by-sku/{ID}/",
    f"api/v1/products/by-sku/x-{ID}/",
    f"api/v1/purchases/{ID}/cancel/",
    "api/v1/users/me/",
    "api/v1/users/me/export/",
    f"api/v1/users/{ID}/role/",
    f"api/v1/auth/sessions/{ID}/",
    "api/schema/",
]
UNKNOWN = [
    "",
    "api/v2/",
    f"api/v1/products/{ID}",
    f"api/v1/products/{ID.upper()}/",
    f"api/v1/products/{ID}/{OTHER}/",
    f"api/v1/products/{ID[:-1]}/",
    f"api/v1/{ID}/",
    f"{ID}/",
    "api/v1/products//",
    f"api/v1/products/{ID}/stock/{OTHER}/",
]
COMPARED = ("func", "args", "kwargs", "url_name", "view_name", "route", "namespaces", "app_names", "extra_kwargs")


@pytest.fixture
def remembering() -> RememberingResolver:
    return remembering_path("api/", include("shop.api.urls"))


@pytest.fixture
def plain() -> URLResolver:
    return URLResolver(RoutePattern("api/"), include("shop.api.urls")[0])


def match_of(resolver: URLResolver, path: str) -> dict:
    match = resolver.resolve(path)
    return {name: getattr(match, name) for name in COMPARED}


@pytest.mark.parametrize("path", PATHS)
def test_a_match_is_the_one_of_django_the_first_time_and_later(
    remembering: RememberingResolver, plain: URLResolver, path: str
):
    expected = match_of(plain, path)
    assert [match_of(remembering, path), match_of(remembering, path)] == [expected] * 2


@pytest.mark.parametrize("path", UNKNOWN)
def test_a_path_that_django_does_not_know_is_not_found_the_first_time_and_later(
    remembering: RememberingResolver, plain: URLResolver, path: str
):
    for resolver in (plain, remembering, remembering):
        with pytest.raises(Resolver404):
            resolver.resolve(path)


def test_each_request_gets_the_id_of_its_own_path(remembering: RememberingResolver):
    first, second = (remembering.resolve(f"api/v1/products/{id}/") for id in (ID, OTHER))
    assert (first.kwargs, second.kwargs) == ({"pk": ID}, {"pk": OTHER})


def test_no_more_shapes_are_remembered_than_the_limit(remembering: RememberingResolver):
    for number in range(2 * MAX_SHAPES):
        remembering.resolve(f"api/v1/products/by-sku/SKU-{number}/")
    assert remembering._resolve_shape.cache_info().currsize == MAX_SHAPES


def patterns_of(resolver: URLResolver) -> list[str]:
    """Every pattern below this one, as it is written."""
    below = [patterns_of(each) for each in resolver.url_patterns if isinstance(each, URLResolver)]
    return [str(each.pattern) for each in resolver.url_patterns] + list(chain.from_iterable(below))


def test_no_pattern_of_the_api_has_an_id_of_its_own(remembering: RememberingResolver):
    """A pattern that meant one particular id would be remembered for all."""
    patterns = patterns_of(remembering)
    assert len(patterns) > 20
    assert [pattern for pattern in patterns if re.search(UUID_PATTERN, pattern)] == []


def test_the_api_is_served_by_remembered_matches():
    assert reverse("products-detail", args=[ID]) == f"/api/v1/products/{ID}/"
    assert resolve(f"/api/v1/products/{ID}/").view_name == "products-detail"
