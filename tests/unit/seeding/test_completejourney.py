from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

import pytest

from shop.domain.purchases import Status
from shop.domain.text import MAX_SHORT_CHARS
from shop.seeding import completejourney
from shop.seeding.completejourney_catalogue import DEFAULT_PRICE, category, name
from shop.seeding.grocer import Coupon, Grocer, Listing, Sales
from tests.fakes import FakeStore
from tests.samples import without_stock_instants
from tests.unit.seeding.carrying_out import load, loaded, sold

START = int(datetime(2017, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)
MILK, WINE, FUEL, CARD, SOAP, RARITY = 101, 102, 103, 104, 105, 106
LISTINGS = [
    Listing(MILK, 69, "GROCERY", "Private", "FLUID MILK PRODUCTS", "FLUID MILK WHITE ONLY", " 1 GA"),
    Listing(WINE, 2, "SPIRITS", "National", "DOMESTIC WINE", "PREMIUM 750ML WINES", "750 ML"),
    Listing(FUEL, 69, "FUEL", "Private", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", ""),
    Listing(CARD, 7, "DRUG GM", "National", "GREETING CARDS/WRAP/PARTY SPLY", "SEASONAL", ""),
    Listing(SOAP, 7, "DRUG GM", "National", "", "", ""),
    Listing(RARITY, 7, "TOYS", "National", "TOYS AND GAMES", "GAMES", ""),
]


def a_line(basket, product, quantity, value, *, household=1, minutes=0):
    return household, basket, START + minutes * 60_000, product, quantity, value


def sales(*lines) -> Sales:
    household, basket, at, product, quantity, value = zip(*lines, strict=True)
    return Sales(household=household, basket=basket, at=at, product=product, quantity=quantity, value=value)


def a_grocer(*lines, listings=LISTINGS, coupons=()) -> Grocer:
    return Grocer(households=3, listings=listings, sales=sales(*lines), coupons=coupons)


LINES = [
    a_line(1, MILK, 2, 5.00),
    a_line(1, WINE, 1, 9.99),
    a_line(1, MILK + 900, 1, 1.00),
    a_line(2, MILK, 1, 2.60, household=2, minutes=1),
    a_line(2, CARD, 0, 0.00, household=2, minutes=1),
    a_line(3, CARD, 0, 0.00, household=2, minutes=2),
    a_line(4, MILK, 1, 2.40, household=3, minutes=3),
    a_line(4, CARD, 2, 6.00, household=3, minutes=3),
    a_line(5, FUEL, 10_400, 25.00, household=3, minutes=4),
]


@pytest.fixture(scope="module")
def store():
    return loaded(completejourney.plan(a_grocer(*LINES), None))


def by_sku(store):
    return {product.sku: product for product in store.products.values()}


def test_every_basket_with_something_in_it_is_a_purchase_of_its_household_at_its_instant(store):
    bought = sorted(store.purchases.values(), key=lambda purchase: purchase.created_at)
    assert [[(item.sku, item.quantity) for item in purchase.items] for purchase in bought] == [
        [("CJ-101", 2), ("CJ-102", 1)],
        [("CJ-101", 1)],
        [("CJ-101", 1), ("CJ-104", 2)],
        [("CJ-103", 10)],
    ]
    emails = [store.users[purchase.user].email.partition("@")[0] for purchase in bought]
    assert emails == ["household-1", "household-2", "household-3", "household-3"]
    assert bought[1].created_at == datetime(2017, 1, 1, 12, 1, tzinfo=UTC)


def test_what_is_left_out_is_said():
    assert completejourney.plan(a_grocer(*LINES), None).left_out == [
        "1 lines of products that the grocer does not list",
        "2 lines of no units (coupons, returns)",
        "1 baskets without any such line",
    ]


def test_every_household_is_a_user_whether_it_bought_or_not(store):
    assert len(store.users) == 3


def test_a_price_is_the_median_of_what_was_paid_for_a_unit(store):
    assert str(by_sku(store)["CJ-101"].price) == "2.50"


def test_fuel_is_sold_by_the_gallon_and_not_by_its_thousandth(store):
    assert str(by_sku(store)["CJ-103"].price) == "2.40"


def test_what_was_never_sold_costs_what_its_department_does_or_else_a_usual_price(store):
    products = by_sku(store)
    assert products["CJ-105"].price == products["CJ-104"].price
    assert products["CJ-106"].price.minor == DEFAULT_PRICE


def test_stock_covers_all_baskets_even_when_few_are_asked_for():
    grocer = a_grocer(*LINES)
    store = loaded(completejourney.plan(grocer, 1))
    assert len(store.purchases) == 1
    *_, purchases = load(completejourney.plan(grocer, None), store)
    assert (purchases.present, purchases.made) == (1, 3)
    whole = loaded(completejourney.plan(grocer, None))
    assert without_stock_instants(by_sku(store)) == without_stock_instants(by_sku(whole))


def test_a_basket_of_more_lines_than_a_purchase_may_have_becomes_several():
    listings = [LISTINGS[0]._replace(product=number) for number in range(1, 251)]
    lines = [a_line(9, number, 1, 1.00) for number in range(1, 251)]
    store = loaded(completejourney.plan(a_grocer(*lines, listings=listings), None))
    assert sorted(len(purchase.items) for purchase in store.purchases.values()) == [50, 100, 100]
    assert set(sold(store).values()) == {1}


COUPONS = [Coupon(51, 50, (1, 2)), Coupon(52, 200, (1,)), Coupon(53, 20, (1,))]


def through_carts(*coupons) -> FakeStore:
    return loaded(replace(completejourney.plan(a_grocer(*LINES, coupons=coupons), None), is_through_carts=True))


def test_baskets_that_go_through_carts_are_paid_and_delivered_at_their_instants(store):
    bought = through_carts().purchases
    assert bought.keys() == store.purchases.keys()
    assert {purchase.status for purchase in bought.values()} == {Status.DELIVERED}
    assert all(
        purchase.cart and purchase.created_at == store.purchases[id].created_at for id, purchase in bought.items()
    )


def test_a_coupon_is_a_voucher_that_its_baskets_redeem_and_of_several_the_one_that_takes_off_most():
    store = through_carts(*COUPONS)
    bought = sorted(store.purchases.values(), key=lambda purchase: purchase.created_at)
    assert [(purchase.voucher, purchase.discount) for purchase in bought] == [
        ("CJ-52", 200),
        ("CJ-51", 50),
        ("", 0),
        ("", 0),
    ]
    assert {code: (voucher.redeemed, voucher.limit) for code, voucher in store.vouchers.items()} == {
        "CJ-51": (1, 1),
        "CJ-52": (1, 1),
    }


def test_ids_stay_the_same_whatever_else_is_asked_for():
    few, many = (completejourney.plan(a_grocer(*LINES), baskets) for baskets in (2, None))
    assert many.purchases.ids[:2] == few.purchases.ids
    assert many.products.ids == few.products.ids
    assert max(Counter(chain(many.users.ids, many.products.ids, many.purchases.ids)).values()) == 1


@pytest.mark.parametrize(
    ("listing", "said"),
    [
        (LISTINGS[0], "Fluid Milk White Only, 1 ga"),
        (LISTINGS[1], "Premium 750ml Wines, 750 ml"),
        (LISTINGS[2], "Gasoline-Reg Unleaded (Coupon/Misc Items)"),
        (LISTINGS[3], "Seasonal (Greeting Cards/Wrap/Party Sply)"),
        (LISTINGS[4], "Drugstore 105"),
    ],
)
def test_a_name_says_what_it_is_and_how_much_and_what_kind_of_thing(listing, said):
    assert name(listing) == said
    assert len(said) <= MAX_SHORT_CHARS


def test_departments_are_called_as_a_shop_would_call_them():
    assert [category(listing) for listing in LISTINGS] == [
        "Grocery",
        "Spirits",
        "Fuel",
        "Drugstore",
        "Drugstore",
        "Toys",
    ]


def test_brand_and_manufacturer_make_the_company(store):
    assert by_sku(store)["CJ-101"].company == "Private Brand 69"
