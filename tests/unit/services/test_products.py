import pytest

from shop.domain.errors import InsufficientStock, NotFound, PreconditionFailed, SkuTaken, StockChanged
from shop.domain.products import Facet, ProductQuery, product_document
from shop.services.products import (
    product_adjust_stock,
    product_categories,
    product_companies,
    product_create,
    product_get,
    product_get_by_sku,
    product_list,
    product_update,
    product_withdraw,
)
from tests.samples import a_request, again, details, euros, in_catalogue


def create(shop, request=None, sku="APPLE-1", **changes):
    return product_create(shop=shop, request=request or a_request(), sku=sku, details=details(**changes), stock=5)


def update(shop, product, if_match=None, **changes):
    return product_update(
        shop=shop, request=a_request(), id=product.id, change=lambda present: details(**changes), if_match=if_match
    )


def test_a_new_product_has_its_details_and_version_one(shop):
    product = create(shop).value
    assert (product.sku, product.name, product.stock, product.version) == ("APPLE-1", "Granny Smith", 5, 1)
    assert product.created_at == product.updated_at


def test_a_new_product_is_found_by_id_and_by_sku(shop):
    product = create(shop).value
    assert product_get(shop=shop, id=product.id) == product_get_by_sku(shop=shop, sku="APPLE-1") == product


def test_a_repeated_creation_creates_one_product(shop):
    request = a_request()
    assert create(shop, request) == create(shop, again(request))


def test_a_sku_names_one_product(shop):
    create(shop)
    with pytest.raises(SkuTaken):
        create(shop, name="Braeburn")


def test_the_catalogue_lists_newest_first_where_nothing_else_is_asked(shop):
    older, newer = in_catalogue(shop), in_catalogue(shop)
    assert product_list(shop=shop, query=ProductQuery(), size=9, position=None).results == [
        product_document(newer),
        product_document(older),
    ]


def test_categories_and_companies_are_counted(shop):
    create(shop)
    create(shop, sku="APPLE-2", category="Fruit", company="Elsewhere")
    assert product_categories(shop=shop, size=9, position=None).results == [Facet(name="Fruit", count=2)]
    companies = product_companies(shop=shop, size=9, position=None).results
    assert companies == [Facet(name="Elsewhere", count=1), Facet(name="Orchard & Sons", count=1)]


def test_an_edit_leaves_sku_and_stock_unchanged(shop):
    product = in_catalogue(shop, stock=3)
    product_after = update(shop, product, name="Braeburn", price=euros("2.00")).value
    assert (product_after.name, product_after.price, product_after.version) == ("Braeburn", euros("2.00"), 2)
    assert (product_after.sku, product_after.stock, product_after.created_at) == (product.sku, 3, product.created_at)
    assert product_after.updated_at > product.updated_at


def test_an_edit_is_made_of_the_present_product(shop):
    present = []
    product = in_catalogue(shop)
    product_update(
        shop=shop, request=a_request(), id=product.id, change=lambda p: present.append(p) or details(), if_match=None
    )
    assert present == [product]


def test_an_edit_of_an_older_version_is_refused(shop):
    product = in_catalogue(shop)
    update(shop, product)
    with pytest.raises(PreconditionFailed) as raised:
        update(shop, product, if_match=1)
    assert raised.value.version == 2


def test_a_withdrawn_product_is_not_found(shop):
    product = in_catalogue(shop)
    product_withdraw(shop=shop, request=a_request(), id=product.id, if_match=None)
    with pytest.raises(NotFound):
        product_get(shop=shop, id=product.id)


def test_stock_goes_up_and_down(shop):
    product = in_catalogue(shop, stock=3)
    assert product_adjust_stock(shop=shop, request=a_request(), id=product.id, delta=4, expected=3).value == 7
    assert product_adjust_stock(shop=shop, request=a_request(), id=product.id, delta=-7, expected=None).value == 0


def test_stock_never_goes_below_nothing(shop):
    product = in_catalogue(shop, stock=3)
    with pytest.raises(InsufficientStock):
        product_adjust_stock(shop=shop, request=a_request(), id=product.id, delta=-4, expected=None)


def test_stock_that_changed_meanwhile_is_not_adjusted(shop):
    product = in_catalogue(shop, stock=3)
    with pytest.raises(StockChanged) as raised:
        product_adjust_stock(shop=shop, request=a_request(), id=product.id, delta=1, expected=2)
    assert raised.value.stock == 3
