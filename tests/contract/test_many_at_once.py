"""What is written in bulk is written as one by one."""

from exactly_once.errors import IdempotencyKeyReused
from exactly_once.requests import WriteResult
from shop.domain.errors import EmailTaken, InsufficientStock, SkuTaken
from tests.samples import a_product, a_request, a_user, again, in_catalogue, registered, under_the_key_of, units


def test_many_users_are_registered_and_a_refusal_takes_its_place(shop):
    users = [(a_request(), a_user(shop, email=email), "kept") for email in ("a@x.de", "A@x.de", "b@x.de")]
    first, refused, last = shop.users.register_all(users)
    assert [first, last] == [WriteResult(value=user, origin_request_id=request.id) for request, user, _ in users[::2]]
    assert (type(refused), refused.origin_request_id) == (EmailTaken, users[1][0].id)
    assert shop.users.page("", 9, None).results == [users[2][1], users[0][1]]


def test_many_products_are_created_and_a_refusal_takes_its_place(shop):
    products = [(a_request(), a_product(shop, sku=sku)) for sku in "ABA"]
    first, second, refused = shop.products.create_all(products)
    assert [first, second] == [
        WriteResult(value=product, origin_request_id=request.id) for request, product in products[:2]
    ]
    assert (type(refused), refused.origin_request_id) == (SkuTaken, products[2][0].id)


def test_many_purchases_are_placed_and_a_refusal_takes_its_place(shop):
    buyer, apple, now = registered(shop), in_catalogue(shop, stock=3), shop.clock.now()
    asked = [(a_request(), shop.ids.new(now), buyer.id, [units(apple, 2)], now) for _ in range(2)]
    done, refused = shop.purchases.place_all(asked)
    assert done == WriteResult(value=shop.purchases.get(asked[0][1], buyer.id), origin_request_id=asked[0][0].id)
    assert type(refused) is InsufficientStock
    assert shop.products.get(apple.id).stock == 1


def test_a_repeat_of_many_hears_what_each_of_them_heard(shop):
    products = [(a_request(), a_product(shop)) for _ in range(3)]
    first = shop.products.create_all(products)
    assert shop.products.create_all([(again(request), product) for request, product in products]) == first


def test_a_key_that_is_taken_takes_its_place_among_many(shop):
    request = a_request()
    shop.products.create(request, a_product(shop))
    refused, done = shop.products.create_all(
        [(under_the_key_of(request), a_product(shop)), (a_request(), a_product(shop))]
    )
    assert type(refused) is IdempotencyKeyReused
    assert type(done) is WriteResult


def test_nothing_at_all_is_written_at_once(shop):
    for many in (shop.users.register_all, shop.products.create_all, shop.purchases.place_all):
        assert list(many([])) == []
