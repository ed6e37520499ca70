"""What the Sentinels say. All are asked at once, and none is believed alone."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from redis.exceptions import ResponseError

from exactly_once.client import Address, Nodes
from exactly_once.server_errors import ServerFault

T = TypeVar("T")

ANSWER_TIMEOUT = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One Sentinel's view of the store. `replicas` are all it knows; `up` are those that answer it, and as replicas;
    `linked` those that answer and whose link to the primary worked when they were last asked, up to ten seconds ago.
    `is_promoted` while it is failing over and has promoted the primary that it names, and sees to the others yet.
    `epoch` counts the failovers."""

    primary: Address
    primary_is_up: bool
    is_failing_over: bool
    is_promoted: bool
    replicas: frozenset[Address]
    up: frozenset[Address]
    linked: frozenset[Address]
    epoch: int = 0

    def may_replace(self, primary: Address) -> bool:
        """Whether this Sentinel is about to make another node the primary, or has just done so."""
        return self.is_failing_over and not (self.is_promoted and self.primary == primary)


class Shared(Generic[T]):
    """Work that many threads want done at once: each gets the outcome of a run that began after it asked."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._begun = 0
        self._outcome: Future[T]

    def __call__(self) -> T:
        asked_at = self._begun
        with self._lock:
            if self._begun == asked_at:
                self._begun += 1
                self._outcome = _outcome(self._work)
            outcome = self._outcome
        return outcome.result()


class Sentinels:
    """The Sentinels of one primary, by that primary's name."""

    def __init__(self, addresses: Sequence[Address], name: str, nodes: Nodes) -> None:
        self.addresses = tuple(addresses)
        self._name = name
        self._nodes = nodes
        self._threads = ThreadPoolExecutor(len(self.addresses), thread_name_prefix="sentinel")
        self.ask = Shared(self._ask_all)

    @property
    def majority(self) -> int:
        """How many must say the same for it to hold."""
        return len(self.addresses) // 2 + 1

    def primary(self, answers: Sequence[Answer | None]) -> Address | None:
        """The primary that a majority names, or None."""
        named = Counter(answer.primary for answer in answers if answer)
        address, votes = named.most_common(1)[0] if named else (None, 0)
        return address if votes >= self.majority else None

    def close(self) -> None:
        """Ends the threads that ask."""
        self._threads.shutdown(wait=False)

    def _ask_all(self) -> Sequence[Answer | None]:
        return list(self._threads.map(self._ask, self.addresses))

    def _ask(self, address: Address) -> Answer | None:
        node = self._nodes[address]
        if node.is_suspect:
            # One that is frozen would make every question as slow as a timeout; the others are a majority.
            return None
        try:
            where, primary, replicas = node.run(
                ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._name),
                ("SENTINEL", "MASTER", self._name),
                ("SENTINEL", "REPLICAS", self._name),
                timeout=ANSWER_TIMEOUT,
            )
        except (ServerFault, ResponseError):
            return None
        return _answer(where, _pairs(primary), [_pairs(replica) for replica in replicas])


def _outcome(work: Callable[[], T]) -> Future[T]:
    outcome: Future[T] = Future()
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)
    return outcome


def _pairs(flat: Sequence[Any]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _answer(where: Sequence[str], record: Mapping[str, str], replicas: Sequence[Mapping[str, str]]) -> Answer:
    address, former = Address(where[0], int(where[1])), _address(record)
    found = {_address(replica): replica for replica in replicas}
    is_promoted = address != former and address in found
    primary = record
    if is_promoted:
        primary, found[former] = found.pop(address), record
    answering = frozenset(address for address, replica in found.items() if _is_up(replica))
    return Answer(
        primary=address,
        primary_is_up=_is_up(primary),
        is_failing_over="failover_in_progress" in record["flags"].split(","),
        is_promoted=is_promoted,
        replicas=frozenset(found),
        # A former primary that has come back acknowledges nothing, and has the past only, until it is told to follow.
        up=frozenset(address for address in answering if found[address]["role-reported"] != "master"),
        # One that was just promoted is still among these: it is the last that may be taken for harmless.
        linked=frozenset(address for address in answering if found[address].get("master-link-status") == "ok"),
        epoch=int(record["config-epoch"]),
    )


def _address(node: Mapping[str, str]) -> Address:
    return Address(node["ip"], int(node["port"]))


def _is_up(node: Mapping[str, str]) -> bool:
    return not {"s_down", "o_down", "disconnected"}.intersection(node["flags"].split(","))
