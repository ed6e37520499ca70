"""The catalogue's pages with every way of finding them made to be taken by a few products: what is large, many and far
in the scripts is made small, and the pages are compared with a list that is filtered and sorted."""

import shutil
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.money import Money
from shop.domain.products import ProductOrder, ProductQuery
from shop.repositories import scripts
from tests.contract.conftest import shop_on_redis
from tests.contract.test_catalogue import expected, fill, queries, walked
from tests.samples import a_request, in_catalogue

SMALL = {
    "index_sets": {"FEW, FIRST = 1000,": "FEW, FIRST = 3,"},
    "product_ranks": {"STRIDE, KEPT = 16, 300": "STRIDE, KEPT = 2, 2"},
    "product_members": {"MOST_ARGUMENTS = 5000": "MOST_ARGUMENTS = 3"},
}
LIMITS = "SAMPLE, STEPS, MANY, ZONES = 64, 500, 3000, 12"
WAYS = {
    "walking": "SAMPLE, STEPS, MANY, ZONES = 2, 500, 3000, 32",
    "sifting": "SAMPLE, STEPS, MANY, ZONES = 2, 0, 3000, 32",
    "by zones": "SAMPLE, STEPS, MANY, ZONES = 2, 0, 0, 32",
    "by few zones": "SAMPLE, STEPS, MANY, ZONES = 2, 4, 0, 2",
}


def shrunk(text: str, changes: dict[str, str]) -> str:
    for large, small in changes.items():
        assert large in text
        text = text.replace(large, small)
    return text


@pytest.fixture(scope="module", params=WAYS)
def small_scripts(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lua") / "lua"
    shutil.copytree(str(scripts.FOLDER), folder)
    for name, changes in SMALL.items():
        part = folder / "parts" / f"{name}.lua"
        part.write_text(shrunk(part.read_text(encoding="utf-8"), changes), encoding="utf-8")
    page = folder / "product_page.lua"
    page.write_text(shrunk(page.read_text(encoding="utf-8"), {LIMITS: WAYS[request.param]}), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripts, "FOLDER", folder)
        yield


@pytest.fixture(scope="module")
def filled(small_scripts, redis_stack):
    with shop_on_redis(redis_stack) as shop:
        yield shop, list(fill(shop, Random(11)))


@given(query=queries, size=st.integers(1, 25))
def test_every_query_lists_what_it_asks_for_however_it_is_found(filled, query, size):
    shop, products = filled
    assert walked(shop, query, size) == expected(products, query)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ProductOrder)
def test_what_nobody_has_sold_out_of_is_still_listed(small_scripts, redis_stack, order, descending):
    with shop_on_redis(redis_stack) as shop:
        sold_out = [in_catalogue(shop, stock=0) for _ in range(9)]
        query = ProductQuery(in_stock=False, order=order, descending=descending)
        assert walked(shop, query, 2) == expected(sold_out, query)
        assert walked(shop, ProductQuery(in_stock=True, order=order, descending=descending), 2) == []


def test_a_set_that_was_emptied_and_filled_again_forgets_who_was_in_it(small_scripts, redis_stack):
    with shop_on_redis(redis_stack) as shop:
        products = [in_catalogue(shop, stock=0) for _ in range(5)]
        for product in products:
            shop.products.adjust_stock(a_request(), product.id, 1, None)
        sold_out = [in_catalogue(shop, stock=0) for _ in range(5)]
        assert walked(shop, ProductQuery(in_stock=False), 9) == sold_out[::-1]
        assert len(walked(shop, ProductQuery(in_stock=True), 9)) == len(products)


@pytest.mark.parametrize("limit", [0, 63, 64, 65, 96, 97, 16_000_000_000, 99_999_999_000_000])
def test_a_price_on_a_round_limit_is_on_both_sides_of_it(small_scripts, redis_stack, limit):
    with shop_on_redis(redis_stack) as shop:
        price = Money(minor=limit, currency="CLF")
        product = in_catalogue(shop, price=price)
        for low, high in ((limit, None), (None, limit), (limit, limit)):
            assert walked(shop, ProductQuery(min_price=low, max_price=high), 1) == [product]
        for low, high in ((limit + 1, None), (None, limit - 1)):
            assert walked(shop, ProductQuery(min_price=low, max_price=high), 1) == []
