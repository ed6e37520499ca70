"""Movements that do not add up, events that are missing, and events of changes that never were."""

from dataclasses import replace

import pytest

from chaos.contents import EventContents
from tests.unit.chaos.scenes import (
    CAKE,
    TEA,
    adjustment,
    contents,
    creation,
    found,
    placed,
    product,
    purchase,
    registration,
    stored,
    with_changes,
    without,
)

PURCHASE = "purchase-1"
CREATED = (EventContents(type="product.created", object=TEA), EventContents(type="product.created", object=CAKE))
PLACED = EventContents(type="purchase.placed", object=PURCHASE)


def held_with(*events, moved=None, **changes):
    """What the nodes hold after one purchase of two units of tea, with these events beside those of the products."""
    moved = {TEA: 100, PURCHASE: -2} if moved is None else moved
    tea = replace(product(98, 100), moved=moved)
    held = contents([stored(1)], outcomes=placed(1), tea=tea)
    return without(held, events=[*CREATED, *events], **changes)


def test_movements_and_events_of_what_was_done_are_no_violation():
    assert found([purchase(1)], held_with(PLACED)) == []


def test_a_stock_that_moved_without_a_movement_is_miscounted():
    assert found([purchase(1)], held_with(PLACED, moved={TEA: 100})) == ["miscounted"]


@pytest.mark.parametrize(
    "moved", [{TEA: 100, PURCHASE: -4, "adjusted": 2}, {TEA: 96, PURCHASE: 2}, {TEA: 98}, {TEA: 102, PURCHASE: -4}]
)
def test_a_purchase_whose_units_moved_twice_or_never_is_miscounted_though_the_sum_is_right(moved):
    assert found([purchase(1)], held_with(PLACED, moved=moved)) == ["miscounted"]


def test_a_cancelled_purchase_moves_nothing_in_all():
    cancelled = stored(1, status="cancelled", events=("placed", "cancelled"))
    outcomes, tea = placed(1), replace(product(100, 100), moved={TEA: 100, PURCHASE: 0})
    events = [*CREATED, PLACED, EventContents(type="purchase.cancelled", object=PURCHASE)]
    held = without(contents([cancelled], outcomes=outcomes, tea=tea), events=events)
    assert found([purchase(1)], held) == []
    twice = replace(tea, stock=102, adjusted=2, moved={TEA: 100, PURCHASE: 2})
    assert "miscounted" in found([purchase(1)], without(held, products={**held.products, TEA: twice}))


def test_movements_whose_oldest_are_a_sum_are_compared_by_their_sum_alone():
    tea = replace(product(98, 100), moved={TEA: 98}, is_cut=True)
    held = without(contents([stored(1)], outcomes=placed(1), tea=tea), events=[*CREATED, PLACED])
    assert found([purchase(1)], held) == []


def test_a_purchase_without_its_event_is_found():
    assert found([purchase(1)], held_with()) == ["missing event"]


def test_a_state_without_its_event_is_found():
    paid = stored(1, status="paid", events=("placed", "paid"))
    held = without(contents([paid], outcomes=placed(1)), events=[*CREATED, PLACED])
    assert found([purchase(1)], held) == ["missing event"]


@pytest.mark.parametrize(
    "stray",
    [
        PLACED,
        EventContents(type="purchase.placed", object="purchase-7"),
        EventContents(type="purchase.paid", object=PURCHASE),
        EventContents(type="product.created", object="pear"),
        EventContents(type="product.created", object=TEA),
        EventContents(type="user.registered", object="eve"),
    ],
)
def test_an_event_without_its_change_is_found(stray):
    assert found([purchase(1)], held_with(PLACED, stray)) == ["stray event"]


def test_the_registration_of_a_user_who_was_erased_is_no_stray_event():
    events = [EventContents(type=f"user.{what}", object="eve") for what in ("registered", "erased")]
    assert found([purchase(1)], held_with(PLACED, *events)) == []


def test_a_created_product_and_a_registered_user_without_their_events_are_found():
    calls = [creation("new"), registration("eve@x.de", answer=b'{"id":"eve"}')]
    outcomes = [("created", "CREATED"), ("registered", "REGISTERED")]
    held = contents(users={"eve": "eve@x.de"}, outcomes=outcomes)
    held = without(held, products={**held.products, "new": product(3, 3)}, events=CREATED)
    assert found(calls, held) == ["missing event"]
    events = [
        EventContents(type="product.created", object="new"),
        EventContents(type="user.registered", object="eve"),
    ]
    assert found(calls, without(held, events=[*CREATED, *events])) == []


@pytest.mark.parametrize(("units", "anomalies"), [(5, []), (0, ["missing event"]), (10, ["missing event"])])
def test_the_events_of_adjustments_add_up_to_what_was_adjusted(units, anomalies):
    event = EventContents(type="product.stock_adjusted", object=TEA, units=units)
    held = contents(outcomes=[("adjusted", "ADJUSTED")], tea=product(105, 100, 5))
    assert found([adjustment(5)], without(held, events=[*CREATED, event])) == anomalies


def test_a_change_whose_client_got_no_answer_has_its_event_too():
    assert found([with_changes(purchase(1), status=0)], held_with()) == ["missing event"]


def test_nodes_with_different_events_have_diverged():
    held = held_with(PLACED)
    assert found([purchase(1)], held, redis_2=without(held, events=[PLACED, *CREATED])) == ["diverged"]
