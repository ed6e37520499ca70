"""An erasure is in effect with its first step, and complete after a bounded number of bounded ones."""

import pytest

from exactly_once.errors import OutcomeErased
from shop.domain.errors import NotFound
from shop.domain.purchases import PurchaseQuery, Status
from tests.samples import a_request, again, as_staff, in_catalogue, placed, registered, signed_in, units

#: More than one step erases.
MANY = 250
MAX_STEPS = 20


@pytest.fixture
def ada(shop):
    return registered(shop, email="ada@example.com")


@pytest.fixture
def purchases(shop, ada):
    """The ids of more purchases than one step goes through."""
    product, now = in_catalogue(shop, stock=1000), shop.clock.now()
    ids = [shop.ids.new(now) for _ in range(MANY)]
    shop.purchases.place_all([(a_request(), id, ada.id, [units(product, 1)], now) for id in ids])
    return ids


def steps_of(shop, user):
    """What the steps of an erasure return, until it is complete."""
    steps = []
    while len(steps) < MAX_STEPS and not (steps and steps[-1].is_complete):
        steps.append(shop.users.continue_erasure(a_request(), user.id).value)
    return steps


def shown(shop, query=None):
    return shop.purchases.page(query or PurchaseQuery(), 100, None).results


def test_no_purchase_shows_the_erased_buyer_before_the_steps_have_come_to_it(shop, ada, purchases):
    shop.users.delete(a_request(), ada.id, None)
    single = [shop.purchases.get(id, None) for id in purchases[:3]]
    assert {(p.user, event.by) for p in [*shown(shop), *single] for event in p.history} == {(None, None)}
    assert (
        shown(shop, PurchaseQuery(user=ada.id)) == shown(shop, PurchaseQuery(user=ada.id, status=Status.PLACED)) == []
    )


def test_an_erased_user_is_pending_until_the_last_step(shop, ada, purchases):
    shop.users.delete(a_request(), ada.id, None)
    pending = shop.users.pending_erasures(10)
    assert (pending.count, list(pending.users)) == (1, [ada.id])
    steps = steps_of(shop, ada)
    assert [step.is_complete for step in steps] == [False] * (len(steps) - 1) + [True]
    assert sum(step.erased for step in steps) >= MANY
    assert shop.users.pending_erasures(10).count == 0
    assert {shop.purchases.get(id, None).user for id in purchases} == {None}


def test_a_repeated_step_erases_nothing_more(shop, ada, purchases):
    shop.users.delete(a_request(), ada.id, None)
    request = a_request()
    first = shop.users.continue_erasure(request, ada.id)
    assert shop.users.continue_erasure(again(request), ada.id) == first
    steps_of(shop, ada)
    assert shop.users.continue_erasure(a_request(), ada.id).value.erased == 0


def test_a_step_leaves_a_user_alone_who_is_not_erased(shop, ada, purchases):
    step = shop.users.continue_erasure(a_request(), ada.id).value
    assert (step.erased, step.is_complete) == (0, True)
    assert {purchase.user for purchase in shown(shop, PurchaseQuery(user=ada.id))} == {ada.id}


def test_a_purchase_moves_during_the_erasure_and_stays_anonymous(shop, ada, purchases):
    staff = as_staff(shop)
    shop.users.delete(a_request(), ada.id, None)
    now = shop.clock.now()
    moved = shop.purchases.move(a_request(), purchases[-1], Status.PAID, by=staff, restock=False, at=now).value
    assert (moved.user, [event.by for event in moved.history]) == (None, [None, staff.id])
    assert steps_of(shop, ada)[-1].is_complete
    assert shop.purchases.get(purchases[-1], None) == moved
    assert shown(shop, PurchaseQuery(user=ada.id, status=Status.PAID)) == []


def test_the_address_is_free_and_no_purchase_is_placed_while_the_erasure_is_pending(shop, ada, purchases):
    shop.users.delete(a_request(), ada.id, None)
    assert registered(shop, email=ada.email).id != ada.id
    with pytest.raises(NotFound):
        placed(shop, ada.id, units(in_catalogue(shop), 1))


def test_recorded_outcomes_are_hidden_before_the_steps_have_come_to_them(shop, ada):
    product, now = in_catalogue(shop, stock=1000), shop.clock.now()
    requests = [a_request() for _ in range(MANY)]
    ids = [shop.ids.new(now) for _ in requests]
    shop.purchases.place_all(
        [(request, id, ada.id, [units(product, 1)], now) for request, id in zip(requests, ids, strict=True)]
    )
    shop.users.delete(a_request(), ada.id, None)
    assert_erased(shop, requests, ids, ada, product, now)
    steps_of(shop, ada)
    assert_erased(shop, requests, ids, ada, product, now)


def assert_erased(shop, requests, ids, user, product, now):
    for request, id in list(zip(requests, ids, strict=True))[:: MANY // 5]:
        with pytest.raises(OutcomeErased):
            shop.purchases.place(again(request), id, user.id, [units(product, 1)], now)


def test_the_repeat_of_the_erasure_itself_is_answered_while_it_is_pending(shop, ada, purchases):
    caller, request = signed_in(shop, ada), a_request()
    first = shop.users.delete(request, ada.id, None)
    assert shop.users.caller(caller.token, request.id).id == ada.id
    assert shop.users.caller(caller.token, "another") is None
    assert shop.users.delete(again(request), ada.id, None) == first


def listed(shop, user):
    """The requests of all recorded outcomes of a user, page after page."""
    found, position = [], None
    while True:
        page = shop.users.outcomes(user.id, 7, position)
        found += [each.request_id for each in page.results]
        if page.next is None:
            return found
        position = page.next


def test_the_recorded_outcomes_that_hold_data_of_a_user_are_listed_once(shop, ada):
    product, requests = in_catalogue(shop, stock=100), [a_request() for _ in range(30)]
    for request in requests:
        shop.purchases.place(request, shop.ids.new(shop.clock.now()), ada.id, [units(product, 1)], shop.clock.now())
    registered(shop, email="eve@example.com")
    found = listed(shop, ada)
    assert len(found) == len(requests) + 1 and {request.id for request in requests} < set(found)
    shop.users.delete(a_request(), ada.id, None)
    assert listed(shop, ada) == []
