"""The pages that one index has as a range, against the search that every other page takes: both find the same."""

from contextlib import contextmanager
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.pages import Position
from shop.domain.products import ProductOrder, ProductQuery
from shop.repositories.catalogue import Search
from tests.contract.conftest import shop_on_redis
from tests.contract.test_catalogue import CATEGORIES, COMPANIES, LIMITS, fill, some
from tests.contract.walks import forwards
from tests.samples import a_request, in_catalogue, products_page

orders = st.sampled_from(ProductOrder)
common = st.one_of(
    st.builds(ProductQuery, order=orders, descending=st.booleans()),
    st.builds(ProductQuery, category=st.sampled_from([*CATEGORIES, "None"]), order=orders, descending=st.booleans()),
    st.builds(ProductQuery, company=st.sampled_from([*COMPANIES, "None"]), order=orders, descending=st.booleans()),
    st.builds(
        ProductQuery,
        category=st.sampled_from([*CATEGORIES, "None"]),
        company=st.sampled_from([*COMPANIES, "None"]),
        order=orders,
        descending=st.booleans(),
    ),
    st.builds(
        ProductQuery,
        category=some(CATEGORIES),
        company=some(COMPANIES),
        min_price=some(LIMITS),
        max_price=some(LIMITS),
        order=st.just(ProductOrder.PRICE),
        descending=st.booleans(),
    ),
)


@pytest.fixture(scope="module", params=[1, 2])
def filled(request, redis_stack):
    """A random catalogue, with equal prices and names, withdrawn, edited and sold-out products."""
    with shop_on_redis(redis_stack) as shop:
        random = Random(request.param)
        yield shop, list(fill(shop, random))


@contextmanager
def searched():
    """No page is taken from an index alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Search, "_ordered_index", lambda search, keys: None)
        yield


@given(query=common, size=st.integers(2, 25))
def test_a_range_of_an_index_and_the_search_give_the_same_pages(filled, query, size):
    shop, _ = filled
    pages = forwards(lambda position: products_page(shop, query, size, position))
    with searched():
        assert forwards(lambda position: products_page(shop, query, size, position)) == pages


@given(query=common, size=st.integers(1, 25), backwards=st.booleans(), data=st.data())
def test_they_agree_at_any_position(filled, query, size, backwards, data):
    shop, _ = filled
    everything = products_page(shop, replace(query, category=None, company=None), 100, None)
    ends = [position.key for position in (everything.next, everything.previous) if position]
    cut = products_page(shop, replace(query, category=None, company=None), data.draw(st.integers(1, 40)), None)
    ends += [cut.next.key] if cut.next else []
    for key in ends:
        position = Position(key=key, backwards=backwards)
        page = products_page(shop, query, size, position)
        with searched():
            assert products_page(shop, query, size, position) == page


def test_a_category_cannot_name_an_index_of_another(filled):
    shop, _ = filled
    product = in_catalogue(shop, category="Tea:by_price")
    found = products_page(shop, ProductQuery(category="Tea:by_price"), 9, None).results
    shop.products.withdraw(a_request(), product.id, None)
    assert [each.id for each in found] == [product.id]


def test_a_product_that_changes_its_category_is_listed_there_alone(filled):
    shop, _ = filled
    product = in_catalogue(shop, category="Before", company="One")
    shop.products.update(
        a_request(), product.id, lambda p: p.with_changes(at=p.updated_at, category="After", company=""), None
    )
    asked = [{"category": "Before"}, {"category": "After"}, {"company": "One"}]
    queries = [ProductQuery(**filters, order=order) for filters in asked for order in ProductOrder]
    found = [len(products_page(shop, query, 9, None).results) for query in queries]
    shop.products.withdraw(a_request(), product.id, None)
    assert found == [0, 0, 0, 1, 1, 1, 0, 0, 0]
