import re

import pytest

from shop.domain import errors
from shop.domain.errors import (
    FieldError,
    InsufficientStock,
    Invalid,
    InvalidTransition,
    MixedCurrencies,
    NotFound,
    PreconditionFailed,
    ShopError,
    Shortage,
    SkuTaken,
    StockChanged,
    UnknownProduct,
)


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes():
    assert list(_drawn()) == list(_there(ShopError))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Invalid(FieldError("/a", "bad", "No a."), FieldError("/b", "bad", "No b.")), "/a: No a.; /b: No b."),
        (NotFound("product", "p1"), "There is no product p1."),
        (
            InsufficientStock([Shortage(product="p1", requested=3, available=2)]),
            "Insufficient stock: 3 requested, 2 available of p1.",
        ),
        (StockChanged(7), "The present stock is 7."),
        (UnknownProduct(["p1", "p2"]), "Not in the catalogue: p1, p2."),
        (MixedCurrencies(["EUR", "JPY"]), "The prices are in EUR, JPY."),
        (
            InvalidTransition("shipped", "cancelled", ["delivered"]),
            "A purchase that is shipped cannot become cancelled.",
        ),
        (PreconditionFailed(4), "The present version is 4."),
    ],
)
def test_an_error_has_a_message(error, message):
    assert str(error) == message


def test_an_error_carries_its_values():
    shortage = Shortage(product="p1", requested=3, available=2)
    assert InsufficientStock([shortage]).shortages == (shortage,)
    assert UnknownProduct(["p1"]).products == ("p1",)
    assert InvalidTransition("shipped", "cancelled", ["delivered"]).allowed == ("delivered",)


def test_a_new_refusal_has_no_origin_request_id():
    assert SkuTaken().origin_request_id == ""


def _there(error, depth=0):
    yield depth, error.__name__
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _there(child, depth + 1)


def _drawn():
    for line in errors.__doc__.split("\n\n")[1].splitlines():
        indent, name = re.match(r"([│├└─ ]*)(\w+)", line).groups()
        yield len(indent) // 4, name
