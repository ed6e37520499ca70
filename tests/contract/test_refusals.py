"""Refusals are remembered for a while, and a limited number of each caller; what took effect is never forgotten for
them."""

import pytest

from exactly_once.requests import MAX_REFUSALS
from shop.domain.errors import InsufficientStock, MixedCurrencies, UnknownProduct
from shop.domain.money import Money
from shop.domain.purchases import MAX_LINES, Line
from tests.samples import a_request, again, in_catalogue, registered, units

#: Seconds of an idempotency key.
LONG_TTL_S = 86_400


@pytest.fixture
def product(shop):
    return in_catalogue(shop, stock=1)


def refused(shop, request, product, delta=-2):
    with pytest.raises(InsufficientStock) as refusal:
        shop.products.adjust_stock(request, product.id, delta, None)
    return refusal.value.origin_request_id


def requests_of(caller, count):
    return [a_request(caller=caller, ttl_s=LONG_TTL_S) for _ in range(count)]


def test_as_many_refusals_of_a_caller_as_the_limit_are_remembered(shop, product):
    requests = requests_of("ada", MAX_REFUSALS)
    assert [refused(shop, request, product) for request in requests] == [request.id for request in requests]
    assert [refused(shop, again(request), product) for request in requests] == [request.id for request in requests]


def test_the_oldest_refusal_of_a_caller_makes_room_for_the_next_one(shop, product):
    first, *others = requests_of("ada", MAX_REFUSALS + 1)
    for request in (first, *others):
        refused(shop, request, product)
    assert [refused(shop, again(request), product) for request in others] == [request.id for request in others]
    shop.products.adjust_stock(a_request(), product.id, 5, None)
    assert shop.products.adjust_stock(again(first), product.id, -2, None).value == 4


def test_the_refusals_of_one_caller_push_out_no_other_callers(shop, product):
    (request,) = requests_of("eve", 1)
    refused(shop, request, product)
    for other in requests_of("ada", MAX_REFUSALS + 1):
        refused(shop, other, product)
    assert refused(shop, again(request), product) == request.id


def test_what_took_effect_is_remembered_however_many_refusals_follow(shop, product):
    (request,) = requests_of("ada", 1)
    first = shop.products.adjust_stock(request, product.id, 1, None)
    for other in requests_of("ada", MAX_REFUSALS + 5):
        refused(shop, other, product, delta=-3)
    assert shop.products.adjust_stock(again(request), product.id, 1, None) == first


def test_every_line_of_a_refused_purchase_is_named_again_to_a_repeat(shop):
    buyer, now = registered(shop), shop.clock.now()
    short = [in_catalogue(shop, stock=number) for number in range(3)]
    plenty = in_catalogue(shop, stock=100)
    lines = [units(plenty, 1), *(units(product, 7) for product in short)]
    assert refused_twice(shop, buyer, lines, now, InsufficientStock, lambda e: [vars_of(s) for s in e.shortages]) == [
        (product.id, 7, number) for number, product in enumerate(short)
    ]


def test_every_product_that_is_unknown_is_named_again_to_a_repeat(shop):
    buyer, now = registered(shop), shop.clock.now()
    made_up = [f"made-up-{number}" for number in range(MAX_LINES - 1)]
    lines = [units(in_catalogue(shop), 1), *(Line(product=name, quantity=1) for name in made_up)]
    assert refused_twice(shop, buyer, lines, now, UnknownProduct, lambda e: list(e.products)) == made_up


def test_the_currencies_of_a_refused_purchase_are_named_again_to_a_repeat(shop):
    buyer, now = registered(shop), shop.clock.now()
    yen = in_catalogue(shop, price=Money(minor=1, currency="JPY"))
    lines = [units(in_catalogue(shop), 1), units(yen, 1)]
    assert refused_twice(shop, buyer, lines, now, MixedCurrencies, lambda e: list(e.currencies)) == ["EUR", "JPY"]


def vars_of(shortage):
    return (shortage.product, shortage.requested, shortage.available)


def refused_twice(shop, buyer, lines, now, kind, what):
    """What a refusal says, the first time and to a repeat."""
    request, named = a_request(caller=buyer.id), []
    for attempt in (request, again(request)):
        with pytest.raises(kind) as refusal:
            shop.purchases.place(attempt, "a-purchase", buyer.id, lines, now)
        assert refusal.value.origin_request_id == request.id
        named.append(what(refusal.value))
    assert named[0] == named[1]
    return named[0]
