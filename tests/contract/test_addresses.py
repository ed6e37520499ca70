"""Addresses of users."""

from dataclasses import replace

import pytest

from exactly_once.errors import OutcomeErased
from shop.domain.addresses import MAX_ADDRESSES
from shop.domain.errors import NotFound, PreconditionFailed, TooManyAddresses
from shop.domain.events import EventQuery, EventType
from tests.samples import a_request, again, an_address, at_home, registered


@pytest.fixture
def ada(shop):
    return registered(shop)


def test_the_first_address_becomes_the_default(shop, ada):
    first, second = at_home(shop, ada), at_home(shop, ada)
    assert (first.is_default, second.is_default) == (True, False)
    assert shop.addresses.get(ada.id, first.id) == first
    assert shop.addresses.page(ada.id, 10, None).results == [second, first]


def test_a_new_default_takes_the_place_of_the_former_one(shop, ada):
    first, second = at_home(shop, ada), at_home(shop, ada, is_default=True)
    assert [each.is_default for each in shop.addresses.page(ada.id, 10, None).results] == [True, False]
    shop.addresses.set_default(a_request(), ada.id, first.id)
    assert [each.is_default for each in shop.addresses.page(ada.id, 10, None).results] == [False, True]
    assert not shop.addresses.get(ada.id, second.id).is_default


def test_a_default_that_is_deleted_has_no_successor(shop, ada):
    first, second = at_home(shop, ada), at_home(shop, ada)
    shop.addresses.delete(a_request(), ada.id, first.id, 1)
    assert shop.addresses.page(ada.id, 10, None).results == [second]


def test_a_user_has_no_more_addresses_than_a_user_may(shop, ada):
    for _ in range(MAX_ADDRESSES):
        at_home(shop, ada)
    with pytest.raises(TooManyAddresses):
        at_home(shop, ada)
    assert len(shop.addresses.page(ada.id, MAX_ADDRESSES + 1, None).results) == MAX_ADDRESSES


def test_addresses_are_listed_newest_first_in_pages(shop, ada):
    addresses = [at_home(shop, ada) for _ in range(3)]
    first = shop.addresses.page(ada.id, 2, None)
    second = shop.addresses.page(ada.id, 2, first.next)
    assert [each.id for page in (first, second) for each in page.results] == [each.id for each in addresses[::-1]]
    assert shop.addresses.page(ada.id, 2, second.previous).results == first.results
    assert second.next is None


def test_an_edit_makes_the_next_version(shop, ada):
    address, now = at_home(shop, ada), shop.clock.now()
    result = shop.addresses.update(
        a_request(), ada.id, address.id, lambda each: each.with_changes(at=now, city="Turin"), 1
    )
    assert result.value == replace(address, city="Turin", updated_at=now, version=2)
    assert shop.addresses.get(ada.id, address.id) == result.value


def test_an_edit_of_another_version_is_refused(shop, ada):
    address = at_home(shop, ada)
    with pytest.raises(PreconditionFailed):
        shop.addresses.update(a_request(), ada.id, address.id, lambda each: each, 2)
    with pytest.raises(PreconditionFailed):
        shop.addresses.delete(a_request(), ada.id, address.id, 2)


def test_addresses_of_another_user_are_not_found(shop, ada):
    address, bob = at_home(shop, ada), registered(shop)
    with pytest.raises(NotFound):
        shop.addresses.get(bob.id, address.id)
    with pytest.raises(NotFound):
        shop.addresses.set_default(a_request(), bob.id, address.id)
    with pytest.raises(NotFound):
        shop.addresses.delete(a_request(), bob.id, address.id, None)


def test_a_repeat_stores_no_second_address(shop, ada):
    request, address = a_request(), an_address(shop)
    first = shop.addresses.create(request, ada.id, address)
    assert shop.addresses.create(again(request), ada.id, an_address(shop)) == first
    assert len(shop.addresses.page(ada.id, 10, None).results) == 1


def test_addresses_are_erased_with_their_user(shop, ada):
    request, address = a_request(), an_address(shop)
    shop.addresses.create(request, ada.id, address)
    shop.users.delete(a_request(), ada.id, None)
    assert shop.addresses.page(ada.id, 10, None).results == []
    with pytest.raises(NotFound):
        at_home(shop, ada)
    with pytest.raises(OutcomeErased):
        shop.addresses.create(again(request), ada.id, address)


def test_every_change_has_its_event_without_the_address(shop, ada):
    address = at_home(shop, ada)
    shop.addresses.update(a_request(), ada.id, address.id, lambda each: each, None)
    shop.addresses.set_default(a_request(), ada.id, address.id)
    shop.addresses.delete(a_request(), ada.id, address.id, None)
    events = shop.events.page(EventQuery(type=EventType.USER_ADDRESSES_CHANGED), 10, None).results
    assert [(event.object, event.data) for event in events] == 4 * [(ada.id, {"address": address.id})]
