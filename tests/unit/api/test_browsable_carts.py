"""Carts in the browsable API: by forms from the creation to the purchase."""

import re

import pytest

from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from tests.unit.api.test_browsable import Visitor, status

CARTS = "/api/v1/carts/"


@pytest.fixture
def visitor(ada: User) -> Visitor:
    return Visitor(ada)


@pytest.fixture
def cart(visitor: Visitor) -> str:
    """The address of a cart of the visitor's own."""
    page = visitor.submit(visitor.open(CARTS), "create-form", currency="EUR")
    assert status(page) == "201 Created"
    id = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", page)
    assert id
    return f"{CARTS}{id[0]}/"


def test_a_cart_is_filled_held_and_bought_by_forms(visitor: Visitor, cart: str, apple: Product, shop: Shop):
    line = f"{cart}lines/{apple.id}/"
    assert status(visitor.submit(visitor.open(line), "put-line-form", quantity="2")) == "200 OK"
    assert status(visitor.submit(visitor.open(cart), "hold-form", minutes="5")) == "200 OK"
    bought = visitor.submit(visitor.open("/api/v1/purchases/"), "create-form", cart=cart.split("/")[-2])
    assert status(bought) == "201 Created"
    assert shop.products.get(apple.id).stock == 8


def test_an_address_has_an_input_for_each_of_its_fields(visitor: Visitor, cart: str):
    address = {"name": "Ada", "line_1": "12 St James's Square", "city": "London", "country": "GB"}
    sent = {f"shipping_address__{name}": value for name, value in address.items()}
    page = visitor.submit(visitor.open(cart), "partial-update-form", **sent)
    assert status(page) == "200 OK"
    assert 'value="London"' in visitor.open(cart)


def test_an_address_that_is_not_whole_is_marked_where_it_is_not(visitor: Visitor, cart: str):
    page = visitor.submit(visitor.open(cart), "partial-update-form", shipping_address__city="London")
    assert status(page) == "400 Bad Request"
    assert 'id="partial-update-form-shipping_address-name-error"' in page


def test_a_line_is_taken_out_and_a_hold_released_by_forms(visitor: Visitor, cart: str, apple: Product):
    line = f"{cart}lines/{apple.id}/"
    visitor.submit(visitor.open(line), "put-line-form", quantity="2")
    visitor.submit(visitor.open(cart), "hold-form", minutes="5")
    assert status(visitor.submit(visitor.open(f"{cart}hold/"), "release-form")) == "200 OK"
    assert status(visitor.submit(visitor.open(line), "remove-line-form")) == "200 OK"
