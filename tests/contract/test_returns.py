"""Returns: what a buyer sends back, and the units that come back into stock, each of them once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from threading import Barrier

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.errors import InvalidTransition, NotFound, Shortage, TooManyReturns, UnitsExceeded
from shop.domain.events import EventQuery
from shop.domain.movements import MovementKind
from shop.domain.purchases import Status, Units
from shop.domain.returns import MAX_RETURNS, ReturnQuery, ReturnStatus
from shop.services import returns
from shop.services.purchases import purchase_deliver, purchase_pay, purchase_refund, purchase_ship
from tests.contract.walks import there_and_back
from tests.samples import a_request, again, in_catalogue, placed, registered, units

STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")
NOTHING = "01900000-0000-7000-8000-000000000000"
STOCK = 10


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=STOCK)


@pytest.fixture
def pear(shop):
    return in_catalogue(shop, sku="PEAR", stock=STOCK)


@pytest.fixture
def shipped(shop, apple, pear):
    """A shipped purchase of 3 apples and 2 pears."""
    purchase = placed(shop, registered(shop).id, units(apple, 3), units(pear, 2))
    return step(shop, purchase, purchase_pay, purchase_ship)


def step(shop, purchase, *services, **more):
    for service in services:
        purchase = service(shop=shop, request=a_request(), caller=STAFF, id=purchase.id, **more).value
    return purchase


def buyer(purchase):
    return Caller(id=purchase.user, role=Role.CUSTOMER, token="t")


def lines(*pairs):
    return [Units(product=product.id, quantity=quantity) for product, quantity in pairs]


def ask(shop, purchase, *pairs, caller=STAFF, request=None, reason="Too green."):
    return returns.return_request(
        shop=shop,
        request=request or a_request(),
        caller=caller,
        purchase=purchase.id,
        lines=lines(*pairs),
        reason=reason,
    ).value


def approve(shop, found):
    return returns.return_approve(shop=shop, request=a_request(), id=found.id).value


def refuse(shop, found):
    return returns.return_refuse(shop=shop, request=a_request(), id=found.id).value


def receive(shop, found, *pairs, restock=True, request=None):
    return returns.return_receive(
        shop=shop, request=request or a_request(), caller=STAFF, id=found.id, restock=restock, lines=lines(*pairs)
    ).value


def approved(shop, purchase, *pairs):
    return approve(shop, ask(shop, purchase, *pairs))


def stock(shop, product):
    return shop.products.get(product.id).stock


def refund(shop, purchase, *, restock):
    return step(shop, purchase, purchase_refund, restock=restock)


def test_a_return_goes_from_request_to_refund_and_brings_its_units_back(shop, shipped, apple, pear):
    asked = ask(shop, shipped, (apple, 2), caller=buyer(shipped))
    assert (asked.status, asked.lines, asked.reason) == (
        ReturnStatus.REQUESTED,
        tuple(lines((apple, 2))),
        "Too green.",
    )
    approve(shop, asked)
    assert stock(shop, apple) == STOCK - 3
    received = receive(shop, asked)
    assert received.status is ReturnStatus.RECEIVED
    assert received.received == received.restocked == tuple(lines((apple, 2)))
    assert (stock(shop, apple), stock(shop, pear)) == (STOCK - 1, STOCK - 2)
    refund(shop, shipped, restock=False)
    found = shop.returns.get(asked.id, shipped.user)
    assert (found.status, found.version) == (ReturnStatus.REFUNDED, 4)
    assert stock(shop, apple) == STOCK - 1


def test_what_is_received_without_restock_stays_out_of_stock(shop, shipped, apple):
    received = receive(shop, approved(shop, shipped, (apple, 2)), restock=False)
    assert (received.received, received.restocked) == (tuple(lines((apple, 2))), ())
    assert stock(shop, apple) == STOCK - 3


def test_units_that_arrive_are_received_and_the_others_may_be_asked_for_again(shop, shipped, apple):
    received = receive(shop, approved(shop, shipped, (apple, 3)), (apple, 1))
    assert received.received == tuple(lines((apple, 1)))
    assert stock(shop, apple) == STOCK - 2
    assert ask(shop, shipped, (apple, 2)).status is ReturnStatus.REQUESTED


def test_no_more_is_received_than_the_return_has(shop, shipped, apple, pear):
    found = approved(shop, shipped, (apple, 1))
    with pytest.raises(UnitsExceeded) as refused:
        receive(shop, found, (apple, 2), (pear, 1))
    assert refused.value.shortages == (Shortage(apple.id, 2, 1), Shortage(pear.id, 1, 0))
    assert stock(shop, apple) == STOCK - 3


def test_a_unit_is_in_one_return_unless_that_is_refused(shop, shipped, apple, pear):
    first = ask(shop, shipped, (apple, 2))
    with pytest.raises(UnitsExceeded) as refused:
        ask(shop, shipped, (apple, 2), (pear, 2))
    assert refused.value.shortages == (Shortage(apple.id, 2, 1),)
    refuse(shop, first)
    assert ask(shop, shipped, (apple, 2), (pear, 2)).status is ReturnStatus.REQUESTED


def test_only_what_was_shipped_is_returned(shop, apple, pear):
    paid = step(shop, placed(shop, registered(shop).id, units(apple, 3), units(pear, 2)), purchase_pay)
    with pytest.raises(UnitsExceeded):
        ask(shop, paid, (apple, 1))
    step(shop, paid, purchase_ship, lines=lines((apple, 2)))
    with pytest.raises(UnitsExceeded) as refused:
        ask(shop, paid, (apple, 3), (pear, 1))
    assert refused.value.shortages == (Shortage(apple.id, 3, 2), Shortage(pear.id, 1, 0))
    assert ask(shop, paid, (apple, 2)).lines == tuple(lines((apple, 2)))


def test_a_purchase_has_a_bounded_number_of_returns(shop, shipped, apple):
    for _ in range(MAX_RETURNS):
        refuse(shop, ask(shop, shipped, (apple, 1)))
    with pytest.raises(TooManyReturns):
        ask(shop, shipped, (apple, 1))


def test_customers_return_and_read_their_own_purchases_alone(shop, shipped, apple):
    mallory = Caller(id=registered(shop).id, role=Role.CUSTOMER, token="t")
    found = ask(shop, shipped, (apple, 1), caller=buyer(shipped))
    with pytest.raises(NotFound):
        ask(shop, shipped, (apple, 1), caller=mallory)
    with pytest.raises(NotFound):
        returns.return_get(shop=shop, caller=mallory, id=found.id)
    with pytest.raises(NotFound):
        shop.returns.page(ReturnQuery(purchase=shipped.id), mallory.id, 10, None)
    assert returns.return_get(shop=shop, caller=buyer(shipped), id=found.id) == found
    assert shop.returns.page(ReturnQuery(purchase=shipped.id), shipped.user, 10, None).results == [found]


def test_nothing_has_no_return(shop, shipped):
    with pytest.raises(NotFound):
        shop.returns.get(NOTHING, None)
    with pytest.raises(NotFound):
        shop.returns.page(ReturnQuery(purchase=NOTHING), None, 10, None)
    for write in (shop.returns.approve, shop.returns.refuse):
        with pytest.raises(NotFound):
            write(a_request(), NOTHING, shop.clock.now())
    with pytest.raises(NotFound):
        shop.returns.receive(a_request(), NOTHING, [], restock=True, by=STAFF, at=shop.clock.now())


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ([], [receive]),
        ([approve], [approve]),
        ([refuse], [approve, refuse, receive]),
        ([approve, refuse], [approve, refuse, receive]),
        ([approve, receive], [approve, refuse, receive]),
    ],
)
def test_a_return_moves_where_it_may_and_nowhere_else(shop, shipped, apple, before, refused):
    found = ask(shop, shipped, (apple, 1))
    for move in before:
        found = move(shop, found)
    for move in refused:
        with pytest.raises(InvalidTransition) as error:
            move(shop, found)
        assert error.value.source == found.status
    assert shop.returns.get(found.id, None) == found


def test_returns_are_listed_by_status_and_by_purchase_newest_first(shop, shipped, apple, pear):
    other = step(shop, placed(shop, registered(shop).id, units(apple, 3)), purchase_pay, purchase_ship)
    made = [ask(shop, each, (apple, 1)) for each in (shipped, other, shipped, other, shipped)]
    made[1] = approve(shop, made[1])
    every = there_and_back(lambda at: shop.returns.page(ReturnQuery(), None, 2, at), 2)
    assert every == made[::-1]
    assert shop.returns.page(ReturnQuery(status=ReturnStatus.APPROVED), None, 10, None).results == [made[1]]
    assert shop.returns.page(ReturnQuery(purchase=shipped.id), None, 10, None).results == made[::-2]


def test_the_returns_of_a_user_are_listed_until_the_user_is_erased(shop, shipped, apple):
    other = step(shop, placed(shop, registered(shop).id, units(apple, 3)), purchase_pay, purchase_ship)
    own = [ask(shop, shipped, (apple, 1)) for _ in range(2)]
    ask(shop, other, (apple, 1))
    query = ReturnQuery(user=shipped.user)
    assert shop.returns.page(query, shipped.user, 10, None).results == own[::-1]
    shop.users.delete(a_request(), shipped.user, None)
    ask(shop, shipped, (apple, 1))
    assert shop.returns.page(query, shipped.user, 10, None).results == []


def test_a_repeat_of_each_step_has_its_outcome_and_no_further_effect(shop, shipped, apple):
    asking, receiving = a_request(), a_request()
    first = ask(shop, shipped, (apple, 2), request=asking)
    assert ask(shop, shipped, (apple, 2), request=again(asking)) == first
    approve(shop, first)
    received = receive(shop, first, request=receiving)
    assert receive(shop, first, request=again(receiving)) == received
    assert stock(shop, apple) == STOCK - 1
    assert len(shop.returns.page(ReturnQuery(), None, 10, None).results) == 1


def test_a_return_that_arrives_after_the_refund_is_refunded(shop, shipped, apple):
    found = approved(shop, shipped, (apple, 1))
    refund(shop, shipped, restock=False)
    assert receive(shop, found).status is ReturnStatus.REFUNDED
    assert stock(shop, apple) == STOCK - 2


def test_each_step_of_a_return_is_an_event(shop, shipped, apple):
    found = receive(shop, approved(shop, shipped, (apple, 1)))
    refund(shop, shipped, restock=False)
    events = [each for each in shop.events.page(EventQuery(), 100, None).results if each.object == found.id]
    steps = ("requested", "approved", "received", "refunded")
    assert [event.type for event in events] == [f"return.{status}" for status in steps]
    assert {event.data["purchase"] for event in events} == {shipped.id}
    assert events[0].data["lines"] == [{"product": apple.id, "quantity": 1}]


def test_units_that_a_return_brings_back_are_a_movement_of_the_product(shop, shipped, apple):
    receive(shop, approved(shop, shipped, (apple, 2)))
    movement = shop.products.movements(apple.id, 1, None).results[0]
    assert (movement.kind, movement.quantity) == (MovementKind.RETURNED, 2)
    assert (movement.reference, movement.by) == (shipped.id, STAFF.id)


@pytest.mark.parametrize("order", list(permutations(["one", "rest", "refund"])), ids="-".join)
def test_returns_and_a_refund_bring_back_exactly_what_was_sold_in_any_order(shop, shipped, apple, pear, order):
    one, rest = approved(shop, shipped, (apple, 1)), approved(shop, shipped, (apple, 2), (pear, 2))
    deeds = {
        "one": lambda: receive(shop, one),
        "rest": lambda: receive(shop, rest),
        "refund": lambda: refund(shop, shipped, restock=True),
    }
    for name in order:
        deeds[name]()
        assert (stock(shop, apple) <= STOCK, stock(shop, pear) <= STOCK) == (True, True)
    assert (stock(shop, apple), stock(shop, pear)) == (STOCK, STOCK)
    moved = [each.quantity for each in shop.products.movements(apple.id, 100, None).results]
    assert sum(moved) == STOCK


def test_returns_and_refunds_at_once_bring_each_unit_back_once(shop, apple, pear):
    for number in range(5):
        purchase = placed(shop, registered(shop).id, units(apple, 3), units(pear, 2))
        shipped = step(shop, purchase, purchase_pay, purchase_ship, purchase_deliver)
        each = [approved(shop, shipped, (apple, 1)) for _ in range(3)] + [approved(shop, shipped, (pear, 2))]
        deeds = [lambda found=found: receive(shop, found) for found in each for _ in range(2)]
        deeds += [lambda shipped=shipped: refund(shop, shipped, restock=True)] * 2
        # The thread that comes last to the barrier is the first behind it: another one each time.
        deeds = deeds[2 * number :] + deeds[: 2 * number]
        together = Barrier(len(deeds))

        def carry_out(deed, together=together):
            together.wait()
            try:
                return deed().status
            except InvalidTransition:
                return None

        with ThreadPoolExecutor(len(deeds)) as threads:
            heard = list(threads.map(carry_out, deeds))
        assert sum(isinstance(r, Status) for r in heard) == 1
        assert sum(isinstance(r, ReturnStatus) for r in heard) == len(each)
        assert (stock(shop, apple), stock(shop, pear)) == (STOCK, STOCK)


def test_of_many_requests_at_once_no_unit_is_in_two_returns(shop, shipped, apple):
    together = Barrier(8)

    def attempt(_):
        together.wait()
        try:
            return ask(shop, shipped, (apple, 1)).status
        except UnitsExceeded:
            return None

    with ThreadPoolExecutor(8) as threads:
        heard = list(threads.map(attempt, range(8)))
    assert heard.count(ReturnStatus.REQUESTED) == 3


def test_the_reason_of_a_return_is_erased_with_its_buyer(shop, shipped, apple):
    request = a_request()
    found = ask(shop, shipped, (apple, 1), request=request)
    shop.users.delete(a_request(), shipped.user, None)
    assert shop.returns.get(found.id, None).reason == ""
    assert [each.reason for each in shop.returns.page(ReturnQuery(), None, 10, None).results] == [""]
    shop.users.continue_erasure(a_request(), shipped.user)
    assert shop.returns.get(found.id, None).reason == ""
    assert receive(shop, approve(shop, found)).status is ReturnStatus.RECEIVED
