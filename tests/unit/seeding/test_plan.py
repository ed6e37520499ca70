import pytest

from shop.seeding.plan import opening_stock


@pytest.mark.parametrize("demand", [0, 1, 1000])
def test_stock_covers_what_will_be_bought_whatever_the_chance(demand):
    left = [opening_stock(demand, chance) - demand for chance in range(1000)]
    assert min(left) == 0


def test_one_product_in_a_hundred_sells_out_and_two_have_a_handful():
    left = [opening_stock(100, chance) - 100 for chance in range(1000)]
    assert left.count(0) == 10
    assert sum(0 < units < 5 for units in left) == 20
