"""Which node a read is sent to, and what it learns of the revision of the store."""

import time
from contextlib import nullcontext
from dataclasses import replace

import pytest

from exactly_once.client import Address
from exactly_once.errors import NotExecuted, StoreUnavailable
from exactly_once.observer import SilentObserver
from exactly_once.reads import Consistency, Reader
from exactly_once.revision import MAX_STALENESS_S, NO_REVISION, Revision, RevisionWatermark
from exactly_once.topology import View

PRIMARY, ONE, OTHER = (Address(f"10.0.0.{n}", 6379) for n in (1, 2, 3))
QUESTION = ("GET", "anything")
EPOCH = 4
VIEW = View(primary=PRIMARY, replicas=(ONE, OTHER), known=(PRIMARY, ONE, OTHER), is_certain=True, following=2)


def at(number, epoch=EPOCH):
    return Revision(epoch, number)


class ANode:
    """Is at this revision, unless it does not answer; `meanwhile` happens between its answer and its arrival."""

    def __init__(self, revision, meanwhile=lambda: None, is_suspect=False):
        self.revision = revision
        self.meanwhile = meanwhile
        self.is_suspect = is_suspect
        self.asked = 0

    def run(self, *commands, timeout):
        self.asked += 1
        if self.revision is None:
            raise NotExecuted
        self.meanwhile()
        epoch, number = self.revision
        return [[f"{epoch} {PRIMARY}", str(number)], self.revision]


class ATopology:
    """Has this view, and another one once the Sentinels have been asked again."""

    def __init__(self, view, fresh):
        self.view = view
        self.fresh = fresh

    def refresh(self):
        self.view = self.fresh
        return self.view


class ACluster:
    observer = SilentObserver()
    release_slot = staticmethod(nullcontext)

    def __init__(self, nodes, topology):
        self.nodes = nodes
        self.topology = topology


@pytest.fixture
def watermark():
    """One that the primary has just confirmed."""
    watermark = RevisionWatermark("{shop}:revision")
    watermark.confirm(NO_REVISION, time.monotonic() + 60)
    return watermark


@pytest.fixture
def unconfirmed():
    """One that the primary confirmed a moment too long ago."""
    watermark = RevisionWatermark("{shop}:revision")
    watermark.confirm(NO_REVISION, time.monotonic() - MAX_STALENESS_S)
    return watermark


def read_with(watermark, *nodes, consistency, view=VIEW, fresh=None):
    cluster = ACluster(dict(zip((PRIMARY, ONE, OTHER), nodes, strict=True)), ATopology(view, fresh or view))
    return Reader(cluster, scripts={}, watermark=watermark).read(QUESTION, consistency)


@pytest.fixture
def read(watermark):
    def from_nodes(*nodes, **how):
        return read_with(watermark, *nodes, **how)

    return from_nodes


def test_a_causal_read_comes_from_a_node_that_has_every_write_known_here(read, watermark):
    watermark.advance_to(at(7))
    assert read(ANode(at(9)), ANode(at(6)), ANode(at(6)), consistency=Consistency.CAUSAL) == at(9)


def test_a_node_that_counts_more_writes_of_an_earlier_epoch_has_the_past(read, watermark):
    watermark.advance_to(at(7))
    woken = ANode(at(1000, epoch=EPOCH - 1))
    assert read(ANode(at(9)), woken, woken, consistency=Consistency.CAUSAL) == at(9)


def test_a_replica_answers_while_the_primary_has_confirmed_the_watermark(read):
    assert read(ANode(at(9)), ANode(at(6)), ANode(at(6)), consistency=Consistency.CAUSAL) == at(6)


def test_the_primary_answers_a_causal_read_where_it_has_not_confirmed_the_watermark_in_time(unconfirmed):
    nodes = ANode(at(9)), ANode(at(6)), ANode(at(6))
    assert read_with(unconfirmed, *nodes, consistency=Consistency.CAUSAL) == at(9)


def test_a_replica_answers_where_the_primary_does_not(unconfirmed):
    nodes = ANode(None), ANode(at(6)), ANode(at(6))
    assert read_with(unconfirmed, *nodes, consistency=Consistency.CAUSAL) == at(6)


def test_a_suspect_primary_is_not_waited_for(unconfirmed):
    suspect = ANode(at(9), is_suspect=True)
    assert read_with(unconfirmed, suspect, ANode(at(6)), ANode(at(6)), consistency=Consistency.CAUSAL) == at(6)
    assert suspect.asked == 0


def test_replicas_answer_in_rotation_while_there_is_no_primary(unconfirmed):
    nodes = ANode(None), ANode(at(6)), ANode(at(6))
    view = replace(VIEW, primary=None)
    cluster = ACluster(dict(zip((PRIMARY, ONE, OTHER), nodes, strict=True)), ATopology(view, view))
    reader = Reader(cluster, scripts={}, watermark=unconfirmed)
    for _ in range(4):
        reader.read(QUESTION, Consistency.CAUSAL)
    assert [node.asked for node in nodes] == [0, 2, 2]


def test_a_primary_at_an_earlier_revision_resets_the_watermark(read, watermark):
    watermark.advance_to(at(7))
    assert read(ANode(at(3)), ANode(at(3)), ANode(at(3)), consistency=Consistency.LINEARIZABLE) == at(3)
    assert watermark.value == at(3)


def test_a_former_primary_that_has_the_past_is_not_believed_before_the_sentinels_are_asked(read, watermark):
    watermark.advance_to(at(7))
    former = ANode(at(1000, epoch=EPOCH - 1))
    elected = replace(VIEW, primary=ONE, replicas=(OTHER,))
    nodes = former, ANode(at(8)), ANode(at(6))
    assert read(*nodes, consistency=Consistency.LINEARIZABLE, fresh=elected) == at(8)
    assert watermark.value == at(7)


def test_without_any_recent_node_the_latest_epoch_is_shown(read, watermark):
    watermark.advance_to(at(7))
    nodes = ANode(None), ANode(at(1000, epoch=EPOCH - 1)), ANode(at(5))
    assert read(*nodes, consistency=Consistency.CAUSAL, view=replace(VIEW, primary=None)) == at(5)


def test_a_write_acknowledged_while_the_primary_answers_keeps_the_watermark(read, watermark):
    watermark.advance_to(at(7))
    node = ANode(at(7), meanwhile=lambda: watermark.advance_to(at(8)))
    read(node, ANode(at(7)), ANode(at(7)), consistency=Consistency.LINEARIZABLE)
    assert watermark.value == at(8)


def test_a_write_acknowledged_after_a_reset_keeps_the_watermark(read, watermark):
    watermark.advance_to(at(7))

    def another_read_and_a_write():
        # Once the Sentinels have confirmed the primary.
        if node.asked == 2:
            watermark.reset_to(at(3), at(7))
            watermark.advance_to(at(4))

    node = ANode(at(3), meanwhile=another_read_and_a_write)
    read(node, ANode(at(3)), ANode(at(3)), consistency=Consistency.LINEARIZABLE)
    assert watermark.value == at(4)


def test_no_node_is_asked_twice_before_the_sentinels_are_asked_again(read):
    nodes = [ANode(None) for _ in range(3)]
    with pytest.raises(StoreUnavailable):
        read(*nodes, consistency=Consistency.CAUSAL)
    assert [node.asked for node in nodes] == [2, 2, 2]
