"""Every way of finding a page of the catalogue, taken with a few products: the limits in the scripts are lowered, and
the pages are compared with a list that is filtered and sorted."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.money import Money
from shop.domain.products import ProductOrder, ProductQuery
from shop.domain.surroundings import Clock
from shop.repositories import scripts
from tests.contract.conftest import shop_on_redis
from tests.contract.test_catalogue import expected, fill, queries, walked
from tests.contract.walks import backwards, forwards
from tests.samples import a_request, in_catalogue, products_page

#: For every way, by name of the constant: a small set, a chunk of arguments and a stride have two or three products.
LOWERED = {
    "BITMAP_THRESHOLD": 3,
    "SCAN_STRIDE_WORDS": 2,
    "MIN_SPARE_CANDIDATES": 2,
    "MAX_HMGET_FIELDS": 3,
    "SELECTIVITY_SAMPLE_SIZE": 2,
    "ZONE_PRODUCTS": 8,
}
#: No set is intersected, and no range of prices is read.
NEITHER = {"MAX_INTERSECTION_COST": 0, "SORT_THRESHOLD": 0}
WAYS = {
    "a scan of the order": {"MAX_BLOCKS": 32},
    "a scan of bitmaps": {"SCAN_ORDER_THRESHOLD": 0, "MAX_BLOCKS": 32} | NEITHER,
    "a scan of names that begin alike": {"SCAN_ORDER_THRESHOLD": 0, "MAX_TIES": 0, "TIES_STEP": 2} | NEITHER,
    "an intersection": {"SCAN_ORDER_THRESHOLD": 0, "COMBINED_ZONE_COST": 50000},
    "a sort of prices": {"SCAN_ORDER_THRESHOLD": 0, "SORT_DIVISOR": 1},
    "a scan of blocks": {"SCAN_ORDER_THRESHOLD": 0, "BLOCK_SCAN_THRESHOLD": 0, "MAX_BLOCKS": 32} | NEITHER,
    "a scan of few blocks": {"SCAN_ORDER_THRESHOLD": 4, "BLOCK_SCAN_THRESHOLD": 0, "MAX_BLOCKS": 2} | NEITHER,
    "a combination of few matches": {"SCAN_ORDER_THRESHOLD": 0, "MAX_COMBINED_PRODUCTS": 0} | NEITHER,
    # Of 70 products a bitmap has nine bytes: two are read.
    "sets that are asked": {"MAX_BITMAP_BYTES": 20, "MAX_COMBINED_PRODUCTS": 0, "MAX_INTERSECTION_COST": 0},
}
#: No way fills a page, and a scan of the order ends after a few entries.
ENDING = NEITHER | {
    "SCAN_ORDER_THRESHOLD": 0,
    "MAX_COMBINED_PRODUCTS": 0,
    "MAX_COMBINED_MATCHES": 0,
    "MAX_ZONES_COST": 0,
    "MAX_SCAN_COST": 12,
}


def lower(folder: Path, limits: dict[str, int]) -> None:
    """Give the constants these values, each in the one script that defines it."""
    for name, value in limits.items():
        definition = re.compile(rf"^local {name} = \d+$", re.MULTILINE)
        (script,) = [path for path in folder.rglob("*.lua") if definition.search(path.read_text("utf-8"))]
        script.write_text(definition.sub(f"local {name} = {value}", script.read_text("utf-8")), "utf-8")


@contextmanager
def lowered_scripts(folder: Path, limits: dict[str, int]) -> Iterator[None]:
    """The scripts with these limits, instead of those that are shipped."""
    shutil.copytree(str(scripts.FOLDER), folder)
    lower(folder, limits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripts, "FOLDER", folder)
        yield


@pytest.fixture(scope="module", params=WAYS)
def small_scripts(request, tmp_path_factory):
    with lowered_scripts(tmp_path_factory.mktemp("lua") / "lua", LOWERED | WAYS[request.param]):
        yield


@pytest.fixture(scope="module")
def filled(small_scripts, redis_stack):
    with shop_on_redis(redis_stack) as shop:
        yield shop, list(fill(shop, Random(11)))


@given(query=queries, size=st.integers(1, 25))
def test_every_query_lists_its_matches_in_order_by_every_way_of_finding_them(filled, query, size):
    shop, products = filled
    assert walked(shop, query, size) == expected(products, query)


@pytest.fixture(scope="module")
def shuffled(small_scripts, redis_stack):
    """A shop whose products were created in another order than their instants, several at some instants; edited,
    withdrawn and sold out."""
    with shop_on_redis(redis_stack) as shop:
        chance = Random(13)
        shop = replace(shop, clock=ShuffledClock(chance))
        yield shop, list(fill(shop, chance))


class ShuffledClock(Clock):
    """Goes back and forth between forty instants."""

    def __init__(self, chance):
        self._chance = chance

    def now(self):
        return datetime(2026, 11, 1, 12, self._chance.randrange(40), tzinfo=UTC)


@given(query=queries, size=st.integers(1, 25))
def test_zones_list_the_newest_whatever_the_order_of_numbers(shuffled, query, size):
    shop, products = shuffled
    query = replace(query, order=ProductOrder.CREATED_AT)
    assert walked(shop, query, size) == expected(products, query)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ProductOrder)
def test_a_catalogue_that_is_sold_out_is_listed(small_scripts, redis_stack, order, descending):
    with shop_on_redis(redis_stack) as shop:
        sold_out = [in_catalogue(shop, stock=0) for _ in range(9)]
        query = ProductQuery(in_stock=False, order=order, descending=descending)
        assert walked(shop, query, 2) == expected(sold_out, query)
        assert walked(shop, ProductQuery(in_stock=True, order=order, descending=descending), 2) == []


def test_a_set_that_was_emptied_and_filled_again_has_only_its_new_products(small_scripts, redis_stack):
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


@pytest.fixture(scope="module")
def ending(redis_stack, tmp_path_factory):
    """A shop whose searches end after a few entries, and its products."""
    limits = lowered_scripts(tmp_path_factory.mktemp("lua") / "lua", LOWERED | ENDING)
    with limits, shop_on_redis(redis_stack) as shop:
        yield shop, list(fill(shop, Random(17)))


def entries(pages):
    return [entry for page in pages for entry in page.results]


@given(query=queries, size=st.integers(1, 25))
def test_pages_that_end_at_a_limit_lead_on_to_every_match(ending, query, size):
    shop, products = ending

    def page_at(position):
        return products_page(shop, query, size, position)

    pages = forwards(page_at)
    assert entries(pages) == expected(products, query)
    assert all(len(page.results) <= size for page in pages)
    if pages[-1].results:
        assert entries(backwards(page_at, pages[-1])) == entries(pages[:-1])


def test_a_page_that_ends_at_its_limit_is_shorter_and_leads_on(ending):
    shop, products = ending
    query = ProductQuery(words=frozenset({"e", "s"}), in_stock=True, order=ProductOrder.NAME)
    page = products_page(shop, query, 25, None)
    assert len(page.results) < len(expected(products, query)) <= 25
    assert page.next
