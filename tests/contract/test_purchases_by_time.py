"""Lists of purchases that were placed within limits of time, as pages in both directions."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.domain.purchases import PurchaseQuery, Status
from tests.contract.test_figures import placed_at
from tests.samples import in_catalogue, registered, units

START = datetime(2026, 10, 30, 23, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def bought(shop):
    buyer, apple = registered(shop).id, in_catalogue(shop, stock=100)
    return [placed_at(shop, buyer, START + MINUTE * each, units(apple, 1)) for each in range(10)]


def walked(shop, query):
    """Every page forwards, and then back to the first one."""
    pages = [shop.purchases.page(query, 2, None)]
    while pages[-1].next:
        pages.append(shop.purchases.page(query, 2, pages[-1].next))
        assert len(pages) < 10
    back = [pages[-1]]
    while back[-1].previous:
        back.append(shop.purchases.page(query, 2, back[-1].previous))
        assert len(back) < 10
    return [[p.id for p in page.results] for page in pages], [[p.id for p in page.results] for page in back]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(("first", "end"), [(2, 7), (0, 10), (None, 7), (2, None), (3, 3)])
def test_a_list_has_the_purchases_from_the_first_instant_to_before_the_second(shop, bought, descending, first, end):
    query = PurchaseQuery(
        status=Status.PLACED,
        since=None if first is None else START + MINUTE * first,
        until=None if end is None else START + MINUTE * end,
        descending=descending,
    )
    expected = [purchase.id for purchase in bought[first:end]]
    forwards, backwards = walked(shop, query)
    found = [id for page in forwards for id in page]
    assert found == (expected[::-1] if descending else expected)
    assert [id for page in reversed(backwards) for id in page] == found
