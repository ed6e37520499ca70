"""Vouchers, carts and payments that are made up, in a shop without a store."""

from collections import Counter
from dataclasses import replace

import pytest

from exactly_once.errors import StoreUnavailable
from shop.domain.callers import Caller, Role
from shop.domain.payments import PaymentStatus
from shop.domain.purchases import Status
from shop.domain.returns import ReturnStatus
from shop.seeding import madeup
from shop.seeding.fates import STEPS, Fate, Step, steps_left
from shop.seeding.ids import related_id
from shop.seeding.madeup import Numbers
from tests.fakes import FakeStore, fake_shop
from tests.samples import a_request
from tests.unit.seeding.carrying_out import load, loaded, loader

NUMBERS = Numbers(users=6, products=60, purchases=10, seed=5, vouchers=20, carts=20, payments=40)
PLAN = madeup.plan(NUMBERS)
STAFF = Caller(id="staff", role=Role.STAFF, token="")
KINDS = ("users", "products", "addresses", "shipping methods", "vouchers", "purchases", "payments", "carts")


@pytest.fixture(scope="module")
def whole() -> FakeStore:
    """What the plan comes to; tests leave it as it is."""
    return loaded(PLAN)


@pytest.fixture
def store() -> FakeStore:
    return loaded(PLAN)


def test_all_that_is_planned_is_made():
    tallies = load(PLAN, FakeStore())
    assert [(tally.kind, tally.made) for tally in tallies] == list(
        zip(KINDS, (6, 60, 6, 3, 20, 10, 40, 20), strict=True)
    )


def test_loading_again_makes_nothing(store):
    before = (dict(store.purchases), dict(store.carts), dict(store.payments), dict(store.vouchers))
    assert {tally.made for tally in load(PLAN, store)} == {0}
    assert (store.purchases, store.carts, store.payments, store.vouchers) == before


def test_purchases_returns_and_payments_have_every_status_that_lasts(whole):
    store = whole
    assert {purchase.status for purchase in store.purchases.values()} == set(Status)
    assert {each.status for each in store.returns.values()} == set(ReturnStatus)
    assert {payment.status for payment in store.payments.values()} == {
        PaymentStatus.AUTHORIZED,
        PaymentStatus.CAPTURED,
        PaymentStatus.FAILED,
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.REFUNDED,
    }


def test_the_vouchers_of_purchases_are_redeemed_as_often_as_these_name_them(whole):
    store = whole
    ended = (Status.CANCELLED, Status.EXPIRED)
    named = Counter(each.voucher for each in store.purchases.values() if each.voucher and each.status not in ended)
    assert named
    assert named == {code: voucher.redeemed for code, voucher in store.vouchers.items() if voucher.redeemed}


def test_users_and_guests_have_open_carts(whole):
    store = whole
    open_carts = [cart for cart, _ in store.carts.values() if not cart.purchase]
    assert {cart.owner is None for cart in open_carts} == {True, False}


def test_a_smaller_number_is_how_a_larger_one_begins():
    larger = madeup.plan(replace(NUMBERS, vouchers=20, carts=30, payments=90))
    assert larger.payments.ids[:40] == PLAN.payments.ids
    assert larger.carts.ids[:20] == PLAN.carts.ids
    assert [larger.payments.make(i) for i in range(40)] == [PLAN.payments.make(i) for i in range(40)]


def test_a_purchase_that_was_left_unshipped_is_shipped_and_delivered_by_the_next_run(whole):
    shop = fake_shop(unfinished := FakeStore())
    ended = replace(shop, purchases=WithoutShipments(shop.purchases))
    with pytest.raises(StoreUnavailable):
        list(loader(unfinished, ended).load(PLAN))
    load(PLAN, unfinished)
    assert {id: each.status for id, each in unfinished.purchases.items() if id in PLAN.payments.ids} == {
        id: each.status for id, each in whole.purchases.items() if id in PLAN.payments.ids
    }


class WithoutShipments:
    """Purchases of a store that goes away with the first shipment."""

    def __init__(self, purchases) -> None:
        self._purchases = purchases

    def __getattr__(self, name):
        if name == "ship":
            raise StoreUnavailable
        return getattr(self._purchases, name)


def test_a_part_that_was_asked_for_when_a_run_was_stopped_is_not_refunded_twice():
    shop = fake_shop(unfinished := FakeStore())
    stopped = replace(shop, payments=WithoutRefunds(shop.payments))
    with pytest.raises(StoreUnavailable):
        list(loader(unfinished, stopped).load(PLAN))
    # The outcome of its request is not remembered any more.
    unfinished._records.clear()
    load(PLAN, unfinished)
    parts = {id for id, fate in PLAN.payments.fates.items() if fate is Fate.PARTIALLY_REFUNDED}
    refunded = [each for each in unfinished.payments.values() if each.purchase in parts]
    assert {len(each.refunds) for each in refunded} == {1}


class WithoutRefunds:
    """Payments of a store that goes away before it knows of the first refund that was made."""

    def __init__(self, payments) -> None:
        self._payments = payments

    def __getattr__(self, name):
        return getattr(self._payments, name)

    def apply(self, request, payment, report):
        if payment.pending_refunds:
            raise StoreUnavailable
        return self._payments.apply(request, payment, report)


def test_a_cart_that_was_filled_in_part_is_filled(store):
    id = PLAN.carts.ids[1]
    filled, token = store.carts[id]
    store.carts[id] = (replace(filled, lines=filled.lines[:1], version=2), token)
    store._records.clear()
    *_, carts = load(PLAN, store)
    assert carts.made == 1
    assert [line.product for line in store.carts[id][0].lines] == [line.product for line in filled.lines]


def test_what_staff_have_done_with_a_purchase_is_left_as_it_is(store):
    id = next(id for id, fate in PLAN.payments.fates.items() if fate is Fate.PAID)
    shop = fake_shop(store)
    shop.purchases.move(a_request(), id, Status.CANCELLED, by=STAFF, restock=True, at=shop.clock.now())
    *_, payments, _ = load(PLAN, store)
    assert payments.made == 0


@pytest.mark.parametrize("fate", Fate)
def test_nothing_is_left_once_the_last_step_is_done(whole, fate):
    store = whole
    id = next(id for id, each in PLAN.payments.fates.items() if each is fate)
    returned = store.returns.get(related_id(id, "return"))
    assert steps_left(fate, store.purchases[id].status, returned.status if returned else "") == ()


@pytest.mark.parametrize(
    ("status", "return_status", "left"),
    [
        ("", "", STEPS[Fate.REFUNDED]),
        ("paid", "", STEPS[Fate.REFUNDED][1:]),
        ("delivered", "", (Step.ASK, Step.APPROVE, Step.RECEIVE, Step.REFUND)),
        ("delivered", "approved", (Step.RECEIVE, Step.REFUND)),
        ("delivered", "refused", ()),
        ("cancelled", "", ()),
        ("refunded", "refunded", ()),
    ],
)
def test_the_steps_that_are_left_are_those_behind_the_statuses(status, return_status, left):
    assert steps_left(Fate.REFUNDED, status, return_status) == left


def test_baskets_that_go_through_carts_are_the_purchases_that_they_are_without():
    numbers = Numbers(users=3, products=40, purchases=30, seed=5)
    lines, carts = loaded(madeup.plan(numbers)), loaded(madeup.plan(replace(numbers, is_through_carts=True)))
    assert lines.purchases.keys() == carts.purchases.keys()
    for id, purchase in lines.purchases.items():
        other = carts.purchases[id]
        assert other.cart and other.status is Status.DELIVERED and other.created_at == purchase.created_at
        assert sorted(other.items, key=str) == sorted(purchase.items, key=str)
    assert {payment.captured for payment in carts.payments.values()} == {
        each.total for each in carts.purchases.values()
    }
