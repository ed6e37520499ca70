from shop.api.problems import CODES, PROBLEMS
from shop.domain.errors import ShopError


def leaves(kind):
    return [leaf for child in kind.__subclasses__() for leaf in leaves(child)] or [kind]


def test_every_error_of_the_shop_has_a_problem_of_its_own():
    assert [error.__name__ for error in leaves(ShopError) if CODES.get(error) not in PROBLEMS] == []


def test_no_two_errors_of_the_shop_are_the_same_problem():
    assert len({CODES[error] for error in leaves(ShopError)}) == len(leaves(ShopError))


def test_the_table_has_no_errors_but_those_of_the_two_trees():
    assert {error.__module__ for error in CODES} == {
        "shop.domain.errors",
        "shop.domain.cart_errors",
        "shop.domain.voucher_errors",
        "exactly_once.errors",
    }
