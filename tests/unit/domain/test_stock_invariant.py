import pytest

from shop.domain.stock_invariant import Ledger, units_held


def a_ledger(**changes) -> Ledger:
    ledger = Ledger()
    ledger.add_product("p", **{"opening": 10, "adjusted": -2, "stock": 5, **changes})
    ledger.add_sale("p", 3)
    return ledger


def codes(ledger):
    return [finding.code for finding in ledger.violations()]


def test_opening_stock_plus_adjustments_less_sales_is_the_stock():
    assert codes(a_ledger()) == []


@pytest.mark.parametrize("change", [{"stock": 6}, {"opening": 9}, {"adjusted": 0}])
def test_a_stock_that_does_not_add_up_is_a_violation_with_its_figures(change):
    (breach,) = a_ledger(**change).violations()
    assert (breach.code, breach.subject) == ("stock-law", "product p")
    assert "3 sold" in breach.detail


def test_negative_stock_is_a_violation_even_where_it_adds_up():
    assert codes(a_ledger(opening=4, stock=-1)) == ["negative-stock"]


def test_a_sale_of_an_unknown_product_is_reported():
    assert not a_ledger().add_sale("other", 1)


@pytest.mark.parametrize(
    ("is_restocked", "restocked", "held"),
    [
        (False, {}, {"p": 3, "q": 2}),
        (False, {"p": 1, "q": 2}, {"p": 2, "q": 0}),
        (True, {}, {"p": 0, "q": 0}),
    ],
)
def test_a_purchase_holds_the_units_that_have_not_come_back(is_restocked, restocked, held):
    assert units_held({"p": 3, "q": 2}, is_restocked=is_restocked, restocked=restocked) == held
