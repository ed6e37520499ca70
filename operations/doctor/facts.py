"""What every node and Sentinel says when it is asked for everything."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import ResponseError

from exactly_once.client import Address, Node
from exactly_once.errors import ServerError

#: Seconds that a node or Sentinel gets for one answer.
TIMEOUT = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SentinelFacts:
    """One Sentinel. `primary` is what it says of it, empty where it does not answer or does not know it; `quorum_fault`
    is why it could not have a failover carried out, empty where it could."""

    address: Address
    answers: bool = False
    primary: Mapping[str, str] = field(default_factory=dict)
    replicas: Sequence[Mapping[str, str]] = ()
    others: Sequence[Mapping[str, str]] = ()
    quorum_fault: str = ""

    @property
    def named(self) -> Address | None:
        """Which primary it names."""
        return address_of(self.primary) if self.primary else None


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeFacts:
    """One data node. `fault` is why nothing is known of it; `settings` is None where it does not show them; `clock` is
    by how many seconds its clock is ahead of ours, give or take `clock_error`."""

    address: Address
    fault: str = ""
    role: Sequence[Any] = ()
    info: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] | None = None
    revision: int = 0
    clock: float = 0.0
    clock_error: float = 0.0

    @property
    def is_primary(self) -> bool:
        return bool(self.role) and self.role[0] == "master"

    @property
    def follows(self) -> Address | None:
        """Whom a replica follows."""
        return Address(self.role[1], int(self.role[2])) if self.role and self.role[0] == "slave" else None

    @property
    def offset(self) -> int:
        """How far it is in the stream, in bytes."""
        return int(self.role[1] if self.is_primary else self.role[4])


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All of it, and what should be: how many replicas, and which durability."""

    sentinels: Sequence[SentinelFacts]
    nodes: Sequence[NodeFacts]
    replicas: int
    durability: str

    @property
    def majority(self) -> int:
        return len(self.sentinels) // 2 + 1

    @property
    def answering(self) -> Sequence[NodeFacts]:
        """The nodes that answer."""
        return [node for node in self.nodes if not node.fault]

    @property
    def primaries(self) -> Sequence[NodeFacts]:
        """The nodes that say that they are primary."""
        return [node for node in self.nodes if node.is_primary]


def gathered(sentinels: Sequence[Address], name: str, revision_key: str, replicas: int, durability: str) -> Facts:
    """What all of them say now. The replicas are asked before the primaries, so that none can be ahead by rights."""
    with ThreadPoolExecutor(max(len(sentinels), 4)) as threads:
        seen = list(threads.map(lambda address: _sentinel(address, name), sentinels))
        primaries = {sentinel.named for sentinel in seen if sentinel.named}
        others = {address_of(replica) for sentinel in seen for replica in sentinel.replicas} - primaries
        nodes = [
            node
            for group in (sorted(others), sorted(primaries))
            for node in threads.map(lambda address: _node(address, revision_key), group)
        ]
    return Facts(sentinels=seen, nodes=sorted(nodes, key=_address), replicas=replicas, durability=durability)


def address_of(record: Mapping[str, str]) -> Address:
    """The address in what a Sentinel says of a server."""
    return Address(record["ip"], int(record["port"]))


def _address(node: NodeFacts) -> Address:
    return node.address


def _sentinel(address: Address, name: str) -> SentinelFacts:
    with closing(Node(address)) as node:
        try:
            node.run(("PING",), timeout=TIMEOUT)
        except (ServerError, ResponseError):
            return SentinelFacts(address=address)
        try:
            primary, replicas, others = node.run(
                *(("SENTINEL", verb, name) for verb in ("MASTER", "REPLICAS", "SENTINELS")), timeout=TIMEOUT
            )
        except (ServerError, ResponseError):
            return SentinelFacts(address=address, answers=True)
        return SentinelFacts(
            address=address,
            answers=True,
            primary=_pairs(primary),
            replicas=[_pairs(record) for record in replicas],
            others=[_pairs(record) for record in others],
            quorum_fault=_quorum_fault(node, name),
        )


def _quorum_fault(node: Node, name: str) -> str:
    try:
        node.run(("SENTINEL", "CKQUORUM", name), timeout=TIMEOUT)
    except (ServerError, ResponseError) as fault:
        return str(fault)
    return ""


def _node(address: Address, revision_key: str) -> NodeFacts:
    with closing(Node(address)) as node:
        try:
            # The first answer takes a connection too. Not PING: a node that cannot write answers that with an error.
            node.run(("TIME",), timeout=TIMEOUT)
            asked = time.time()
            (clock,) = node.run(("TIME",), timeout=TIMEOUT)
            answered = time.time()
            role, info, revision = node.run(("ROLE",), ("INFO",), ("GET", revision_key), timeout=TIMEOUT)
        except (ServerError, ResponseError) as fault:
            return NodeFacts(address=address, fault=str(fault))
        return NodeFacts(
            address=address,
            role=role,
            info=_lines(info),
            settings=_settings(node),
            revision=int(revision or 0),
            clock=int(clock[0]) + int(clock[1]) / 1e6 - (asked + answered) / 2,
            clock_error=(answered - asked) / 2,
        )


def _settings(node: Node) -> Mapping[str, str] | None:
    try:
        return _pairs(node.run(("CONFIG", "GET", "*"), timeout=TIMEOUT)[0])
    except (ServerError, ResponseError):
        return None


def _lines(info: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in info.splitlines() if ":" in line)


def _pairs(flat: Sequence[Any]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
