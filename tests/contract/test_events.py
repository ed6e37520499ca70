"""Every change emits its event in the same step, and nothing else emits one."""

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.errors import InsufficientStock, InvalidTransition
from shop.domain.events import EventQuery, EventType
from shop.domain.purchases import Status
from tests.contract.walks import there_and_back
from tests.samples import a_request, in_catalogue, placed, registered, units

STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")


def events(shop, type=None):
    return shop.events.page(EventQuery(type=type), 100, None).results


def emitted(shop, since):
    """What was emitted after so many events: type, object, data."""
    return [(event.type, event.object, event.data) for event in events(shop)[since:]]


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=10)


def test_a_product_emits_what_is_done_to_it(shop, apple):
    request = a_request()
    shop.products.update(a_request(), apple.id, lambda p: p.with_changes(at=shop.clock.now(), name="Pear"), None)
    shop.products.adjust_stock(request, apple.id, 5, None)
    shop.products.withdraw(a_request(), apple.id, None)
    assert emitted(shop, 0) == [
        (EventType.PRODUCT_CREATED, apple.id, {"sku": "APPLE", "stock": 10, "version": 1}),
        (EventType.PRODUCT_UPDATED, apple.id, {"version": 2}),
        (EventType.PRODUCT_STOCK_ADJUSTED, apple.id, {"stock": 15, "delta": 5}),
        (EventType.PRODUCT_WITHDRAWN, apple.id, {"sku": "APPLE"}),
    ]
    assert events(shop)[2].request_id == request.id


def test_a_purchase_emits_each_step(shop, apple):
    ada = registered(shop)
    before = len(events(shop))
    purchase = placed(shop, ada.id, units(apple, 2))
    for target in (Status.PAID, Status.SHIPPED, Status.DELIVERED, Status.REFUNDED):
        shop.purchases.move(a_request(), purchase.id, target, by=STAFF, restock=False, at=shop.clock.now())
    placing = {"total": str(purchase.total.minor), "currency": purchase.total.currency}
    assert emitted(shop, before) == [
        (EventType.PURCHASE_PLACED, purchase.id, placing),
        (EventType.PURCHASE_PAID, purchase.id, {"from": "placed"}),
        (EventType.PURCHASE_SHIPPED, purchase.id, {"from": "paid"}),
        (EventType.PURCHASE_DELIVERED, purchase.id, {"from": "shipped"}),
        (EventType.PURCHASE_REFUNDED, purchase.id, {"from": "delivered"}),
    ]


def test_a_user_emits_what_is_done_to_it_and_nothing_personal(shop):
    registered(shop, role=Role.STAFF)
    before = len(events(shop))
    ada = registered(shop)
    shop.users.set_role(a_request(), ada.id, Role.STAFF, shop.clock.now())
    shop.users.delete(a_request(), ada.id, None)
    assert emitted(shop, before) == [
        (EventType.USER_REGISTERED, ada.id, {"role": "customer"}),
        (EventType.USER_ROLE_SET, ada.id, {"role": "staff"}),
        (EventType.USER_ERASED, ada.id, {"role": "staff"}),
    ]


def test_a_role_that_a_user_has_already_is_no_event(shop):
    ada = registered(shop)
    before = len(events(shop))
    shop.users.set_role(a_request(), ada.id, Role.CUSTOMER, shop.clock.now())
    assert emitted(shop, before) == []


def test_a_repeat_emits_nothing_again(shop, apple):
    request, before = a_request(), len(events(shop))
    for _ in range(3):
        shop.products.adjust_stock(request, apple.id, 1, None)
    assert len(emitted(shop, before)) == 1


def test_a_refusal_emits_nothing(shop, apple):
    ada = registered(shop)
    purchase = placed(shop, ada.id, units(apple, 1))
    before = len(events(shop))
    with pytest.raises(InsufficientStock):
        placed(shop, ada.id, units(apple, 11))
    with pytest.raises(InvalidTransition):
        shop.purchases.move(a_request(), purchase.id, Status.DELIVERED, by=STAFF, restock=False, at=shop.clock.now())
    assert emitted(shop, before) == []


def test_events_of_one_type_are_found(shop, apple):
    shop.products.adjust_stock(a_request(), apple.id, 1, None)
    assert [event.type for event in events(shop, EventType.PRODUCT_CREATED)] == [EventType.PRODUCT_CREATED]


def test_pages_of_events_follow_each_other_there_and_back(shop, apple):
    for _ in range(7):
        shop.products.adjust_stock(a_request(), apple.id, 1, None)
    found = there_and_back(lambda position: shop.events.page(EventQuery(), 3, position), 3)
    assert [event.data["stock"] for event in found] == [10, *range(11, 18)]
    assert [event.at for event in found] == sorted(event.at for event in found)
