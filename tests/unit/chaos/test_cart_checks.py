"""Carts under load: what the checker calls wrong about them, and which calls a cart makes."""

import random
from collections import Counter
from dataclasses import replace
from itertools import count, islice

import orjson
import pytest

from chaos.cart_calls import CartCalls
from chaos.checker import check
from chaos.history import CallKind, History
from chaos.staleness import effects
from tests.unit.chaos import scenes
from tests.unit.chaos.scenes import (
    ANN,
    CAKE,
    TEA,
    contents,
    found,
    placed,
    product,
    stored,
    with_changes,
    without,
    written,
)

CART = "cart-1"


def checkout(number, cart=CART, product=TEA, status=201, **changes):
    """The purchase of this number, of two units, answered to the checkout of a cart."""
    answer = orjson.dumps({"id": f"purchase-{number}"})
    call = written(CallKind.CHECKOUT, "/purchases/", ANN, {"cart": cart}, status, answer, subject=cart)
    return with_changes(call, **{"items": ((product, 2),), "request_id": f"request-{number}", "key": "k", **changes})


def refused(**changes):
    return checkout(1, product=CAKE, status=409, answer=orjson.dumps({"code": "insufficient-stock"}), **changes)


def bought(number, cart=CART, product=TEA):
    return {id: replace(purchase, cart=cart) for id, purchase in stored(number, product=product).items()}


def test_a_cart_that_is_bought_once_is_no_violation():
    held = contents([bought(1)], outcomes=placed(1))
    again = checkout(1, key="other", request_id="other", is_replayed=True)
    assert found([checkout(1), again], held) == []


def test_a_cart_that_became_two_purchases_is_doubled():
    held = contents([bought(1), bought(2)], outcomes=placed(1, 2))
    assert found([checkout(1), checkout(2, key="other")], held) == ["doubled"]


def test_a_cart_that_became_two_purchases_of_which_one_was_never_answered_is_doubled():
    assert found([checkout(1)], contents([bought(1), bought(2)], outcomes=placed(1))) == ["doubled"]


def test_a_purchase_of_a_cart_that_is_not_there_is_lost():
    assert found([checkout(1)], contents(outcomes=placed(1))) == ["lost"]


def test_a_purchase_of_other_lines_than_those_of_its_cart_is_a_bad_answer():
    held = contents([bought(1)], outcomes=placed(1))
    assert found([checkout(1, items=((TEA, 3),))], held) == ["bad answer"]


def test_the_checkout_of_a_cart_that_holds_its_lines_is_never_refused():
    outcomes = [("request-1", "INSUFFICIENT_STOCK")]
    assert found([refused()], contents(outcomes=outcomes)) == []
    assert found([refused(is_held=True)], contents(outcomes=outcomes)) == ["bad answer"]


def test_more_units_held_than_there_are_is_oversold():
    tea = replace(product(3, 3), held=4)
    assert found([], contents(tea=tea)) == ["oversold"]
    assert found([], contents(tea=replace(tea, held=3))) == []


def test_the_purchase_of_a_cart_is_none_of_the_purchases_by_lines():
    held = contents([bought(1), stored(2)], outcomes=placed(1, 2))
    assert found([checkout(1), scenes.purchase(2)], held) == []


def test_the_checkouts_of_one_cart_take_its_units_once():
    calls = [checkout(1), checkout(1, key="other", status=0)]
    assert [(effect.product, effect.units) for effect in effects(calls)] == [(TEA, -2)]


def test_nodes_read_their_carts_too():
    held = contents([bought(1)], outcomes=placed(1))
    assert found([checkout(1)], held, redis_2=without(held, purchases=stored(1))) == ["diverged"]


@pytest.fixture
def carts():
    numbers = count()
    stage = replace(scenes.STAGE, plentiful=["tea", "coffee", "milk", "bread"])
    return CartCalls(stage, random.Random(1), lambda: f"key-{next(numbers)}")


def answered(carts, number, status=201):
    """So many calls, each answered with this status before the next is made."""
    made, numbers = [], count()
    for call in islice(iter(carts.next_call, None), number):
        made.append(call)
        call.status, call.answer = status, orjson.dumps({"id": f"cart-{next(numbers)}"})
        carts.record_response(call)
    return made


def test_a_cart_is_made_filled_and_bought_with_all_its_lines(carts):
    calls = answered(carts, 400)
    lines = Counter((call.subject, call.items[0]) for call in calls if call.kind is CallKind.CART_LINE)
    checkouts = [call for call in calls if call.kind is CallKind.CHECKOUT]
    assert set(lines.values()) == {1}
    assert len(checkouts) > 20
    for call in checkouts:
        assert sorted(call.items) == sorted(item for cart, item in lines if cart == call.subject)


def test_some_carts_are_held_before_they_are_bought(carts):
    calls = answered(carts, 400)
    held = {call.subject for call in calls if call.kind is CallKind.CART_HOLD}
    checkouts = [call for call in calls if call.kind is CallKind.CHECKOUT]
    assert {call.subject for call in checkouts if call.is_held} <= held
    assert {call.is_held for call in checkouts} == {True, False}


def test_some_carts_are_bought_under_two_keys(carts):
    checkouts = Counter(call.subject for call in answered(carts, 400) if call.kind is CallKind.CHECKOUT)
    assert set(checkouts.values()) == {1, 2}


def test_a_cart_whose_call_had_no_answer_is_left(carts):
    answered(carts, 1)
    line = carts.next_call()
    while line.kind is not CallKind.CART_LINE:
        line = carts.next_call()
    carts.record_response(line)
    later = [carts.next_call() for _ in range(20)]
    assert {call.kind for call in later} == {CallKind.CART}


def test_a_hold_that_is_refused_makes_no_held_cart(carts):
    calls = answered(carts, 400)
    assert any(call.kind is CallKind.CART_HOLD for call in calls)
    for call in islice(iter(carts.next_call, None), 400):
        call.status = 409 if call.kind is CallKind.CART_HOLD else 201
        call.answer = orjson.dumps({"id": f"other-{id(call)}", "code": "insufficient-stock"})
        carts.record_response(call)
        if call.kind is CallKind.CHECKOUT and call.subject.startswith("other"):
            assert not call.is_held


def test_guests_name_themselves_and_buy_by_the_token_of_their_cart(carts):
    carts._stage = replace(carts._stage, has_guests=True)
    made = []
    for number in range(400):
        call = carts.next_call()
        token = "token" if call.kind is CallKind.CART and not call.caller else None
        call.status, call.answer = 201, orjson.dumps({"id": f"cart-{number}", "token": token})
        carts.record_response(call)
        made.append(call)
    named = {call.subject for call in made if call.kind is CallKind.CART_EMAIL}
    bought = [call for call in made if call.kind is CallKind.CHECKOUT]
    assert named
    for call in bought:
        assert call.headers == ({} if call.caller else {"X-Cart-Token": "token"})
        assert (call.subject in named) is not bool(call.caller)


def test_most_carts_want_one_voucher_until_it_is_exhausted(carts):
    carts._vouchers.extend(["TEA-1", "TEA-2", "TEA-3"])
    first = Counter(call.voucher for call in answered(carts, 600) if call.kind is CallKind.CHECKOUT)
    assert first["TEA-1"] > first["TEA-2"] + first["TEA-3"] > 0 < first[""]
    refusal = orjson.dumps({"code": "voucher-exhausted"})
    for _ in range(2):
        carts.record_response(checkout(1, status=422, answer=refusal, voucher="TEA-1"))
    later = Counter(carts._chosen_voucher() for _ in range(600))
    assert later["TEA-2"] > later["TEA-1"] + later["TEA-3"] > 0 < later[""]


def test_a_cart_is_refused_for_its_voucher_where_it_has_one():
    answer = orjson.dumps({"code": "voucher-exhausted"})
    outcomes = [("request-1", "VOUCHER_EXHAUSTED")]
    call = checkout(1, status=422, answer=answer, is_held=True)
    assert found([call], contents(outcomes=outcomes)) == ["bad answer"]
    stage = replace(scenes.STAGE, vouchers=["TEA-1"])
    call.voucher = "TEA-1"
    history = History(calls=[call])
    assert check(history, stage, {"redis-1": contents(outcomes=outcomes)}) == []


def test_the_history_has_the_lines_of_a_cart(carts):
    history = History(calls=[checkout(1)])
    assert b'"items":[["tea",2]]' in history.as_lines()
