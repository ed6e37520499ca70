"""No field of a body is forgotten on its way: what the examples say is what comes back."""

import pytest
from rest_framework.fields import empty

from shop.api import examples
from shop.api.products import NewProduct, ProductChange
from shop.api.users import Registration, UserChangeBody
from tests.samples import PASSWORD
from tests.unit.api.client import ApiClient

PRODUCTS, USERS = "/products/", "/users/"


def written(body, example: dict) -> dict:
    """The part of the example that a client may send in this body."""
    return {name: example[name] for name, field in body.fields.items() if name in example and not field.read_only}


@pytest.mark.parametrize(
    ("body", "example"),
    [
        (NewProduct(), examples.PRODUCT),
        (ProductChange(), examples.PRODUCT),
        (Registration(), examples.USER),
        (UserChangeBody(), examples.USER),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_example_has_no_default(body, example):
    defaults = {name: field.default for name, field in body.fields.items() if field.default is not empty}
    assert [name for name, value in written(body, example).items() if defaults.get(name) == value] == []


def test_a_product_is_made_of_every_field_that_is_sent(staff: ApiClient):
    sent = written(NewProduct(), examples.PRODUCT)
    answered = staff.post(PRODUCTS, sent).json()
    assert {name: answered[name] for name in sent} == sent


def test_a_product_is_changed_in_every_field_that_is_sent(staff: ApiClient, apple):
    sent = written(ProductChange(), examples.PRODUCT)
    answered = staff.patch(f"{PRODUCTS}{apple.id}/", sent).json()
    assert {name: answered[name] for name in sent} == sent


def test_a_user_is_made_of_every_field_that_is_sent(anyone: ApiClient):
    sent = written(Registration(), examples.USER)
    answered = anyone.post(USERS, {**sent, "password": PASSWORD}).json()
    assert {name: answered[name] for name in sent} == sent


def test_a_user_is_changed_in_every_field_that_is_sent(customer: ApiClient, ada):
    sent = {**written(UserChangeBody(), examples.USER), "email": "countess@example.com"}
    answered = customer.patch(f"{USERS}{ada.id}/", {**sent, "current_password": PASSWORD}).json()
    assert {name: answered[name] for name in sent} == sent
