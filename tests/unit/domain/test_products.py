from datetime import timedelta

import pytest

from shop.domain.products import Product
from tests.samples import a_product


@pytest.fixture
def product(shop) -> Product:
    return a_product(shop, stock=3)


def test_a_product_is_sold_when_no_unit_is_left(shop):
    assert a_product(shop, stock=0).is_sold
    assert not a_product(shop, stock=1).is_sold


def test_an_edit_is_the_next_version(product):
    later = product.created_at + timedelta(hours=1)
    product_after = product.with_changes(at=later, name="Braeburn")
    assert (product_after.name, product_after.version, product_after.updated_at) == ("Braeburn", 2, later)


def test_an_edit_leaves_other_fields_unchanged(product):
    product_after = product.with_changes(at=product.created_at)
    assert product_after == product.with_changes(at=product.created_at, name=product.name, stock=product.stock)


def test_an_edit_leaves_the_original_product_unchanged(product):
    product.with_changes(at=product.created_at, name="Braeburn")
    assert product.name == "Granny Smith"
