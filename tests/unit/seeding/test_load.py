from dataclasses import replace
from itertools import count

import pytest

from exactly_once.errors import OutcomeUnknown, StoreUnavailable
from shop.seeding import madeup
from shop.seeding.madeup import Numbers
from tests.fakes import FakeStore, fake_shop
from tests.samples import a_product, a_request, without_stock_instants
from tests.unit.seeding.carrying_out import KEPT, load, loaded, loader

NUMBERS = Numbers(users=5, products=250, purchases=310, seed=1)


@pytest.fixture
def plan():
    return madeup.plan(NUMBERS)


def test_everything_that_is_planned_is_made(plan):
    tallies = load(plan, FakeStore())
    assert [(tally.kind, tally.wanted, tally.made) for tally in tallies] == [
        ("users", 5, 5),
        ("products", 250, 250),
        ("purchases", 310, 310),
    ]
    assert all(tally.done == tally.wanted for tally in tallies)


def test_loading_again_finds_everything_and_makes_nothing(plan):
    store = loaded(plan)
    before = (dict(store.users), dict(store.products), dict(store.purchases))
    assert [(tally.present, tally.made) for tally in load(plan, store)] == [(5, 0), (250, 0), (310, 0)]
    assert (store.users, store.products, store.purchases) == before


def test_what_ended_early_is_completed_and_equals_what_never_ended(plan):
    store = FakeStore()
    shop = fake_shop(store)
    left = [2]

    def place_all(purchases, path):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return shop.purchases.place_all(purchases, path)

    interrupted = replace(shop, purchases=Ending(place_all))
    with pytest.raises(KeyboardInterrupt):
        list(loader(store, interrupted).load(plan))
    assert 0 < len(store.purchases) < 310
    load(plan, store)
    whole = loaded(plan)
    assert without_stock_instants(store.products) == without_stock_instants(whole.products)
    assert store.purchases == whole.purchases


class Ending:
    def __init__(self, place_all) -> None:
        self.place_all = place_all


@pytest.mark.parametrize("fault", [StoreUnavailable, OutcomeUnknown])
def test_what_the_store_could_not_do_or_may_have_done_is_asked_again_under_the_same_ids(plan, fault):
    store = FakeStore()
    shop = fake_shop(store)
    turns, asked = count(), []

    def place_all(purchases, path):
        turn = next(turns)
        asked.append((turn, [(request.idempotency_key, id) for request, id, *_ in purchases]))
        outcomes = shop.purchases.place_all(purchases, path)
        if turn == 0:
            raise fault
        return outcomes

    tallies = list(loader(store, replace(shop, purchases=Ending(place_all)), timeout_s=20).load(plan))
    assert tallies[-1].made == 310
    first = dict(asked)[0]
    assert [ids for _, ids in asked].count(first) == 2
    assert without_stock_instants(store.products) == without_stock_instants(loaded(plan).products)


def test_a_store_that_stays_away_ends_it(plan):
    store = FakeStore(unavailable=StoreUnavailable())
    with pytest.raises(StoreUnavailable):
        load(plan, store)


def test_what_is_refused_is_counted_by_reason_and_the_rest_is_made(plan):
    store = FakeStore()
    shop = fake_shop(store)
    foreign = a_product(shop, sku=plan.products.make(0).sku)
    shop.products.create(a_request(), foreign)
    _, products, purchases = load(plan, store)
    assert (products.made, products.refused) == (249, {"SkuTaken": 1})
    assert purchases.refused.keys() == {"UnknownProduct"}
    assert purchases.done == 310


def test_a_repeat_that_comes_after_its_outcome_was_forgotten_is_no_refusal(plan):
    store = FakeStore()
    shop = fake_shop(store)

    class Late:
        def create_many(self, request, products):
            shop.products.create_many(a_request(), products)
            return shop.products.create_many(request, products)

    _, products, _ = loader(store, replace(shop, products=Late())).load(plan)
    assert (products.made, products.refused.total()) == (250, 0)


def test_a_withdrawn_product_is_not_made_again(plan):
    store = loaded(plan)
    fake_shop(store).products.withdraw(a_request(), plan.products.ids[0], None)
    _, products, _ = load(plan, store)
    assert (products.present, products.made) == (250, 0)


def test_all_who_are_made_share_one_hash(plan):
    store = loaded(plan)
    assert set(store.password_hashes.values()) == {KEPT}
