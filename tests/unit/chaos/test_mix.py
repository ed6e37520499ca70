from collections import Counter
from dataclasses import replace
from itertools import islice

from chaos.history import CallKind
from chaos.mix import Mix
from tests.unit.chaos import scenes
from tests.unit.chaos.scenes import ANN, purchase

STAGE = replace(scenes.STAGE, plentiful=["tea", "coffee", "milk"])


def calls(number, mix=None):
    return list(islice((mix or Mix(STAGE, 1)).calls(), number))


def test_three_of_five_calls_read():
    shares = Counter(call.kind.is_read for call in calls(5000))
    assert 0.55 < shares[True] / 5000 < 0.65


def test_the_same_seed_makes_the_same_calls():
    assert calls(200) == calls(200)


def test_some_are_sent_again_under_their_key():
    keys = Counter(call.key for call in calls(2000) if call.key)
    assert set(keys.values()) == {1, 2}


def test_a_purchase_is_cancelled_once_however_often_it_is_heard_of():
    mix = Mix(STAGE, 1)
    for _ in range(3):
        mix.record_response(purchase(1))
    cancelled = [call for call in calls(5000, mix) if call.kind is CallKind.CANCELLATION]
    assert {(call.subject, call.caller) for call in cancelled} == {("purchase-1", ANN)}
    assert len({call.key for call in cancelled}) == 1
