"""What the checker calls wrong, and what it does not."""

import pytest

from chaos.checker import check
from chaos.history import Call, CallKind, History
from tests.unit.chaos.scenes import (
    ANN,
    BOB,
    CAKE,
    STAGE,
    TEA,
    adjustment,
    cancellation,
    contents,
    creation,
    denied,
    found,
    placed,
    product,
    purchase,
    refused,
    registration,
    stored,
    with_changes,
    without,
)


def read(path="/products/", status=200, **fields):
    return Call(kind=CallKind.CATALOGUE, method="GET", path=path, status=status, answer=b"{}", **fields)


def test_a_run_without_a_fault_has_no_violation():
    calls = [
        read(),
        purchase(1),
        purchase(2, caller=BOB),
        cancellation(2),
        adjustment(5),
        registration("eve@example.com"),
        refused(3, CAKE, "insufficient-stock"),
    ]
    cancelled = stored(2, caller=BOB, status="cancelled", events=("placed", "cancelled"))
    outcomes = [
        *placed(1, 2),
        ("cancelled-2", "MOVED"),
        ("adjusted", "ADJUSTED"),
        ("registered", "REGISTERED"),
        ("request-3", "INSUFFICIENT_STOCK"),
    ]
    held = contents([stored(1), cancelled], {"eve": "eve@example.com"}, outcomes, tea=product(103, 100, 5))
    assert found(calls, held) == []


def test_a_purchase_that_one_node_has_not_got_is_lost():
    held = contents([stored(1)], outcomes=placed(1))
    assert found([purchase(1)], held, redis_2=contents()) == ["diverged", "lost"]


def test_a_purchase_that_nobody_has_is_lost():
    assert found([purchase(1)], contents()) == ["lost"]


def test_a_purchase_without_its_record_is_lost_too():
    assert found([purchase(1)], contents([stored(1)])) == ["lost"]


def test_a_refusal_that_is_recorded_nowhere_is_lost():
    assert found([refused(1, CAKE, "insufficient-stock")], contents()) == ["lost"]


def test_a_refusal_that_made_room_for_later_ones_of_its_caller_is_not_lost():
    def lost(caller):
        first, *later = [refused(number, CAKE, "insufficient-stock") for number in range(1, 60)]
        later = [
            with_changes(call, due=2.0 + place, ended=2.1 + place, caller=caller) for place, call in enumerate(later)
        ]
        return found([first, *later], contents(outcomes=[(call.request_id, "INSUFFICIENT_STOCK") for call in later]))

    assert (lost(ANN), lost(BOB)) == ([], ["lost"])


def test_a_user_that_is_not_there_is_lost():
    held = contents(outcomes=[("registered", "REGISTERED")])
    assert found([registration("eve@example.com")], held) == ["lost"]


def test_a_cancelled_purchase_that_is_not_is_lost():
    held = contents([stored(1)], outcomes=[*placed(1), ("cancelled-1", "MOVED")])
    assert found([purchase(1), cancellation(1)], held) == ["lost"]


def test_one_request_that_made_two_purchases_is_doubled():
    held = contents([stored(1), stored(2)], outcomes=placed(1))
    assert found([purchase(1)], held) == ["doubled"]


def test_two_requests_for_the_same_may_make_two_purchases():
    held = contents([stored(1), stored(2)], outcomes=placed(1, 2))
    assert found([purchase(1), purchase(2)], held) == []


def test_two_purchases_under_one_key_are_doubled():
    held = contents([stored(1), stored(2)], outcomes=placed(1, 2))
    assert found([purchase(1, key="k"), purchase(2, key="k")], held) == ["doubled"]


def test_a_replay_counts_once():
    calls = [purchase(1, key="k"), purchase(1, key="k", request_id="other", is_replayed=True)]
    assert found(calls, contents([stored(1)], outcomes=placed(1))) == []


@pytest.mark.parametrize("held", [contents(), contents([stored(1)], outcomes=placed(1))])
def test_a_write_whose_outcome_is_unknown_may_have_been_done_or_not(held):
    assert found([purchase(1, status=0)], held) == []


@pytest.mark.parametrize("adjusted", [5, 5 + 3, 5 - 1, 5 + 3 - 1])
def test_adjustments_add_up_with_any_of_the_unknown_ones(adjusted):
    calls = [adjustment(5), adjustment(3, status=503, retry_after="1"), adjustment(-1, status=0)]
    held = contents(outcomes=[("adjusted", "ADJUSTED")], tea=product(100 + adjusted, 100, adjusted))
    assert found(calls, held) == []


def test_an_adjustment_made_twice_is_doubled():
    held = contents(outcomes=[("adjusted", "ADJUSTED")], tea=product(110, 100, 10))
    assert found([adjustment(5)], held) == ["doubled"]


def test_a_purchase_cancelled_twice_is_doubled():
    twice = stored(1, status="cancelled", events=("placed", "cancelled", "cancelled"))
    held = contents([twice], outcomes=[*placed(1), ("cancelled-1", "MOVED")])
    assert found([purchase(1), cancellation(1)], held) == ["doubled"]


def test_two_users_of_one_address_are_doubled():
    held = contents(users={"eve": "eve@x", "eva": "eve@x"}, outcomes=[("registered", "REGISTERED")])
    assert found([registration("eve@x", answer=b'{"id":"eve"}')], held) == ["doubled"]


def test_stock_that_is_less_than_nothing_is_oversold():
    assert found([], contents(tea=product(-1, -1))) == ["oversold"]


def test_stock_that_does_not_add_up_is_oversold():
    held = contents([stored(1)], outcomes=placed(1), tea=product(100, 100))
    assert found([purchase(1)], held) == ["oversold"]


def test_a_refusal_about_what_there_is_plenty_of_cannot_be_true():
    held = contents(outcomes=[("request-1", "INSUFFICIENT_STOCK")])
    assert found([refused(1, TEA, "insufficient-stock")], held) == ["bad answer"]


def test_a_purchase_that_its_buyer_cannot_see_has_vanished():
    call = Call(kind=CallKind.OWN, method="GET", path="/purchases/purchase-1/", caller=ANN, status=404)
    assert found([call], contents()) == ["bad answer"]


@pytest.mark.parametrize(
    "answer",
    [{"status": 500}, {"status": 502}, {"status": 503}, {"status": 400}, {"status": 401}, {"ended": 11.6}],
)
def test_answers_that_nobody_can_expect_are_bad(answer):
    assert found([read(**answer)], contents()) == ["bad answer"]


def test_an_answer_within_the_deadline_and_a_margin_is_none():
    assert found([read(ended=11.4)], contents()) == []


def test_503_with_retry_after_and_no_answer_at_all_are_no_breach_of_their_own():
    assert found([read(status=503, retry_after="1"), read(status=0)], contents()) == []


def test_nodes_that_count_different_writes_have_diverged():
    assert found([], contents(), redis_3=without(contents(), revision=8)) == ["diverged"]


def test_contents_without_recorded_outcomes_are_checked_for_everything_else():
    held = without(contents([stored(1)]), outcomes=None)
    assert found([purchase(1), purchase(2, caller=BOB)], held) == ["lost"]


def test_a_purchase_that_was_made_although_it_was_answered_store_unavailable_is_a_bad_answer():
    assert found([denied(purchase(1))], contents([stored(1)])) == ["bad answer"]


def test_what_was_answered_store_unavailable_and_was_not_done_is_no_violation():
    calls = [denied(purchase(1)), denied(adjustment(3)), denied(registration("eve@example.com"))]
    assert found(calls, contents()) == []


def test_two_purchases_of_which_none_was_denied_are_still_doubled():
    held = contents([stored(1), stored(2), stored(3)], outcomes=placed(1))
    assert found([purchase(1), denied(purchase(2))], held) == ["doubled"]


def test_an_adjustment_that_was_made_although_it_was_answered_store_unavailable_is_a_bad_answer():
    held = contents(tea=product(103, 100, 3))
    assert found([denied(adjustment(3))], held) == ["bad answer"]


def test_a_user_who_is_there_although_store_unavailable_was_answered_is_a_bad_answer():
    held = contents(users={"eve": "eve@example.com"})
    assert found([denied(registration("eve@example.com"))], held) == ["bad answer"]


def test_a_recorded_effect_of_what_was_answered_store_unavailable_is_a_bad_answer():
    held = contents(outcomes=[("created", "CREATED")])
    assert found([denied(creation("new"))], held) == ["bad answer"]


def test_what_was_denied_once_and_done_by_a_retry_under_its_key_is_no_violation():
    calls = [denied(purchase(1, key="k", request_id="first")), purchase(1, key="k")]
    assert found(calls, contents([stored(1)], outcomes=placed(1))) == []


def test_what_was_denied_once_and_is_unknown_under_the_same_key_may_have_been_done():
    calls = [purchase(1, key="k", status=0), denied(purchase(1, key="k"))]
    assert found(calls, contents([stored(1)])) == []


def test_a_created_product_that_is_not_there_is_lost():
    assert found([creation("new")], contents(outcomes=[("created", "CREATED")])) == ["lost"]


def dues(calls, held):
    return {violation.due for violation in check(History(calls=calls), STAGE, {"redis-1": held})}


def test_a_violation_about_the_only_purchase_of_its_lines_belongs_to_that_call():
    held = contents([stored(1), stored(2)], outcomes=placed(1))
    assert dues([purchase(1, due=3.0)], held) == {3.0}


def test_a_violation_about_purchases_of_the_same_lines_belongs_to_no_single_call():
    held = contents([stored(1), stored(2), stored(3)], outcomes=placed(1, 2))
    assert dues([purchase(1, due=3.0), purchase(2, due=4.0)], held) == {None}
