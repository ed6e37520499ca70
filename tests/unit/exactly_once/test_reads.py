"""Which node a read is sent to, and what it learns of the revision of the store."""

from contextlib import nullcontext

import pytest

from exactly_once.client import Address
from exactly_once.errors import NotExecuted, StoreUnavailable
from exactly_once.observer import SilentObserver
from exactly_once.reads import Consistency, Reader
from exactly_once.revision import RevisionWatermark
from exactly_once.topology import View

PRIMARY, ONE, OTHER = (Address(f"10.0.0.{n}", 6379) for n in (1, 2, 3))
QUESTION = ("GET", "anything")


class ANode:
    """Is at this revision, unless it does not answer; `meanwhile` happens between its answer and its arrival."""

    is_suspect = False

    def __init__(self, revision, meanwhile=lambda: None):
        self.revision = revision
        self.meanwhile = meanwhile
        self.asked = 0

    def run(self, *commands, timeout):
        self.asked += 1
        if self.revision is None:
            raise NotExecuted
        self.meanwhile()
        return [str(self.revision), self.revision]


class ATopology:
    view = View(primary=PRIMARY, replicas=(ONE, OTHER), known=(PRIMARY, ONE, OTHER), is_certain=True, following=2)

    def refresh(self):
        return self.view


class ACluster:
    topology = ATopology()
    observer = SilentObserver()
    release_slot = staticmethod(nullcontext)

    def __init__(self, nodes):
        self.nodes = nodes


@pytest.fixture
def watermark():
    return RevisionWatermark("revision")


@pytest.fixture
def read(watermark):
    def from_nodes(*nodes, consistency):
        cluster = ACluster(dict(zip((PRIMARY, ONE, OTHER), nodes, strict=True)))
        return Reader(cluster, scripts={}, watermark=watermark).read(QUESTION, consistency)

    return from_nodes


def test_a_causal_read_comes_from_a_node_that_has_every_write_known_here(read, watermark):
    watermark.advance_to(7)
    assert read(ANode(9), ANode(6), ANode(6), consistency=Consistency.CAUSAL) == 9


def test_a_primary_at_an_earlier_revision_resets_the_watermark(read, watermark):
    watermark.advance_to(7)
    assert read(ANode(3), ANode(3), ANode(3), consistency=Consistency.LINEARIZABLE) == 3
    assert watermark.value == 3


def test_a_write_acknowledged_while_the_primary_answers_keeps_the_watermark(read, watermark):
    watermark.advance_to(7)
    node = ANode(7, meanwhile=lambda: watermark.advance_to(8))
    read(node, ANode(7), ANode(7), consistency=Consistency.LINEARIZABLE)
    assert watermark.value == 8


def test_a_write_acknowledged_after_a_reset_keeps_the_watermark(read, watermark):
    watermark.advance_to(7)

    def another_read_and_a_write():
        watermark.reset_to(3, 7)
        watermark.advance_to(4)

    node = ANode(3, meanwhile=another_read_and_a_write)
    read(node, ANode(3), ANode(3), consistency=Consistency.LINEARIZABLE)
    assert watermark.value == 4


def test_no_node_is_asked_twice_before_the_sentinels_are_asked_again(read):
    nodes = [ANode(None) for _ in range(3)]
    with pytest.raises(StoreUnavailable):
        read(*nodes, consistency=Consistency.CAUSAL)
    assert [node.asked for node in nodes] == [2, 2, 2]
