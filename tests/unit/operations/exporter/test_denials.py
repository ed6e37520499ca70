from prometheus_client import CollectorRegistry

from exactly_once.client import Address
from exactly_once.errors import NotExecuted
from exactly_once.topology_report import NodeReport, SentinelReport, TopologyReport
from operations.exporter.denials import DenialsCollector

NODE = NodeReport(address="10.0.0.1:6379", role="primary", link="none", lag_bytes=0)
SENTINEL = SentinelReport(address="10.0.0.21:26379", primary=None, sees_primary_down=False)
REPORT = TopologyReport(primary=None, nodes=[NODE], sentinels=[SENTINEL], quorum=True, status="ok")
INFO = "# Stats\r\nacl_access_denied_auth:2\r\nacl_access_denied_cmd:3\r\nacl_access_denied_key:0\r\n"


class AServer:
    def __init__(self, reply: str | Exception) -> None:
        self._reply = reply

    def run(self, *commands, timeout):
        if isinstance(self._reply, Exception):
            raise self._reply
        return [self._reply]


def scraped(node: str | Exception, sentinel: str | Exception):
    nodes = {Address.parse(NODE.address): AServer(node), Address.parse(SENTINEL.address): AServer(sentinel)}
    registry = CollectorRegistry()
    registry.register(DenialsCollector(lambda: REPORT, nodes))
    return lambda address, kind: registry.get_sample_value(
        "evergreen_store_access_denied_total", {"address": address, "kind": kind}
    )


def test_what_a_data_node_and_a_sentinel_have_denied_is_counted_by_kind():
    value = scraped(INFO, INFO)
    assert (value(NODE.address, "password"), value(NODE.address, "command"), value(NODE.address, "key")) == (2, 3, 0)
    assert value(SENTINEL.address, "password") == 2


def test_a_server_that_does_not_answer_has_no_count():
    value = scraped(NotExecuted("gone"), INFO)
    assert value(NODE.address, "password") is None
    assert value(SENTINEL.address, "command") == 3


def test_a_server_that_does_not_count_a_kind_has_no_count_of_it():
    assert scraped(INFO, INFO)(NODE.address, "channel") is None
