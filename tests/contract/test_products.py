from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.errors import (
    InsufficientStock,
    Invalid,
    NotFound,
    PreconditionFailed,
    Refusal,
    Shortage,
    SkuTaken,
    StockChanged,
)
from shop.domain.money import MAX_DIGITS, Money
from shop.domain.products import MAX_UNITS, Facet, ProductQuery
from shop.domain.purchases import Status
from tests.contract.walks import there_and_back
from tests.samples import a_product, a_request, in_catalogue, placed, products_page, registered, units

STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")
NOTHING = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=10)


def update(shop, product, if_match=None, **changes):
    return shop.products.update(
        a_request(), product.id, lambda present: present.with_changes(at=shop.clock.now(), **changes), if_match
    ).value


def adjust(shop, product, delta, expected=None):
    return shop.products.adjust_stock(a_request(), product.id, delta, expected).value


def withdraw(shop, product, if_match=None):
    return shop.products.withdraw(a_request(), product.id, if_match)


def listed(shop, **query):
    return [product.id for product in products_page(shop, ProductQuery(**query), 100, None).results]


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {
            "name": 'Crème brûlée 🍮 \'n "more"',
            "description": "Two\nlines,\ta tab",
            "category": "Süßes",
            "company": "Ω & Co",
        },
        {"description": "", "category": "", "company": "", "date_manufactured": None, "stock": 0},
        {"sku": "a b/c?d=é#%", "stock": MAX_UNITS},
        {"description": "x" * 10_000, "name": "n" * 200, "category": "c" * 200, "company": "o" * 200},
    ],
)
def test_a_product_is_read_as_it_was_written(shop, odd):
    product = a_product(shop, **odd)
    assert shop.products.create(a_request(), product).value == product
    assert shop.products.get(product.id) == shop.products.get_by_sku(product.sku) == product
    assert products_page(shop, ProductQuery(), 9, None).results == [product]


@pytest.mark.parametrize("minor", [0, 1, 10**MAX_DIGITS - 1])
def test_every_price_of_every_currency_is_read_as_it_was_written(shop, minor):
    prices = [Money(minor=minor, currency=currency) for currency in ("BHD", "CLF", "EUR", "JPY")]
    assert [shop.products.get(in_catalogue(shop, price=price).id).price for price in prices] == prices


def test_an_unknown_product_is_not_found(shop):
    for read in (lambda: shop.products.get(NOTHING), lambda: shop.products.get_by_sku("NOTHING")):
        with pytest.raises(NotFound):
            read()


def test_a_sku_names_one_product(shop, apple):
    with pytest.raises(SkuTaken):
        in_catalogue(shop, sku="APPLE", name="Another")
    assert shop.products.get_by_sku("APPLE") == apple
    assert listed(shop) == [apple.id]


def test_skus_are_told_apart_by_case(shop, apple):
    assert in_catalogue(shop, sku="apple").id == shop.products.get_by_sku("apple").id != apple.id


def test_of_many_that_are_created_at_once_under_one_sku_one_is(shop):
    products = [a_product(shop, sku="ONE") for _ in range(12)]
    with ThreadPoolExecutor(len(products)) as threads:
        outcomes = list(threads.map(lambda product: outcome_of(shop.products.create, a_request(), product), products))
    assert sorted(outcomes) == ["SkuTaken"] * 11 + ["WriteResult"]
    assert listed(shop) == [shop.products.get_by_sku("ONE").id]


def outcome_of(write, *args):
    try:
        return type(write(*args)).__name__
    except Refusal as refusal:
        return type(refusal).__name__


def test_an_edit_is_made_of_the_present_product_and_kept(shop, apple):
    seen = []
    edited = shop.products.update(
        a_request(), apple.id, lambda p: seen.append(p) or p.with_changes(at=shop.clock.now(), name="Braeburn"), None
    ).value
    assert seen == [apple]
    assert edited == replace(apple, name="Braeburn", version=2, updated_at=edited.updated_at)
    assert edited == shop.products.get(apple.id)


def test_everything_that_may_be_edited_is(shop, apple):
    new = {
        "name": "Pear",
        "description": "",
        "category": "",
        "company": "Elsewhere",
        "date_manufactured": None,
        "price": Money(minor=7, currency="JPY"),
    }
    assert update(shop, apple, **new) == replace(
        apple, **new, version=2, updated_at=shop.products.get(apple.id).updated_at
    )


def test_an_edit_keeps_what_was_sold_meanwhile(shop, apple):
    def change(product):
        adjust(shop, apple, -4)
        return product.with_changes(at=shop.clock.now(), name="Braeburn")

    assert shop.products.update(a_request(), apple.id, change, None).value.stock == 6
    assert shop.products.get(apple.id).stock == 6


def test_of_many_edits_at_once_none_is_lost(shop, apple):
    def append(number):
        return shop.products.update(
            a_request(), apple.id, lambda p: p.with_changes(at=p.updated_at, name=f"{p.name}-{number}"), None
        )

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(append, range(8)))
    edited = shop.products.get(apple.id)
    assert sorted(edited.name.split("-")[1:]) == [str(number) for number in range(8)]
    assert edited.version == 9


def test_an_edit_of_the_version_that_was_seen_is_made(shop, apple):
    assert update(shop, apple, if_match=1, name="Pear").version == 2


def test_a_sale_does_not_stand_in_the_way_of_an_edit(shop, apple):
    adjust(shop, apple, -1)
    assert update(shop, apple, if_match=1, name="Pear").version == 2


@pytest.mark.parametrize("write", [update, withdraw])
def test_another_version_than_the_one_that_was_seen_is_left_alone(shop, apple, write):
    update(shop, apple)
    with pytest.raises(PreconditionFailed) as refused:
        write(shop, apple, if_match=1)
    assert refused.value.version == shop.products.get(apple.id).version == 2


def test_what_an_edit_raises_comes_through_and_nothing_is_changed(shop, apple):
    def change(product):
        raise Invalid

    with pytest.raises(Invalid):
        shop.products.update(a_request(), apple.id, change, None)
    assert shop.products.get(apple.id) == apple


def test_an_edited_product_is_found_by_what_it_is_now_and_not_by_what_it_was(shop, apple):
    update(shop, apple, name="Pear", category="New", company="Elsewhere", price=Money(minor=9, currency="JPY"))
    now = [{"words": frozenset({"pear"})}, {"category": "New"}, {"company": "Elsewhere"}, {"currency": "JPY"}]
    before = [{"words": frozenset({"granny"})}, {"category": "Fruit"}, {"company": apple.company}, {"currency": "EUR"}]
    assert [listed(shop, **query) for query in now] == [[apple.id]] * 4
    assert [listed(shop, **query) for query in before] == [[]] * 4
    assert [listed(shop, max_price=price) for price in (11_999, 90_000)] == [[], [apple.id]]


def test_a_word_that_stays_in_another_field_still_finds_an_edited_product(shop):
    product = in_catalogue(shop, name="Apple", category="Apple pie")
    update(shop, product, name="Tart")
    assert listed(shop, words=frozenset({"apple"})) == [product.id]


def test_nothing_cannot_be_edited_withdrawn_or_adjusted(shop):
    nothing = a_product(shop)
    for write in (update, withdraw, lambda shop, product: adjust(shop, product, 1)):
        with pytest.raises(NotFound):
            write(shop, nothing)


def test_a_withdrawn_product_is_found_nowhere(shop, apple):
    withdraw(shop, apple)
    for read in (lambda: shop.products.get(apple.id), lambda: shop.products.get_by_sku("APPLE")):
        with pytest.raises(NotFound):
            read()
    queries = ({}, {"words": frozenset({"granny"})}, {"category": "Fruit"}, {"in_stock": True}, {"min_price": 0})
    assert [listed(shop, **query) for query in queries] == [[]] * 5
    assert shop.products.categories(9, None).results == shop.products.companies(9, None).results == []


def test_a_withdrawn_product_is_edited_withdrawn_and_adjusted_no_more(shop, apple):
    withdraw(shop, apple)
    for write in (update, withdraw, lambda shop, product: adjust(shop, product, 1)):
        with pytest.raises(NotFound):
            write(shop, apple)


def test_a_withdrawn_products_sku_is_free(shop, apple):
    withdraw(shop, apple)
    successor = in_catalogue(shop, sku="APPLE")
    assert shop.products.get_by_sku("APPLE") == successor
    with pytest.raises(NotFound):
        shop.products.get(apple.id)


def test_the_version_that_was_seen_is_withdrawn(shop, apple):
    withdraw(shop, apple, if_match=1)
    assert listed(shop) == []


@pytest.mark.parametrize(("delta", "left"), [(5, 15), (-3, 7), (-10, 0), (0, 10), (MAX_UNITS - 10, MAX_UNITS)])
def test_a_stock_is_adjusted_by_so_many_units(shop, apple, delta, left):
    assert adjust(shop, apple, delta) == left == shop.products.get(apple.id).stock


def test_a_stock_is_adjusted_without_an_edit(shop, apple):
    adjust(shop, apple, 5)
    adjusted = shop.products.get(apple.id)
    assert adjusted == replace(apple, stock=15, stock_changed_at=adjusted.stock_changed_at)


def test_a_new_products_stock_changed_when_it_was_created(apple):
    assert apple.stock_changed_at == apple.created_at


def test_every_change_of_the_stock_has_a_later_instant(shop, apple):
    buyer, instants = registered(shop), [apple.stock_changed_at]
    for delta in (5, -5):
        adjust(shop, apple, delta)
        instants.append(shop.products.get(apple.id).stock_changed_at)
    purchase = placed(shop, buyer.id, units(apple, 1))
    instants.append(shop.products.get(apple.id).stock_changed_at)
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=STAFF, restock=True, at=shop.clock.now())
    instants.append(shop.products.get(apple.id).stock_changed_at)
    assert instants == sorted(set(instants))
    assert len(instants) == 5


def test_what_changes_no_stock_leaves_the_instant_of_its_last_change(shop, apple):
    adjust(shop, apple, 5)
    changed = shop.products.get(apple.id).stock_changed_at
    update(shop, apple, name="Braeburn")
    adjust(shop, apple, 0)
    with pytest.raises(InsufficientStock):
        adjust(shop, apple, -99)
    assert shop.products.get(apple.id).stock_changed_at == changed


def test_a_product_has_the_same_instants_in_a_list(shop, apple):
    adjust(shop, apple, 5)
    assert products_page(shop, ProductQuery(), 9, None).results == [shop.products.get(apple.id)]


def test_a_stock_never_goes_below_nothing(shop, apple):
    with pytest.raises(InsufficientStock) as refused:
        adjust(shop, apple, -11)
    assert refused.value.shortages == (Shortage(product=apple.id, requested=11, available=10),)
    assert shop.products.get(apple.id).stock == 10


def test_a_stock_never_exceeds_what_a_stock_can_be(shop, apple):
    with pytest.raises(Invalid) as refused:
        adjust(shop, apple, MAX_UNITS - 9)
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [("/delta", "stock-too-large")]
    assert shop.products.get(apple.id).stock == 10


def test_a_stock_that_is_as_expected_is_adjusted(shop, apple):
    assert adjust(shop, apple, -1, expected=10) == 9


def test_a_stock_that_is_not_as_expected_is_left_alone(shop, apple):
    with pytest.raises(StockChanged) as refused:
        adjust(shop, apple, -100, expected=9)
    assert refused.value.stock == shop.products.get(apple.id).stock == 10


def test_nothing_may_be_expected(shop):
    assert adjust(shop, in_catalogue(shop, stock=0), 3, expected=0) == 3


def test_of_many_adjustments_at_once_none_is_lost(shop, apple):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda delta: adjust(shop, apple, delta), [3, -1] * 8))
    assert shop.products.get(apple.id).stock == 26


def test_a_product_moves_between_in_stock_and_sold_out(shop, apple):
    stages = []
    for delta in (-10, 4):
        adjust(shop, apple, delta)
        stages.append((listed(shop, in_stock=True), listed(shop, in_stock=False)))
    assert stages == [([], [apple.id]), ([apple.id], [])]


def test_categories_and_companies_are_listed_by_name_with_counts(shop):
    for name in ("Zoo", "Äpfel", "Apple", "Zoo", ""):
        in_catalogue(shop, category=name, company=name)
    expected = [Facet(name="Apple", count=1), Facet(name="Zoo", count=2), Facet(name="Äpfel", count=1)]
    assert shop.products.categories(9, None).results == shop.products.companies(9, None).results == expected


def test_a_category_is_listed_as_long_as_a_product_is_in_it(shop, apple):
    other = in_catalogue(shop, company="Elsewhere")
    update(shop, apple, category="Pome")
    assert shop.products.categories(9, None).results == [Facet(name="Fruit", count=1), Facet(name="Pome", count=1)]
    withdraw(shop, other)
    assert shop.products.categories(9, None).results == [Facet(name="Pome", count=1)]
    assert shop.products.companies(9, None).results == [Facet(name=apple.company, count=1)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_categories_and_companies_are_paged_in_both_directions(shop, size):
    for name in "ebdac":
        in_catalogue(shop, category=name, company=name)
    for facets in (shop.products.categories, shop.products.companies):
        found = there_and_back(lambda position, facets=facets: facets(size, position), size)
        assert [facet.name for facet in found] == list("abcde")
