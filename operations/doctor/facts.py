"""The facts that the rules are held against: what every node and Sentinel reports about itself."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from exactly_once.client import Address, ErrorReply, Node
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError
from exactly_once.exclusions import AGENT_QUERY
from exactly_once.replies import parse_info, parse_pairs
from exactly_once.revision import NO_REVISION, Revision, parse_reply, revision_query
from exactly_once.sentinel_records import Record, address_of, read_quorum_fault, read_records

#: That a node or Sentinel gets for one answer.
TIMEOUT_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SentinelFacts:
    """One Sentinel and its records. `primary` is empty where it does not answer or does not know it; `fault` is why it
    does not answer; `quorum_fault` is why it could not get a failover authorized, empty where it could."""

    address: Address
    answers: bool = False
    primary: Record = field(default_factory=dict)
    replicas: Sequence[Record] = ()
    others: Sequence[Record] = ()
    quorum_fault: str = ""
    fault: str = ""
    info: Mapping[str, str] = field(default_factory=dict)

    @property
    def primary_address(self) -> Address | None:
        """The primary that it names."""
        return address_of(self.primary) if self.primary else None


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeFacts:
    """One data node. `fault` is why nothing is known of it; `settings` is None where it refuses CONFIG GET; `clock` is
    how many seconds its clock is ahead of this machine's, give or take `clock_error`; `lag_agents` how many lag agents
    run beside it."""

    address: Address
    fault: str = ""
    role: Sequence[Any] = ()
    info: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] | None = None
    revision: Revision = NO_REVISION
    clock: float = 0.0
    clock_error: float = 0.0
    lag_agents: int = 1

    @property
    def is_primary(self) -> bool:
        return bool(self.role) and self.role[0] == "master"

    @property
    def follows(self) -> Address | None:
        """The primary of a replica."""
        return Address(self.role[1], int(self.role[2])) if self.role and self.role[0] == "slave" else None

    @property
    def offset(self) -> int:
        """Its position in the replication stream, in bytes."""
        return int(self.role[1] if self.is_primary else self.role[4])


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Every Sentinel and node, and the configuration they are held against: how many replicas, which durability."""

    sentinels: Sequence[SentinelFacts]
    nodes: Sequence[NodeFacts]
    replicas: int
    durability: str

    @property
    def majority(self) -> int:
        return len(self.sentinels) // 2 + 1

    @property
    def answering(self) -> Sequence[NodeFacts]:
        return [node for node in self.nodes if not node.fault]

    @property
    def primaries(self) -> Sequence[NodeFacts]:
        """The nodes that report the role of a primary."""
        return [node for node in self.nodes if node.is_primary]


def collect_facts(
    sentinels: Sequence[Address],
    name: str,
    revision_key: str,
    replicas: int,
    durability: str,
    credentials: Credentials | None,
) -> Facts:
    """The facts as of now. Replicas are asked before primaries, so that a replica which is ahead is so in truth."""
    with ThreadPoolExecutor(max(len(sentinels), 4)) as threads:
        seen = list(threads.map(lambda address: _sentinel(Node(address, credentials=credentials), name), sentinels))
        primaries = {sentinel.primary_address for sentinel in seen if sentinel.primary_address}
        others = {address_of(replica) for sentinel in seen for replica in sentinel.replicas} - primaries
        nodes = [
            node
            for group in (sorted(others), sorted(primaries))
            for node in threads.map(lambda address: _node(Node(address, credentials=credentials), revision_key), group)
        ]
    return Facts(
        sentinels=seen, nodes=sorted(nodes, key=lambda node: node.address), replicas=replicas, durability=durability
    )


def _sentinel(sentinel: Node, name: str) -> SentinelFacts:
    address = sentinel.address
    with closing(sentinel) as node:
        try:
            (info,) = node.run(("INFO", "clients"), timeout=TIMEOUT_S)
        except (ServerError, ErrorReply) as error:
            return SentinelFacts(address=address, fault=str(error))
        try:
            records = read_records(node, name, timeout=TIMEOUT_S)
        except (ServerError, ErrorReply):
            return SentinelFacts(address=address, answers=True, info=parse_info(info))
        return SentinelFacts(
            address=address,
            answers=True,
            primary=records.primary,
            replicas=records.replicas,
            others=records.sentinels,
            quorum_fault=read_quorum_fault(node, name, timeout=TIMEOUT_S),
            info=parse_info(info),
        )


def _node(data_node: Node, revision_key: str) -> NodeFacts:
    address = data_node.address
    with closing(data_node) as node:
        try:
            # The first answer takes a connection too. Not PING: a node that cannot write answers that with an error.
            node.run(("TIME",), timeout=TIMEOUT_S)
            asked = time.time()
            (clock,) = node.run(("TIME",), timeout=TIMEOUT_S)
            answered = time.time()
            role, info, revision, (_, lag_agents) = node.run(
                ("ROLE",), ("INFO",), revision_query(revision_key), AGENT_QUERY, timeout=TIMEOUT_S
            )
        except (ServerError, ErrorReply) as error:
            return NodeFacts(address=address, fault=str(error))
        return NodeFacts(
            address=address,
            role=role,
            info=parse_info(info),
            settings=_settings(node),
            revision=parse_reply(revision),
            clock=int(clock[0]) + int(clock[1]) / 1e6 - (asked + answered) / 2,
            clock_error=(answered - asked) / 2,
            lag_agents=int(lag_agents),
        )


def _settings(node: Node) -> Mapping[str, str] | None:
    try:
        return parse_pairs(node.run(("CONFIG", "GET", "*"), timeout=TIMEOUT_S)[0])
    except (ServerError, ErrorReply):
        return None
