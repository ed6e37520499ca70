"""Shipments: what of a purchase was sent, in one or in several of them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.errors import InvalidTransition, NotFound, Shortage, TooManyShipments, UnitsExceeded
from shop.domain.events import EventQuery, EventType
from shop.domain.purchases import MAX_SHIPMENTS, PurchaseQuery, Status, Units
from shop.services.purchases import purchase_deliver, purchase_pay, purchase_ship
from tests.samples import a_request, again, in_catalogue, placed, registered, units

STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")
NOTHING = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=100)


@pytest.fixture
def pear(shop):
    return in_catalogue(shop, sku="PEAR", stock=100)


@pytest.fixture
def paid(shop, apple, pear):
    """A paid purchase of 3 apples and 2 pears."""
    return pay(shop, placed(shop, registered(shop).id, units(apple, 3), units(pear, 2)))


def pay(shop, purchase):
    return purchase_pay(shop=shop, request=a_request(), caller=STAFF, id=purchase.id).value


def ship(shop, purchase, *lines, request=None, **more):
    asked = [Units(product=product.id, quantity=quantity) for product, quantity in lines]
    write = request or a_request()
    return purchase_ship(shop=shop, request=write, caller=STAFF, id=purchase.id, lines=asked, **more).value


def sent(purchase):
    return [{line.product: line.quantity for line in shipment.lines} for shipment in purchase.shipments]


def test_a_shipment_without_lines_is_of_everything(shop, paid, apple, pear):
    shipped = ship(shop, paid, carrier="Evergreen Post", tracking="EG-1")
    assert shipped.status is Status.SHIPPED
    assert sent(shipped) == [{apple.id: 3, pear.id: 2}]
    (shipment,) = shipped.shipments
    assert (shipment.carrier, shipment.tracking) == ("Evergreen Post", "EG-1")
    assert shop.purchases.get(paid.id, None) == shipped


def test_a_purchase_is_shipped_once_every_line_is(shop, paid, apple, pear):
    statuses = [ship(shop, paid, line).status for line in [(apple, 1), (pear, 2), (apple, 2)]]
    assert statuses == [Status.PARTIALLY_SHIPPED, Status.PARTIALLY_SHIPPED, Status.SHIPPED]
    found = shop.purchases.get(paid.id, None)
    assert sent(found) == [{apple.id: 1}, {pear.id: 2}, {apple.id: 2}]
    assert [event.status for event in found.history[2:]] == statuses
    assert found.version == len(found.history) == 5


def test_a_shipment_without_lines_is_of_what_is_left(shop, paid, apple, pear):
    ship(shop, paid, (apple, 2))
    assert sent(ship(shop, paid)) == [{apple.id: 2}, {apple.id: 1, pear.id: 2}]


def test_lines_of_one_product_are_summed(shop, paid, apple):
    assert sent(ship(shop, paid, (apple, 1), (apple, 2))) == [{apple.id: 3}]


def test_no_unit_is_shipped_that_is_not_left(shop, paid, apple, pear):
    ship(shop, paid, (apple, 2))
    other = in_catalogue(shop)
    with pytest.raises(UnitsExceeded) as refused:
        ship(shop, paid, (apple, 2), (pear, 2), (other, 1))
    assert refused.value.shortages == (Shortage(apple.id, 2, 1), Shortage(other.id, 1, 0))
    assert len(shop.purchases.get(paid.id, None).shipments) == 1


def test_the_last_shipment_that_a_purchase_may_have_is_of_all_that_is_left(shop, apple):
    paid = pay(shop, placed(shop, registered(shop).id, units(apple, MAX_SHIPMENTS + 1)))
    for _ in range(MAX_SHIPMENTS - 1):
        ship(shop, paid, (apple, 1))
    with pytest.raises(TooManyShipments):
        ship(shop, paid, (apple, 1))
    assert ship(shop, paid).status is Status.SHIPPED


@pytest.mark.parametrize("status", [Status.PLACED, Status.CANCELLED, Status.SHIPPED, Status.REFUNDED])
def test_only_a_paid_purchase_is_shipped(shop, apple, status):
    purchase = placed(shop, registered(shop).id, units(apple, 1))
    if status is not Status.PLACED:
        before = [] if status is Status.CANCELLED else [Status.PAID]
        for step in [*before, status]:
            shop.purchases.move(a_request(), purchase.id, step, by=STAFF, restock=False, at=shop.clock.now())
    with pytest.raises(InvalidTransition) as refused:
        ship(shop, purchase)
    assert (refused.value.source, refused.value.target) == (status, Status.SHIPPED)


def test_nothing_is_not_shipped(shop):
    with pytest.raises(NotFound):
        purchase_ship(shop=shop, request=a_request(), caller=STAFF, id=NOTHING)


def test_after_a_partial_refund_the_rest_is_still_sent_and_delivered(shop, paid, apple, pear):
    ship(shop, paid, (apple, 3))
    now = shop.clock.now()
    shop.purchases.move(a_request(), paid.id, Status.PARTIALLY_REFUNDED, by=STAFF, restock=False, at=now)
    assert sent(ship(shop, paid)) == [{apple.id: 3}, {pear.id: 2}]
    shop.purchases.move(a_request(), paid.id, Status.PARTIALLY_REFUNDED, by=STAFF, restock=False, at=now)
    assert purchase_deliver(shop=shop, request=a_request(), caller=STAFF, id=paid.id).value.status is Status.DELIVERED


def test_a_partly_shipped_purchase_is_neither_delivered_nor_cancelled(shop, paid, apple):
    ship(shop, paid, (apple, 1))
    for step in (Status.DELIVERED, Status.CANCELLED):
        with pytest.raises(InvalidTransition):
            shop.purchases.move(a_request(), paid.id, step, by=STAFF, restock=True, at=shop.clock.now())


def test_a_repeated_shipment_is_sent_once(shop, paid, apple):
    request = a_request()
    first = ship(shop, paid, (apple, 1), request=request)
    assert ship(shop, paid, (apple, 1), request=again(request)) == first
    assert sent(shop.purchases.get(paid.id, None)) == [{apple.id: 1}]


def test_of_many_shipments_at_once_no_unit_is_sent_twice(shop, apple):
    paid = pay(shop, placed(shop, registered(shop).id, units(apple, 5)))
    together = Barrier(8)

    def send(_):
        together.wait()
        try:
            return ship(shop, paid, (apple, 1)).status
        except (UnitsExceeded, InvalidTransition) as refused:
            return type(refused)

    with ThreadPoolExecutor(8) as threads:
        heard = list(threads.map(send, range(8)))
    assert heard.count(Status.PARTIALLY_SHIPPED) == 4
    assert heard.count(Status.SHIPPED) == 1
    assert heard.count(InvalidTransition) == 3
    assert sum(sum(each.values()) for each in sent(shop.purchases.get(paid.id, None))) == 5


def test_a_shipment_is_an_event_with_its_lines(shop, paid, apple):
    ship(shop, paid, (apple, 1), tracking="EG-1")
    *_, event = shop.events.page(EventQuery(), 100, None).results
    assert (event.type, event.object) == (EventType.PURCHASE_PARTIALLY_SHIPPED, paid.id)
    assert event.data == {"from": "paid", "shipment": 1, "lines": [{"product": apple.id, "quantity": 1}]}


def test_who_bought_and_where_it_went_are_erased_with_the_buyer(shop, paid, apple):
    ship(shop, paid, (apple, 1), carrier="Evergreen Post", tracking="EG-1")
    shop.users.delete(a_request(), paid.user, None)
    for found in (
        shop.purchases.get(paid.id, None),
        shop.purchases.page(PurchaseQuery(), 10, None).results[0],
        ship(shop, paid, tracking="EG-2"),
    ):
        assert {shipment.tracking for shipment in found.shipments} == {""}
        assert {shipment.carrier for shipment in found.shipments} <= {"Evergreen Post", ""}
