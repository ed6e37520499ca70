"""Sources are served round-robin, whatever each of them has sent."""

import pytest

from shop.fair_queue import FairQueue, QueueFull


def taken(queue: FairQueue[int], count: int) -> list[int | None]:
    return [queue.take() for _ in range(count)]


def test_items_of_one_source_are_taken_in_their_order():
    queue = FairQueue[int](8, 8)
    for item in (1, 2, 3):
        queue.put("a", item)
    assert taken(queue, 4) == [1, 2, 3, None]


def test_a_source_that_comes_late_is_served_next_but_one():
    queue = FairQueue[int](8, 8)
    for item in (1, 2, 3):
        queue.put("a", item)
    queue.put("b", 10)
    assert taken(queue, 4) == [1, 10, 2, 3]


def test_sources_are_served_round_robin():
    queue = FairQueue[int](8, 8)
    for item in (1, 2):
        queue.put("a", item)
        queue.put("b", item * 10)
        queue.put("c", item * 100)
    assert taken(queue, 6) == [1, 10, 100, 2, 20, 200]


def test_a_source_has_no_more_than_its_share():
    queue = FairQueue[int](8, 2)
    queue.put("a", 1)
    queue.put("a", 2)
    with pytest.raises(QueueFull):
        queue.put("a", 3)
    queue.put("b", 10)
    assert taken(queue, 4) == [1, 10, 2, None]


def test_all_together_have_no_more_than_the_whole():
    queue = FairQueue[int](2, 2)
    queue.put("a", 1)
    queue.put("b", 10)
    with pytest.raises(QueueFull):
        queue.put("c", 100)
    assert taken(queue, 3) == [1, 10, None]


def test_an_item_has_its_place_until_it_is_released():
    queue = FairQueue[int](1, 1)
    queue.put("a", 1)
    assert queue.take() == 1
    with pytest.raises(QueueFull):
        queue.put("b", 10)
    queue.release("a")
    queue.put("b", 10)
    assert queue.take() == 10


def test_a_removed_item_is_not_taken():
    queue = FairQueue[int](3, 2)
    queue.put("a", 1)
    queue.put("a", 2)
    assert queue.remove("a", 1)
    queue.put("b", 10)
    assert taken(queue, 3) == [2, 10, None]


def test_an_item_that_was_taken_cannot_be_removed():
    queue = FairQueue[int](2, 2)
    queue.put("a", 1)
    assert queue.take() == 1
    assert not queue.remove("a", 1)
