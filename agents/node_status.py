"""The status of data nodes, as each reports it itself, and the Sentinels' consensus beside it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from typing import Any

from redis.exceptions import RedisError

from exactly_once.client import Address, Node, Nodes
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError
from exactly_once.replies import parse_info
from exactly_once.revision import NO_REVISION, Revision, epoch_key
from exactly_once.sentinels import Consensus, Sentinels, find_consensus

ANSWER_TIMEOUT_S = 0.3
#: Nothing listens there: what a node "follows" until its role is known. The host is its own.
NOWHERE_PORT = 1
#: The name of the revision in a store of schema 1. Of nodes that were stopped in the middle of a migration some have
#: this one and some the present one; the larger number is how far a node is.
FORMER_REVISION = "fence"
#: The name of the revisions at which the store was led from a cold start, oldest first, and how many of them stay.
COLD_STARTS = "cold_starts"
MAX_COLD_STARTS = 8


class NodeState(Enum):
    """How a data node answers: DOWN refuses connections, SILENT lets them time out, LOADING refuses reads."""

    DOWN = "down"
    SILENT = "silent"
    LOADING = "loading"
    READY = "ready"


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeStatus:
    """A data node as it describes itself. `follows` is None on a primary; `revision` is the last write it
    has: by epoch first, so that a later primary's history is further than any count of an earlier one's. `cold_starts`
    are the revisions at which its history was led from a cold start, oldest first."""

    address: Address
    state: NodeState
    follows: Address | None = None
    link_is_up: bool = False
    priority: int = 0
    revision: Revision = NO_REVISION
    cold_starts: tuple[Revision, ...] = ()

    @property
    def is_ready(self) -> bool:
        return self.state is NodeState.READY

    @property
    def answers(self) -> bool:
        return self.state in (NodeState.LOADING, NodeState.READY)

    @property
    def is_primary(self) -> bool:
        return self.is_ready and self.follows is None

    @property
    def has_no_role(self) -> bool:
        """Whether it waits to be given a primary to follow."""
        return self.follows is not None and self.follows.port == NOWHERE_PORT

    @property
    def is_electable(self) -> bool:
        """Whether the Sentinels may make it the primary."""
        return self.answers and self.priority > 0

    @property
    def has_data(self) -> bool:
        """Whether it can be asked for its data, and has any."""
        return self.is_ready and self.revision > NO_REVISION

    def has_writes_beyond(self, other: "NodeStatus") -> bool:
        """Whether it has writes that the other one lacks: its revision is later, or later than the one at which the
        other one's history was led without it."""
        missed = [start for start in other.cold_starts if start not in self.cold_starts]
        return self.revision > min([other.revision, *missed])


class ClusterProbe:
    """Asks Sentinels and data nodes, all of them at once, and caches nothing. It holds connections and threads, which
    do not survive a fork: close it before, and make another one in the child."""

    def __init__(self, sentinels: Sequence[Address], primary_name: str, revision_key: str, nodes: Nodes) -> None:
        self.nodes = nodes
        self._sentinels = Sentinels(sentinels, primary_name, self.nodes)
        self._revision_key = revision_key

    def consensus(self) -> Consensus:
        """What a majority of the Sentinels reports now."""
        return find_consensus(self._sentinels.ask())

    def status(self, address: Address) -> NodeStatus:
        """The status of the data node at this address now."""
        return read_status(self.nodes[address], self._revision_key)

    def statuses(self, addresses: Sequence[Address]) -> list[NodeStatus]:
        """The status of each of these data nodes now, in their order."""
        return _statuses(self.nodes, addresses, self._revision_key)

    def close(self) -> None:
        """End the threads and the connections."""
        self._sentinels.close()
        self.nodes.close()


def read_statuses(addresses: Sequence[Address], revision_key: str, credentials: Credentials | None) -> list[NodeStatus]:
    """The status of each of these data nodes now, in their order, over connections that are closed afterwards."""
    with closing(Nodes(credentials=credentials)) as nodes:
        return _statuses(nodes, addresses, revision_key)


def read_status(node: Node, revision_key: str) -> NodeStatus:
    """The status of this data node now."""
    former_key = f"{revision_key.rpartition(':')[0]}:{FORMER_REVISION}"
    revisions = ("MGET", epoch_key(revision_key), revision_key, former_key)
    cold_starts = ("GET", cold_starts_key(revision_key))
    queries = ("INFO", "replication"), ("CONFIG", "GET", "replica-priority"), cold_starts, revisions
    try:
        info, priority, starts, stored = node.replies(*queries, timeout=ANSWER_TIMEOUT_S)
    except ServerError as error:
        return NodeStatus(address=node.address, state=NodeState.SILENT if error.timed_out else NodeState.DOWN)
    if isinstance(info, RedisError) or isinstance(priority, RedisError):
        return NodeStatus(address=node.address, state=NodeState.SILENT)
    return _parse_status(node.address, parse_info(info), int(priority[1]), starts, stored)


def cold_starts_key(revision_key: str) -> str:
    """The key of the cold starts beside this key of the revision."""
    return f"{revision_key.rpartition(':')[0]}:{COLD_STARTS}"


def format_cold_starts(starts: Sequence[Revision]) -> str:
    """The latest of these revisions, as the key of the cold starts holds them."""
    return " ".join(map(str, starts[-MAX_COLD_STARTS:]))


def _parse_cold_starts(text: str) -> tuple[Revision, ...]:
    return tuple(Revision(*map(int, word.split(":"))) for word in text.split())


def _parse_status(address: Address, info: dict[str, str], priority: int, starts: Any, stored: Any) -> NodeStatus:
    is_loading = isinstance(stored, RedisError)
    return NodeStatus(
        address=address,
        state=NodeState.LOADING if is_loading else NodeState.READY,
        follows=Address(info["master_host"], int(info["master_port"])) if info["role"] == "slave" else None,
        link_is_up=info.get("master_link_status") == "up",
        priority=priority,
        revision=NO_REVISION if is_loading else _parse_revision(*stored),
        cold_starts=_parse_cold_starts(starts) if isinstance(starts, str) else (),
    )


def _parse_revision(epoch: str | None, *numbers: str | None) -> Revision:
    return max(Revision.parse(epoch, number) for number in numbers)


def _statuses(nodes: Nodes, addresses: Sequence[Address], revision_key: str) -> list[NodeStatus]:
    with ThreadPoolExecutor(max(len(addresses), 1)) as threads:
        return list(threads.map(lambda address: read_status(nodes[address], revision_key), addresses))
