from datetime import timedelta

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.errors import InsufficientStock, InvalidTransition, NotFound, Shortage
from shop.domain.purchases import PurchaseQuery, Sales, Status
from shop.services.purchases import (
    purchase_cancel,
    purchase_deliver,
    purchase_get,
    purchase_list,
    purchase_pay,
    purchase_place,
    purchase_refund,
    purchase_sales,
    purchase_ship,
)
from tests.samples import a_request, again, euros, in_catalogue, registered, units

BUYER = Caller(id="buyer", role=Role.CUSTOMER, token="t1")
STRANGER = Caller(id="stranger", role=Role.CUSTOMER, token="t2")
STAFF = Caller(id="staff", role=Role.STAFF, token="t3")
ALL = PurchaseQuery()


@pytest.fixture
def apple(shop):
    registered(shop, id=BUYER.id)
    registered(shop, id=STRANGER.id)
    return in_catalogue(shop, stock=10, price=euros("1.20"))


def place(shop, *lines, caller=BUYER, request=None):
    return purchase_place(shop=shop, request=request or a_request(), caller=caller, lines=lines)


def move(service, shop, purchase, caller=STAFF, **more):
    return service(shop=shop, request=a_request(), caller=caller, id=purchase.id, **more).value


def stock(shop, product):
    return shop.products.get(product.id).stock


def test_a_purchase_is_the_callers_and_placed(shop, apple):
    purchase = place(shop, units(apple, 3)).value
    assert (purchase.user, purchase.status, purchase.total) == (BUYER.id, Status.PLACED, euros("3.60"))
    assert [(event.status, event.by) for event in purchase.history] == [(Status.PLACED, BUYER.id)]


def test_a_purchase_takes_its_units_from_stock(shop, apple):
    place(shop, units(apple, 3))
    assert stock(shop, apple) == 7


def test_lines_of_one_product_are_one_item(shop, apple):
    purchase = place(shop, units(apple, 3), units(apple, 4)).value
    assert [(item.product, item.quantity) for item in purchase.items] == [(apple.id, 7)]


def test_lines_of_one_product_are_one_shortage(shop, apple):
    with pytest.raises(InsufficientStock) as raised:
        place(shop, units(apple, 6), units(apple, 6))
    assert raised.value.shortages == (Shortage(product=apple.id, requested=12, available=10),)


def test_a_repeated_purchase_is_placed_once(shop, apple):
    request = a_request()
    assert place(shop, units(apple, 3), request=request) == place(shop, units(apple, 3), request=again(request))
    assert stock(shop, apple) == 7


def test_users_get_their_own_purchases_and_staff_all(shop, apple):
    purchase = place(shop, units(apple, 1)).value
    assert purchase_get(shop=shop, caller=BUYER, id=purchase.id) == purchase
    assert purchase_get(shop=shop, caller=STAFF, id=purchase.id) == purchase
    with pytest.raises(NotFound):
        purchase_get(shop=shop, caller=STRANGER, id=purchase.id)


def test_users_list_their_own_purchases_whatever_the_query(shop, apple):
    own = place(shop, units(apple, 1)).value
    other = place(shop, units(apple, 1), caller=STRANGER).value
    query = PurchaseQuery(user=STRANGER.id)
    assert purchase_list(shop=shop, caller=BUYER, query=query, size=9, position=None).results == [own]
    assert purchase_list(shop=shop, caller=STAFF, query=query, size=9, position=None).results == [other]
    assert purchase_list(shop=shop, caller=STAFF, query=ALL, size=9, position=None).results == [other, own]


def test_a_purchase_can_be_paid_shipped_and_delivered(shop, apple):
    purchase = place(shop, units(apple, 1)).value
    for service in (purchase_pay, purchase_ship, purchase_deliver):
        move(service, shop, purchase)
    refunded = move(purchase_refund, shop, purchase, restock=False)
    assert [event.status for event in refunded.history] == ["placed", "paid", "shipped", "delivered", "refunded"]
    assert refunded.version == 5


def test_a_transition_records_its_user_and_instant(shop, apple):
    paid = move(purchase_pay, shop, place(shop, units(apple, 1)).value)
    assert paid.history[-1].by == STAFF.id
    assert paid.history[-1].at == paid.updated_at > paid.created_at


def test_cancelling_a_purchase_returns_its_units_to_stock(shop, apple):
    cancelled = move(purchase_cancel, shop, place(shop, units(apple, 3)).value, caller=BUYER)
    assert cancelled.status is Status.CANCELLED
    assert stock(shop, apple) == 10


@pytest.mark.parametrize(("restock", "left"), [(True, 10), (False, 7)])
def test_a_refund_returns_the_units_only_with_restock(shop, apple, restock, left):
    purchase = place(shop, units(apple, 3)).value
    move(purchase_pay, shop, purchase)
    move(purchase_refund, shop, purchase, restock=restock)
    assert stock(shop, apple) == left


def test_an_invalid_transition_is_refused_with_the_allowed_ones(shop, apple):
    purchase = place(shop, units(apple, 1)).value
    with pytest.raises(InvalidTransition) as raised:
        move(purchase_ship, shop, purchase)
    assert (raised.value.source, raised.value.target) == ("placed", "shipped")
    assert raised.value.allowed == ("paid", "cancelled", "expired")


def test_a_customer_cannot_cancel_the_purchase_of_another(shop, apple):
    purchase = place(shop, units(apple, 1)).value
    with pytest.raises(NotFound):
        move(purchase_cancel, shop, purchase, caller=STRANGER)


def test_an_erased_user_cannot_place_a_purchase(shop, apple):
    shop.users.delete(a_request(), BUYER.id, None)
    with pytest.raises(NotFound):
        place(shop, units(apple, 1))


def test_sales_of_the_last_minute_are_counted_beside_all(shop, apple):
    place(shop, units(apple, 1))
    shop.clock.advance(timedelta(seconds=61))
    place(shop, units(apple, 1))
    assert purchase_sales(shop=shop) == Sales(total=2, recent=1)
