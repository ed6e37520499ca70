"""Shipping methods."""

from dataclasses import replace

import pytest

from shop.domain.errors import NotFound, PreconditionFailed, ShippingMethodTaken, TooManyShippingMethods
from shop.domain.events import EventQuery, EventType
from shop.domain.shipping_methods import MAX_SHIPPING_METHODS
from tests.samples import a_request, a_shipping_method, again, offered


def test_a_new_method_is_read_as_it_was_written(shop):
    method = offered(shop, countries=("AT", "DE"))
    assert shop.shipping_methods.get(method.code) == method


def test_a_method_without_countries_is_read_as_it_was_written(shop):
    method = offered(shop, countries=(), is_active=False)
    assert shop.shipping_methods.get(method.code) == method


def test_no_two_methods_have_one_code(shop):
    method = offered(shop)
    with pytest.raises(ShippingMethodTaken):
        shop.shipping_methods.create(a_request(), a_shipping_method(shop, code=method.code))


def test_a_repeat_of_a_creation_gets_the_same_method(shop):
    request, method = a_request(), a_shipping_method(shop)
    first = shop.shipping_methods.create(request, method)
    assert shop.shipping_methods.create(again(request), method) == first


def test_a_shop_has_no_more_methods_than_it_may(shop):
    for number in range(MAX_SHIPPING_METHODS):
        offered(shop, code=f"method-{number}")
    with pytest.raises(TooManyShippingMethods):
        offered(shop, code="one-more")
    assert len(shop.shipping_methods.page(MAX_SHIPPING_METHODS + 1, None).results) == MAX_SHIPPING_METHODS


def test_an_edit_makes_the_next_version(shop):
    method, now = offered(shop), shop.clock.now()
    result = shop.shipping_methods.update(
        a_request(), method.code, lambda each: each.with_changes(at=now, is_active=False), 1
    )
    assert result.value == replace(method, is_active=False, updated_at=now, version=2)
    assert shop.shipping_methods.get(method.code) == result.value


def test_an_edit_of_another_version_is_refused(shop):
    method = offered(shop)
    with pytest.raises(PreconditionFailed):
        shop.shipping_methods.update(a_request(), method.code, lambda each: each, 2)
    with pytest.raises(PreconditionFailed):
        shop.shipping_methods.delete(a_request(), method.code, 2)


def test_a_deleted_method_is_not_found(shop):
    method = offered(shop)
    shop.shipping_methods.delete(a_request(), method.code, None)
    with pytest.raises(NotFound):
        shop.shipping_methods.get(method.code)
    with pytest.raises(NotFound):
        shop.shipping_methods.delete(a_request(), method.code, None)
    assert shop.shipping_methods.page(10, None).results == []


def test_methods_are_listed_by_code_in_pages(shop):
    for code in ("slow", "express", "normal"):
        offered(shop, code=code)
    first = shop.shipping_methods.page(2, None)
    second = shop.shipping_methods.page(2, first.next)
    assert [[each.code for each in page.results] for page in (first, second)] == [["express", "normal"], ["slow"]]


def test_every_change_has_its_event(shop):
    method, now = offered(shop), shop.clock.now()
    shop.shipping_methods.update(a_request(), method.code, lambda each: each.with_changes(at=now, name="Other"), None)
    shop.shipping_methods.delete(a_request(), method.code, None)
    assert [event.type for event in shop.events.page(EventQuery(), 10, None).results] == [
        EventType.SHIPPING_METHOD_CREATED,
        EventType.SHIPPING_METHOD_UPDATED,
        EventType.SHIPPING_METHOD_DELETED,
    ]
