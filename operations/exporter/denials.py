"""What data nodes and Sentinels have denied to their clients, as a metric: asked at every scrape."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from exactly_once.client import Address, ErrorReply, Nodes
from exactly_once.errors import ServerError
from exactly_once.replies import parse_info
from exactly_once.topology_report import TopologyReport

TIMEOUT_S = 0.3
#: The fields of INFO by what was denied: a password, a command, a key, a channel.
FIELDS = {
    "password": "acl_access_denied_auth",
    "command": "acl_access_denied_cmd",
    "key": "acl_access_denied_key",
    "channel": "acl_access_denied_channel",
}


class DenialsCollector(Collector):
    """Counts denials of every server that answers, since its start."""

    def __init__(self, report: Callable[[], TopologyReport], nodes: Nodes) -> None:
        self._report = report
        self._nodes = nodes

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that no server is asked before the first scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metric of a look at every server."""
        denials = CounterMetricFamily(
            "evergreen_store_access_denied",
            "Times that this data node or Sentinel has denied a password, a command, a key or a channel.",
            labels=["address", "kind"],
        )
        report = self._report()
        for address in (*(node.address for node in report.nodes), *(each.address for each in report.sentinels)):
            for kind, count in self._read(Address.parse(address)).items():
                denials.add_metric([address, kind], count)
        yield denials

    def _read(self, address: Address) -> dict[str, int]:
        """How often the server has denied what, by kind; nothing where it does not answer."""
        try:
            (text,) = self._nodes[address].run(("INFO", "stats"), timeout=TIMEOUT_S)
        except (ServerError, ErrorReply):
            return {}
        info = parse_info(text)
        return {kind: int(info[field]) for kind, field in FIELDS.items() if field in info}
