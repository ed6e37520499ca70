"""What the Sentinels report. All are asked at once, and none is believed alone."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from redis.exceptions import ResponseError

from exactly_once.client import Address, Nodes
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError
from exactly_once.replies import parse_pairs
from exactly_once.sentinel_records import Record, address_of, flags_of
from exactly_once.single_flight import SingleFlight

ANSWER_TIMEOUT_S = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class SentinelView:
    """One Sentinel's view of the cluster.

    `replicas` are all it knows; `up` those that answer it, and as replicas; `linked` those that answer and whose link
    to the primary worked when they were last asked, up to ten seconds ago. `ineligible` are those that said then that
    their priority is 0, so that no Sentinel elects them. `is_promoted` while it is failing over and has promoted the
    primary that it names, and still reconfigures the others. `epoch` counts the failovers; `sentinels` are how many
    Sentinels it knows of, itself among them.
    """

    primary: Address
    primary_is_up: bool
    is_failing_over: bool
    is_promoted: bool
    replicas: frozenset[Address]
    up: frozenset[Address]
    linked: frozenset[Address]
    ineligible: frozenset[Address] = frozenset()
    epoch: int = 0
    sentinels: int = 1

    def may_replace(self, primary: Address) -> bool:
        """Whether this Sentinel is about to make another node the primary, or has just done so."""
        return self.is_failing_over and not (self.is_promoted and self.primary == primary)


@dataclass(frozen=True, kw_only=True, slots=True)
class Consensus:
    """What a majority of the Sentinels reports, and whether any of them is failing over. `primary` is None where no
    majority names the same one; `primary_is_down` only where a majority finds it down."""

    primary: Address | None
    primary_is_down: bool = False
    is_failing_over: bool = False


def majority_of(views: Sequence[SentinelView | None]) -> int:
    """How many Sentinels are a majority of all that there are: of those asked, or of those that any of them knows,
    where these are more. A process that has not learned yet of Sentinels that were added takes no two of its three for
    a majority of five."""
    return max([len(views), *(view.sentinels for view in views if view)]) // 2 + 1


def find_consensus(views: Sequence[SentinelView | None]) -> Consensus:
    """The consensus of Sentinels with these views; None is one that did not answer, and counts for the majority."""
    answers = [view for view in views if view]
    majority = len(views) // 2 + 1
    address, votes = Counter(view.primary for view in answers).most_common(1)[0] if answers else (None, 0)
    return Consensus(
        primary=address if votes >= majority else None,
        primary_is_down=sum(not view.primary_is_up for view in answers) >= majority,
        is_failing_over=any(view.is_failing_over for view in answers),
    )


def read_consensus(addresses: Sequence[Address], name: str, credentials: Credentials | None) -> Consensus:
    """The consensus of the Sentinels at these addresses now, over connections that are closed afterwards."""
    with closing(Nodes(credentials=credentials)) as nodes, closing(Sentinels(addresses, name, nodes)) as sentinels:
        return find_consensus(sentinels.ask())


class Sentinels:
    """The Sentinels of one primary, by that primary's name."""

    def __init__(self, addresses: Sequence[Address], name: str, nodes: Nodes) -> None:
        self.addresses = tuple(addresses)
        self._name = name
        self._nodes = nodes
        self._threads = ThreadPoolExecutor(len(self.addresses), thread_name_prefix="sentinel")
        #: One view per Sentinel, in the order of `addresses`; None for one that does not answer.
        self.ask: Callable[[], Sequence[SentinelView | None]] = SingleFlight(self._ask_all)

    def primary(self, views: Sequence[SentinelView | None]) -> Address | None:
        """The primary that a majority names, or None."""
        return find_consensus(views).primary

    def close(self) -> None:
        """End the threads that ask."""
        self._threads.shutdown(wait=False)

    def _ask_all(self) -> Sequence[SentinelView | None]:
        return list(self._threads.map(self._ask, self.addresses))

    def _ask(self, address: Address) -> SentinelView | None:
        node = self._nodes[address]
        if node.is_suspect:
            # A frozen one would make every question as slow as a timeout; the others are a majority.
            return None
        try:
            where, primary, replicas = node.run(
                ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._name),
                ("SENTINEL", "MASTER", self._name),
                ("SENTINEL", "REPLICAS", self._name),
                timeout=ANSWER_TIMEOUT_S,
            )
        except (ServerError, ResponseError):
            return None
        return _view(where, parse_pairs(primary), [parse_pairs(replica) for replica in replicas])


def _view(where: Sequence[str], record: Record, replicas: Sequence[Record]) -> SentinelView:
    address, former = Address(where[0], int(where[1])), address_of(record)
    found = {address_of(replica): replica for replica in replicas}
    is_promoted = address != former and address in found
    primary = record
    if is_promoted:
        primary, found[former] = found.pop(address), record
    answering = frozenset(address for address, replica in found.items() if _is_up(replica))
    return SentinelView(
        primary=address,
        primary_is_up=_is_up(primary),
        is_failing_over="failover_in_progress" in flags_of(record),
        is_promoted=is_promoted,
        replicas=frozenset(found),
        # A former primary that has come back acknowledges nothing, and has the past only, until it is told to follow.
        up=frozenset(address for address in answering if found[address]["role-reported"] != "master"),
        # One that was just promoted is still among these: it is the last that may be taken for harmless.
        linked=frozenset(address for address in answering if found[address].get("master-link-status") == "ok"),
        ineligible=frozenset(address for address, replica in found.items() if replica.get("slave-priority") == "0"),
        epoch=int(record["config-epoch"]),
        sentinels=int(record["num-other-sentinels"]) + 1,
    )


def _is_up(record: Record) -> bool:
    return not {"s_down", "o_down", "disconnected"} & flags_of(record)
