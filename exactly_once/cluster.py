"""One Redis or Valkey cluster under Sentinel, as a process sees it. Several stores can share it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from exactly_once.client import Address, Nodes
from exactly_once.credentials import Credentials
from exactly_once.observer import Observer, SilentObserver
from exactly_once.sentinels import Sentinels
from exactly_once.topology import Topology
from exactly_once.topology_report import TopologyReport, report_topology


class Cluster:
    """A primary, its replicas, and the Sentinels that watch them.

    `replicas` is how many replicas there should be. `source_address` is the address to connect from, the system's
    choice where it is empty. `observer` receives measurements. `release_slot` is entered while a thread waits for the
    store: an application that limits its concurrency gives the slot of the calling thread to another one meanwhile.
    `credentials` are those of one user that data nodes and Sentinels know; without any, nothing is authenticated.

    Nothing is connected to, and no thread is started, before the first question: a process may fork until then.
    """

    def __init__(
        self,
        *,
        sentinels: Sequence[tuple[str, int]],
        primary_name: str,
        replicas: int = 2,
        source_address: str = "",
        observer: Observer | None = None,
        release_slot: Callable[[], AbstractContextManager[None]] = nullcontext,
        nodes: Nodes | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self.replicas = replicas
        self.observer: Observer = observer or SilentObserver()
        self.release_slot = release_slot
        self.nodes = nodes or Nodes(source_address, self.observer, release_slot, credentials)
        self.sentinels = Sentinels([Address(host, port) for host, port in sentinels], primary_name, self.nodes)
        self.topology = Topology(self.sentinels, self.nodes, self.observer, release_slot)

    def report(self) -> TopologyReport:
        """The cluster as each part of it answers now."""
        with self.release_slot():
            return report_topology(self.sentinels, self.nodes, self.replicas)

    def close(self) -> None:
        """End the threads and the connections."""
        self.topology.close()
        self.nodes.close()
