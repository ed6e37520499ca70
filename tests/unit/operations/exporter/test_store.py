import pytest
from prometheus_client import CollectorRegistry

from exactly_once.topology_report import NodeReport, SentinelReport, TopologyReport
from operations.exporter.store import STATES, StoreCollector

PRIMARY = NodeReport(address="a:1", role="primary", link="none", lag_bytes=0)
REPLICA = NodeReport(address="b:1", role="replica", link="connected", lag_bytes=70)
CUT_OFF = NodeReport(address="c:1", role="replica", link="connect", lag_bytes=None)
DOWN = NodeReport(address="d:1", role="down", link="down", lag_bytes=None)
SEES = SentinelReport(address="s:1", primary="a:1", sees_primary_down=False, is_failing_over=True, epoch=3)
SILENT = SentinelReport(address="s:2", primary=None, sees_primary_down=False)


def scraped(*nodes, sentinels=(), primary="a:1", quorum=True, status="degraded"):
    report = TopologyReport(primary=primary, nodes=nodes, sentinels=sentinels, quorum=quorum, status=status)
    registry = CollectorRegistry()
    registry.register(StoreCollector(lambda: report, replicas=2))
    return registry.get_sample_value


def test_each_node_says_what_it_is():
    value = scraped(PRIMARY, REPLICA, CUT_OFF, DOWN)
    assert [value("evergreen_store_node_up", {"address": a}) for a in ("a:1", "b:1", "c:1", "d:1")] == [1, 1, 1, 0]
    assert [value("evergreen_store_node_primary", {"address": a}) for a in ("a:1", "b:1")] == [1, 0]
    assert [value("evergreen_store_replica_link_up", {"address": a}) for a in ("b:1", "c:1")] == [1, 0]


def test_lag_is_said_where_it_is_known():
    value = scraped(PRIMARY, REPLICA, CUT_OFF)
    assert value("evergreen_store_replica_lag_bytes", {"address": "b:1"}) == 70
    assert value("evergreen_store_replica_lag_bytes", {"address": "c:1"}) is None
    assert value("evergreen_store_replica_lag_bytes", {"address": "a:1"}) is None


def test_two_that_take_themselves_for_the_primary_are_two():
    assert scraped(PRIMARY, PRIMARY)("evergreen_store_primaries") == 2


@pytest.mark.parametrize(("primary", "expected"), [("a:1", 1), (None, 0)])
def test_a_primary_is_there_or_not(primary, expected):
    assert scraped(PRIMARY, primary=primary)("evergreen_store_has_primary") == expected


@pytest.mark.parametrize("status", STATES)
def test_the_store_is_in_one_state(status):
    value = scraped(PRIMARY, status=status)
    assert [state for state in STATES if value("evergreen_store_status", {"status": state})] == [status]


def test_a_sentinel_says_what_it_holds_and_a_silent_one_nothing():
    value = scraped(PRIMARY, sentinels=[SEES, SILENT])
    assert value("evergreen_sentinel_primary_info", {"address": "s:1", "primary": "a:1"}) == 1
    assert value("evergreen_sentinel_failing_over", {"address": "s:1"}) == 1
    assert value("evergreen_sentinel_config_epoch", {"address": "s:1"}) == 3
    assert [value("evergreen_sentinel_up", {"address": a}) for a in ("s:1", "s:2")] == [1, 0]
    assert value("evergreen_sentinel_config_epoch", {"address": "s:2"}) is None


def test_nobody_is_asked_before_the_first_scrape():
    def unexpected():
        raise AssertionError

    registry = CollectorRegistry()
    registry.register(StoreCollector(unexpected, replicas=2))
    assert registry.get_target_info() is None
