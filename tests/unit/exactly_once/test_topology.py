"""What a process knows of the primary, and how often it asks whom."""

import time
from dataclasses import replace

import pytest
from redis.exceptions import ConnectionError as Disconnected

from exactly_once.client import Address
from exactly_once.errors import NotExecuted
from exactly_once.exclusions import QUERY, channel_of
from exactly_once.revision import Revision, RevisionWatermark
from exactly_once.sentinels import Sentinels, SentinelView
from exactly_once.topology import CONFIRMATION_INTERVAL_S, MAX_VIEW_AGE_S, REFRESH_S, Topology

ONE, TWO, THREE, FOUR = (Address(f"10.0.0.{number}", 6379) for number in (1, 2, 3, 4))
PATROL = tuple(Address(f"10.0.0.{number}", 26379) for number in (1, 2, 3))
ONE_LEADS = SentinelView(
    primary=ONE,
    primary_is_up=True,
    is_failing_over=False,
    is_promoted=False,
    replicas=frozenset({TWO, THREE}),
    up=frozenset({TWO, THREE}),
    linked=frozenset({TWO, THREE}),
    epoch=6,
)
TWO_LEADS = replace(ONE_LEADS, primary=TWO, replicas=frozenset({ONE, THREE}), epoch=7)


class APrimary:
    """Answers as a primary at this revision until it is frozen."""

    is_suspect = False

    def __init__(self, revision):
        self.revision = revision
        self.is_frozen = False
        self.asked = 0
        self.excluded = ()

    def run(self, *commands, timeout):
        assert commands[:2] == (("ROLE",), QUERY)
        self.asked += 1
        if self.is_frozen:
            raise NotExecuted
        epoch, number = self.revision
        revisions = [[f"{epoch} {ONE}", str(number)] for _ in commands[2:]]
        return [["master", 0, []], [channel_of(replica) for replica in self.excluded], *revisions]

    def connection(self):
        return NoConnection()


class NoConnection:
    """No Sentinel publishes events here."""

    def connect(self):
        raise Disconnected

    def disconnect(self):
        """There is nothing to end."""


@pytest.fixture
def primary():
    return APrimary(Revision(6, 40))


class ThreeSentinels(Sentinels):
    """Have these views of the cluster."""

    def __init__(self):
        super().__init__(PATROL, "shop", {})
        self.asked = 0
        self.views = [ONE_LEADS] * 3
        self.ask = self.answer

    def answer(self):
        self.asked += 1
        return self.views


@pytest.fixture
def sentinels():
    return ThreeSentinels()


@pytest.fixture
def topology(primary, sentinels):
    topology = Topology(sentinels, dict.fromkeys((ONE, TWO, THREE, *PATROL), primary))
    yield topology
    topology.close()


@pytest.fixture
def watermark(topology):
    watermark = RevisionWatermark("{shop}:revision")
    topology.track(watermark)
    return watermark


def wait_until(is_so):
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_write_does_not_wait_for_a_replica_that_is_excluded(topology, primary):
    assert topology.view.following == 2
    primary.excluded = (THREE,)
    assert topology.refresh().following == 1


def test_the_primary_is_asked_often_and_the_sentinels_seldom(topology, sentinels, watermark, primary):
    assert topology.view.primary == ONE
    wait_until(lambda: primary.asked >= 5)
    assert sentinels.asked <= 1 + 5 * CONFIRMATION_INTERVAL_S // REFRESH_S + 1
    assert watermark.is_confirmed


def test_the_watermark_follows_the_primary(topology, watermark, primary):
    assert topology.view.primary == ONE
    primary.revision = Revision(6, 41)
    wait_until(lambda: watermark.value == Revision(6, 41))


def test_the_sentinels_are_asked_before_a_primary_that_did_not_answer_is_believed_again(
    topology, sentinels, watermark, primary
):
    assert topology.view.primary == ONE
    sentinels.views = [TWO_LEADS] * 3
    primary.is_frozen = True
    wait_until(lambda: topology.view.primary is None)
    primary.is_frozen = False
    wait_until(lambda: topology.view.primary == TWO)


def test_no_process_is_asked_before_the_first_question(topology, sentinels, watermark, primary):
    time.sleep(3 * CONFIRMATION_INTERVAL_S)
    assert (primary.asked, sentinels.asked) == (0, 0)


def test_a_process_that_was_frozen_asks_the_sentinels_before_it_uses_its_view_again(topology, sentinels, watermark):
    assert topology.view.primary == ONE
    sentinels.views = [TWO_LEADS] * 3
    topology._refreshed_at -= MAX_VIEW_AGE_S
    assert topology.view.primary == TWO


@pytest.mark.parametrize(
    ("views", "epoch"),
    [
        ([ONE_LEADS, ONE_LEADS, TWO_LEADS], f"6 {ONE}"),
        ([TWO_LEADS, ONE_LEADS, TWO_LEADS], f"7 {TWO}"),
        ([TWO_LEADS, replace(TWO_LEADS, epoch=8), None], f"8 {TWO}"),
    ],
)
def test_the_epoch_of_the_primary_is_the_highest_of_the_sentinels_that_name_it(topology, sentinels, views, epoch):
    sentinels.views = views
    assert topology.epoch_of(topology.refresh().primary) == epoch


def test_a_node_that_is_not_primary_any_more_gets_no_epoch_of_another_one(topology, sentinels):
    sentinels.views = [TWO_LEADS] * 3
    topology.refresh()
    assert topology.epoch_of(ONE) == f"0 {ONE}"


def test_a_replica_that_one_sentinel_knows_is_counted(topology, sentinels):
    more = replace(ONE_LEADS, replicas=frozenset({TWO, THREE, FOUR}))
    sentinels.views = [ONE_LEADS, ONE_LEADS, more]
    assert topology.refresh().known_replicas == 3


def test_a_replica_is_not_forgotten_while_no_majority_answers(topology, sentinels):
    more = replace(ONE_LEADS, replicas=frozenset({TWO, THREE, FOUR}))
    for views in ([more] * 3, [ONE_LEADS, None, None], [None] * 3):
        sentinels.views = views
        assert topology.refresh().known_replicas == 3
    sentinels.views = [ONE_LEADS] * 3
    assert topology.refresh().known_replicas == 2


def test_three_sentinels_of_five_are_asked_and_two_of_them_are_not_enough(topology, sentinels):
    of_five = replace(ONE_LEADS, sentinels=5)
    sentinels.views = [of_five, of_five, None]
    assert not topology.refresh().is_certain
    sentinels.views = [of_five] * 3
    assert topology.refresh().is_certain
