"""The store and its Sentinels as metrics, asked at every scrape."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exactly_once.topology_report import NodeReport, SentinelReport, TopologyReport

STATES = ("ok", "degraded", "read-only", "down")


class StoreCollector(Collector):
    """What each data node and each Sentinel says for itself."""

    def __init__(self, report: Callable[[], TopologyReport], replicas: int) -> None:
        self._report = report
        self._replicas = replicas

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that no node is asked before the first scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metrics of a look at everything."""
        report = self._report()
        yield from self._store(report)
        yield from _nodes(report.nodes)
        yield from _sentinels(report.sentinels)

    def _store(self, report: TopologyReport) -> Iterator[Metric]:
        status = GaugeMetricFamily("evergreen_store_status", "1 for the state that the store is in.", labels=["status"])
        for state in STATES:
            status.add_metric([state], report.status == state)
        yield status
        primaries = sum(node.role == "primary" for node in report.nodes)
        yield _gauge(
            "evergreen_store_has_primary", "1 while the Sentinels agree on a primary that is one.", bool(report.primary)
        )
        yield _gauge("evergreen_store_primaries", "How many data nodes take themselves for the primary.", primaries)
        yield _gauge("evergreen_store_replicas_expected", "How many replicas there are to be.", self._replicas)
        yield _gauge(
            "evergreen_sentinel_quorum", "1 while a majority of the Sentinels names the same primary.", report.quorum
        )


def _nodes(nodes: Iterable[NodeReport]) -> Iterator[Metric]:
    up = _by_address("evergreen_store_node_up", "1 while this data node answers.")
    primary = _by_address("evergreen_store_node_primary", "1 while this data node takes itself for the primary.")
    link = _by_address("evergreen_store_replica_link_up", "1 while this replica gets the primary's stream.")
    lag = _by_address("evergreen_store_replica_lag_bytes", "What this replica has not got of the stream, in bytes.")
    for node in nodes:
        up.add_metric([node.address], node.role != "down")
        primary.add_metric([node.address], node.role == "primary")
        if node.role == "replica":
            link.add_metric([node.address], node.link == "connected")
        if node.role == "replica" and node.lag_bytes is not None:
            lag.add_metric([node.address], node.lag_bytes)
    yield from (up, primary, link, lag)


def _sentinels(sentinels: Iterable[SentinelReport]) -> Iterator[Metric]:
    up = _by_address("evergreen_sentinel_up", "1 while this Sentinel answers.")
    down = _by_address("evergreen_sentinel_sees_primary_down", "1 while this Sentinel holds the primary for down.")
    failing_over = _by_address("evergreen_sentinel_failing_over", "1 while this Sentinel replaces the primary.")
    epoch = _by_address("evergreen_sentinel_config_epoch", "Counts the failovers that this Sentinel knows of.")
    named = GaugeMetricFamily(
        "evergreen_sentinel_primary_info", "1 for the primary that this Sentinel names.", labels=["address", "primary"]
    )
    for sentinel in sentinels:
        up.add_metric([sentinel.address], sentinel.primary is not None)
        if sentinel.primary is not None:
            down.add_metric([sentinel.address], sentinel.sees_primary_down)
            failing_over.add_metric([sentinel.address], sentinel.is_failing_over)
            epoch.add_metric([sentinel.address], sentinel.epoch)
            named.add_metric([sentinel.address, sentinel.primary], 1)
    yield from (up, down, failing_over, epoch, named)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=float(value))


def _by_address(name: str, documentation: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=["address"])
