from datetime import date

from shop.seeding.completejourney_coupons import Discounted, Redemption, redeemed
from shop.seeding.grocer import Coupon

MONDAY, TUESDAY = date(2017, 3, 6), date(2017, 3, 7)
MILK, WINE = 101, 102
PRODUCTS = {51: frozenset({MILK}), 52: frozenset({WINE})}


def found(redemptions, lines):
    return list(redeemed(PRODUCTS, redemptions, lines))


def test_a_redemption_is_in_the_first_basket_of_its_household_and_day_with_a_discount_on_its_product():
    lines = [
        Discounted(1, 10, MILK, MONDAY, 0.5),
        Discounted(2, 20, WINE, TUESDAY, 0.5),
        Discounted(2, 21, MILK, TUESDAY, 0.5),
        Discounted(2, 22, MILK, TUESDAY, 0.5),
    ]
    assert found([Redemption(2, 51, TUESDAY)], lines) == [Coupon(51, 50, (21,))]


def test_a_coupon_takes_off_the_median_of_what_it_took_off():
    lines = [Discounted(household, household, MILK, MONDAY, household / 4) for household in (1, 2, 7)]
    assert found([Redemption(household, 51, MONDAY) for household in (1, 2, 7)], lines) == [Coupon(51, 50, (1, 2, 7))]


def test_a_basket_redeems_a_coupon_once():
    lines = [Discounted(1, 10, MILK, MONDAY, 0.5)]
    assert found([Redemption(1, 51, MONDAY), Redemption(1, 51, MONDAY)], lines) == [Coupon(51, 50, (10,))]


def test_redemptions_without_a_basket_are_left_out():
    lines = [Discounted(1, 10, MILK, MONDAY, 0.5)]
    assert found([Redemption(1, 52, MONDAY), Redemption(3, 51, MONDAY), Redemption(1, 99, MONDAY)], lines) == []
