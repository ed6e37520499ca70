"""Every change of a stock is a movement, and the sum of the movements is the stock."""

from dataclasses import replace

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.errors import InsufficientStock, NotFound
from shop.domain.movements import MovementKind
from shop.domain.purchases import SYSTEM, Status
from tests.contract.walks import there_and_back
from tests.samples import a_request, in_catalogue, placed, registered, units

STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")
NOTHING = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=10)


def ledger(shop, product):
    """Kind, quantity, reference and by whom, the oldest first."""
    found = shop.products.movements(product.id, 100, None).results
    return [(each.kind, each.quantity, each.reference, each.by) for each in reversed(found)]


def move(shop, purchase, target, by=STAFF, restock=False):
    return shop.purchases.move(a_request(), purchase.id, target, by=by, restock=restock, at=shop.clock.now())


def test_a_product_that_has_not_moved_has_its_stock_as_the_first_movement(shop, apple):
    assert ledger(shop, apple) == [(MovementKind.OPENING, 10, apple.id, None)]


def test_what_is_sold_and_what_comes_back_are_movements_with_the_purchase(shop, apple):
    ada = registered(shop)
    bought, other = (placed(shop, ada.id, units(apple, number)) for number in (2, 3))
    buyer = Caller(id=ada.id, role=Role.CUSTOMER, token="t")
    move(shop, bought, Status.CANCELLED, by=buyer, restock=True)
    move(shop, other, Status.PAID)
    move(shop, other, Status.REFUNDED, restock=True)
    assert ledger(shop, apple) == [
        (MovementKind.OPENING, 10, apple.id, None),
        (MovementKind.SALE, -2, bought.id, None),
        (MovementKind.SALE, -3, other.id, None),
        (MovementKind.CANCELLED, 2, bought.id, None),
        (MovementKind.REFUNDED, 3, other.id, STAFF.id),
    ]


def test_what_is_refunded_without_its_units_moves_nothing(shop, apple):
    purchase = placed(shop, registered(shop).id, units(apple, 2))
    move(shop, purchase, Status.PAID)
    move(shop, purchase, Status.REFUNDED, restock=False)
    assert [kind for kind, *_ in ledger(shop, apple)] == [MovementKind.OPENING, MovementKind.SALE]


def test_what_the_shop_cancels_names_the_shop(shop, apple):
    purchase = placed(shop, registered(shop).id, units(apple, 2))
    shop.purchases.expire_all([(a_request(), purchase.id)], shop.clock.now())
    assert ledger(shop, apple)[-1] == (MovementKind.CANCELLED, 2, purchase.id, SYSTEM)


def test_an_adjustment_names_its_request_and_who_made_it(shop, apple):
    request = replace(a_request(), caller=STAFF.id)
    shop.products.adjust_stock(request, apple.id, -4, None)
    shop.products.adjust_stock(a_request(), apple.id, 0, None)
    assert ledger(shop, apple)[1:] == [(MovementKind.ADJUSTMENT, -4, request.id, STAFF.id)]


def test_a_repeat_moves_nothing_again(shop, apple):
    request = a_request()
    for _ in range(2):
        shop.products.adjust_stock(request, apple.id, 5, None)
    assert len(ledger(shop, apple)) == 2


def test_a_refused_purchase_moves_nothing(shop, apple):
    with pytest.raises(InsufficientStock):
        placed(shop, registered(shop).id, units(apple, 11))
    assert len(ledger(shop, apple)) == 1


def test_a_stock_that_began_with_nothing_has_no_opening(shop):
    pear = in_catalogue(shop, sku="PEAR", stock=0)
    shop.products.adjust_stock(a_request(), pear.id, 7, None)
    assert [quantity for _, quantity, *_ in ledger(shop, pear)] == [7]


def test_the_sum_of_the_movements_is_the_stock(shop, apple):
    for delta in (5, -3, 8, -20):
        shop.products.adjust_stock(a_request(), apple.id, delta, None)
    assert sum(quantity for _, quantity, *_ in ledger(shop, apple)) == shop.products.get(apple.id).stock == 0


def test_pages_of_movements_follow_each_other_there_and_back(shop, apple):
    for _ in range(7):
        shop.products.adjust_stock(a_request(), apple.id, 1, None)
    found = there_and_back(lambda position: shop.products.movements(apple.id, 3, position), 3)
    assert [movement.quantity for movement in found] == [1] * 7 + [10]


def test_a_withdrawn_product_has_its_movements(shop, apple):
    shop.products.adjust_stock(a_request(), apple.id, 1, None)
    shop.products.withdraw(a_request(), apple.id, None)
    assert len(ledger(shop, apple)) == 2


def test_nothing_has_no_movements(shop):
    with pytest.raises(NotFound):
        shop.products.movements(NOTHING, 10, None)
