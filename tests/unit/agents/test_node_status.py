"""The status of a data node, as it reports it itself."""

import pytest

from agents.node_status import MAX_COLD_STARTS, NodeState, format_cold_starts, read_status
from exactly_once.client import Address, ErrorReply
from exactly_once.revision import NO_REVISION, Revision


class ANode:
    """Replies as a primary that holds these values under the keys of the revision."""

    address = Address("10.0.0.1", 6379)

    def __init__(self, stored, cold_starts=None):
        self.stored = stored
        self.cold_starts = cold_starts

    def replies(self, *commands, timeout):
        assert commands[-1] == ("MGET", "{shop}:epoch", "{shop}:revision", "{shop}:fence")
        return ["role:master\r\n", ["replica-priority", "100"], self.cold_starts, self.stored]


@pytest.mark.parametrize(
    ("stored", "revision"),
    [
        (["4 10.0.0.1:6379", "17", None], Revision(4, 17)),
        ([None, "17", None], Revision(0, 17)),
        ([None, None, "17"], Revision(0, 17)),
        ([None, "3", "17"], Revision(0, 17)),
        ([None, None, None], NO_REVISION),
    ],
)
def test_a_node_reports_the_epoch_and_the_larger_of_both_counters(stored, revision):
    assert read_status(ANode(stored), "{shop}:revision").revision == revision


def test_a_node_reports_the_cold_starts_of_its_history_and_only_so_many_are_recorded():
    starts = tuple(Revision(number, number * 10) for number in range(MAX_COLD_STARTS + 2))
    text = format_cold_starts(starts)
    status = read_status(ANode(["4 10.0.0.1:6379", "17", None], text), "{shop}:revision")
    assert status.cold_starts == starts[2:]


def test_a_node_that_loads_its_data_has_no_revision_yet():
    status = read_status(ANode(ErrorReply("LOADING")), "{shop}:revision")
    assert (status.state, status.revision) == (NodeState.LOADING, NO_REVISION)
