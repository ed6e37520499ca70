"""A server that has just started, or was just promoted, knows no script."""

import pytest

from shop.domain.products import ProductQuery
from tests.contract.conftest import shop_on_redis
from tests.contract.test_exactly_once import WRITES, everything
from tests.samples import a_request, again, in_catalogue, products_page
from tests.store_access import run_once


@pytest.fixture
def shop(redis_stack):
    with shop_on_redis(redis_stack) as shop:
        yield shop


@pytest.fixture
def forget(redis_stack):
    """Makes every node forget every script."""

    def flush():
        for address in redis_stack.layout.redis.values():
            run_once(address, ("SCRIPT", "FLUSH"))

    return flush


@pytest.mark.parametrize("scene", WRITES.values(), ids=WRITES)
def test_a_write_and_its_repeat_survive_that_the_scripts_are_forgotten(shop, scene, forget):
    act, request = scene(shop), a_request()
    forget()
    first = act(request)
    forget()
    assert act(again(request)) == first


def test_a_read_survives_that_the_scripts_are_forgotten(shop, forget):
    in_catalogue(shop)
    seen = everything(shop)
    forget()
    assert everything(shop) == seen
    assert len(products_page(shop, ProductQuery(), 9, None).results) == 1


def test_many_writes_at_once_survive_that_the_scripts_are_forgotten(shop, forget):
    products = [in_catalogue(shop) for _ in range(3)]
    forget()
    asked = [(a_request(), product) for product in products]
    assert [type(outcome).__name__ for outcome in shop.products.create_all(asked)] == ["SkuTaken"] * 3
