"""Whom a read is asked of, and what it learns of how far the store is."""

import pytest

from exactly_once.client import Address
from exactly_once.reads import Reader
from exactly_once.server_errors import NothingDone
from exactly_once.topology import Fence, View
from shop.domain.errors import StoreUnavailable
from shop.repositories.keys import Keys
from shop.repositories.scripts import shop_scripts

PRIMARY, ONE, OTHER = (Address(f"10.0.0.{n}", 6379) for n in (1, 2, 3))
QUESTION = ("GET", "anything")


class ANode:
    """Counts so many writes, unless it does not answer; `meanwhile` happens between its answer and its arrival."""

    is_suspect = False

    def __init__(self, fence, meanwhile=lambda: None):
        self.fence = fence
        self.meanwhile = meanwhile
        self.asked = 0

    def run(self, *commands, timeout):
        self.asked += 1
        if self.fence is None:
            raise NothingDone
        self.meanwhile()
        return [str(self.fence), self.fence]


class ATopology:
    view = View(primary=PRIMARY, replicas=(ONE, OTHER), known=(PRIMARY, ONE, OTHER), is_certain=True, following=2)

    def refresh(self):
        return self.view


@pytest.fixture
def fence():
    return Fence()


@pytest.fixture
def reading(fence):
    def from_nodes(primary, one, other):
        nodes = {PRIMARY: primary, ONE: one, OTHER: other}
        return Reader(nodes=nodes, topology=ATopology(), scripts=shop_scripts(), keys=Keys("a-shop"), fence=fence)

    return from_nodes


def test_the_catalogue_comes_from_a_node_that_has_every_write_known_here(reading, fence):
    fence.raise_to(7)
    assert reading(ANode(9), ANode(6), ANode(6)).catalogue(QUESTION) == 9


def test_a_primary_that_counts_fewer_than_it_did_begins_anew(reading, fence):
    fence.raise_to(7)
    assert reading(ANode(3), ANode(3), ANode(3)).own(QUESTION) == 3
    assert fence.value == 3


def test_what_is_acknowledged_while_the_primary_answers_is_not_forgotten(reading, fence):
    fence.raise_to(7)
    reading(ANode(7, meanwhile=lambda: fence.raise_to(8)), ANode(7), ANode(7)).own(QUESTION)
    assert fence.value == 8


def test_what_is_acknowledged_after_the_store_began_anew_is_not_forgotten(reading, fence):
    fence.raise_to(7)

    def another_read_and_a_write():
        fence.restart_at(3, 7)
        fence.raise_to(4)

    reading(ANode(3, meanwhile=another_read_and_a_write), ANode(3), ANode(3)).own(QUESTION)
    assert fence.value == 4


def test_no_node_is_asked_twice_before_the_sentinels_are_asked_anew(reading):
    nodes = [ANode(None) for _ in range(3)]
    with pytest.raises(StoreUnavailable):
        reading(*nodes).catalogue(QUESTION)
    assert [node.asked for node in nodes] == [2, 2, 2]
