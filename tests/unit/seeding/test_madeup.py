from shop.domain.products import MAX_UNITS
from shop.domain.text import MAX_SHORT_CHARS, is_clean
from shop.seeding import madeup
from shop.seeding.madeup import Numbers
from tests.unit.seeding.carrying_out import load, loaded, sold

NUMBERS = Numbers(users=20, products=400, purchases=500, seed=7)


def test_every_purchase_can_be_carried_out_and_some_products_sell_out():
    store = loaded(madeup.plan(NUMBERS))
    assert len(store.purchases) == 500
    stocks = [product.stock for product in store.products.values()]
    assert min(stocks) == 0
    assert max(stocks) > 0


def test_a_larger_number_begins_with_what_a_smaller_one_is():
    small, large = madeup.plan(NUMBERS), madeup.plan(Numbers(users=30, products=500, purchases=900, seed=7))
    assert large.users.ids[:20] == small.users.ids
    assert large.products.ids[:400] == small.products.ids
    assert large.purchases.ids[:500] == small.purchases.ids
    assert [large.users.make(i) for i in range(20)] == [small.users.make(i) for i in range(20)]


def test_what_is_made_does_not_depend_on_what_was_made_before():
    plan = madeup.plan(NUMBERS)
    there = [plan.products.make(i) for i in range(50)]
    assert [plan.products.make(i) for i in reversed(range(50))] == there[::-1]


def test_another_seed_makes_other_things():
    one, other = (madeup.plan(Numbers(users=5, products=5, purchases=5, seed=seed)) for seed in (1, 2))
    assert not set(one.products.ids) & set(other.products.ids)
    assert not {one.users.make(i).email for i in range(5)} & {other.users.make(i).email for i in range(5)}


def test_two_seeds_live_side_by_side():
    store = loaded(madeup.plan(NUMBERS))
    tallies = load(madeup.plan(Numbers(users=20, products=400, purchases=500, seed=8)), store)
    assert [tally.made for tally in tallies] == [20, 400, 500]


def test_everything_is_what_the_api_would_have_taken():
    store = loaded(madeup.plan(NUMBERS))
    for product in store.products.values():
        texts = (product.name, product.company, product.category, product.sku)
        assert all(0 < len(text) <= MAX_SHORT_CHARS and is_clean(text) for text in texts)
        assert product.price.minor > 0 and 0 <= product.stock <= MAX_UNITS
    assert all(user.email.isascii() and " " not in user.email for user in store.users.values())


def test_some_products_are_bought_often_and_many_now_and_then():
    counts = sorted(sold(loaded(madeup.plan(NUMBERS))).values())
    assert counts[-1] > 5 * counts[len(counts) // 2]
