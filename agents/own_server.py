"""Connections of an agent to the server beside it, which may be announced under another address than it listens at: a
Pod of Kubernetes has a new address at each start, and its Service has one that stays.

The agent calls its own server where that listens. Through the Service the answer would depend on the network, on which
the agent must report.
"""

from exactly_once.client import Address, Node, Nodes, SourceConnection
from exactly_once.credentials import Credentials


class OwnServer(Node):
    """The server announced as `address`, called at `bind`. A certificate must name the announced address."""

    def __init__(self, address: Address, bind: str, source: str = "", credentials: Credentials | None = None) -> None:
        super().__init__(address, source, credentials=credentials)
        self._bind = bind

    def _connection(self) -> SourceConnection:
        connection = super()._connection()
        connection.target = Address(self._bind, self.address.port)
        return connection


class NodesBeside(Nodes):
    """As Nodes, where the server announced as `own` is called at `bind`."""

    def __init__(self, own: Address, bind: str, source: str = "", credentials: Credentials | None = None) -> None:
        super().__init__(source, credentials=credentials)
        self._own, self._bind = own, bind

    def _node(self, address: Address) -> Node:
        if address == self._own:
            return OwnServer(address, self._bind, self._source, self.credentials)
        return super()._node(address)
