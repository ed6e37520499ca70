"""What the data nodes and the Sentinels say at one instant."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from agents.wire import Address, ErrorReply, Silent, Unreachable, exchange

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

# Nothing listens there: what a node "follows" until it may follow somebody. The host is the primary it followed last.
NOWHERE_PORT = 1


class State(Enum):
    """How a data node answers."""

    DOWN = "down"
    SILENT = "silent"
    LOADING = "loading"
    READY = "ready"


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A data node as it describes itself. `follows` is None on a primary; `revision` counts the writes it has."""

    address: Address
    state: State
    follows: Address | None = None
    link_is_up: bool = False
    priority: int = 0
    revision: int = 0

    @property
    def answers(self) -> bool:
        return self.state in (State.LOADING, State.READY)

    @property
    def is_primary(self) -> bool:
        return self.state is State.READY and self.follows is None

    @property
    def stands(self) -> bool:
        """Whether it waits for somebody to follow."""
        return self.follows is not None and self.follows.port == NOWHERE_PORT

    @property
    def is_electable(self) -> bool:
        """Whether the Sentinels may make it the primary."""
        return self.answers and self.priority > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """What one Sentinel says of the store."""

    primary: Address
    primary_is_down: bool
    is_failing_over: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a majority of the Sentinels says, and whether any of them is replacing the primary."""

    primary: Address | None
    primary_is_down: bool = False
    is_failing_over: bool = False


def judge(opinions: Sequence[Opinion | None]) -> Verdict:
    """The verdict of these Sentinels, of which None did not answer: no primary when no majority agrees."""
    answers = [opinion for opinion in opinions if opinion]
    majority = len(opinions) // 2 + 1
    named = Counter(opinion.primary for opinion in answers).most_common(1)
    return Verdict(
        primary=named[0][0] if named and named[0][1] >= majority else None,
        primary_is_down=sum(opinion.primary_is_down for opinion in answers) >= majority,
        is_failing_over=any(opinion.is_failing_over for opinion in answers),
    )


def ask_sentinels(addresses: Sequence[Address], primary_name: str) -> Verdict:
    """The verdict of the Sentinels at these addresses, all asked at once."""
    return judge(_at_once(lambda address: _opinion(address, primary_name), addresses))


def look_at(addresses: Sequence[Address], revision_key: str) -> list[Node]:
    """The data nodes at these addresses, all asked at once."""
    return _at_once(lambda address: look(address, revision_key), addresses)


def look(address: Address, revision_key: str) -> Node:
    """The data node at this address; one that does not answer is down or silent."""
    questions = ("INFO", "replication"), ("CONFIG", "GET", "replica-priority"), ("GET", revision_key)
    try:
        info, priority, revision = exchange(address, *questions)
    except Silent:
        return Node(address=address, state=State.SILENT)
    except Unreachable:
        return Node(address=address, state=State.DOWN)
    if isinstance(info, ErrorReply) or isinstance(priority, ErrorReply):
        return Node(address=address, state=State.SILENT)
    return _described(address, _fields(info), int(priority[1]), revision)


def _described(address: Address, info: dict[str, str], priority: int, revision: Any) -> Node:
    follows = Address(info["master_host"], int(info["master_port"])) if info["role"] == "slave" else None
    return Node(
        address=address,
        state=State.LOADING if isinstance(revision, ErrorReply) else State.READY,
        follows=follows,
        link_is_up=info.get("master_link_status") == "up",
        priority=priority,
        revision=0 if isinstance(revision, ErrorReply) else int(revision or 0),
    )


def _fields(info: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in info.splitlines() if ":" in line)


def _opinion(address: Address, primary_name: str) -> Opinion | None:
    questions = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", primary_name), ("SENTINEL", "MASTER", primary_name)
    try:
        where, record = exchange(address, *questions)
    except Unreachable:
        return None
    if isinstance(where, ErrorReply) or isinstance(record, ErrorReply) or not where:
        return None
    flags = dict(zip(record[::2], record[1::2], strict=True))["flags"].split(",")
    return Opinion(
        primary=Address(where[0], int(where[1])),
        primary_is_down="s_down" in flags,
        is_failing_over="failover_in_progress" in flags,
    )


def _at_once(ask: Callable[[Asked], Answered], whom: Sequence[Asked]) -> list[Answered]:
    with ThreadPoolExecutor(len(whom)) as threads:
        return list(threads.map(ask, whom))
