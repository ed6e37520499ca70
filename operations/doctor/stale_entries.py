"""Clearing what Sentinels remember of servers that are gone for good.

A Sentinel forgets nothing by itself: neither a replica that was replaced, nor another Sentinel. It counts both, the
latter even among those who must agree. `SENTINEL RESET` makes it forget everything but the primary and find the rest
anew, and while it does it is of no use; so they are reset one after the other, and only while nothing is amiss.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing

from redis.exceptions import ResponseError

from exactly_once.client import Address, Node
from exactly_once.errors import ServerError
from exactly_once.sentinel_records import address_of
from operations.doctor.facts import TIMEOUT_S, Facts, SentinelFacts

#: Seconds in which a Sentinel must have found everybody: it asks the primary every ten, unless told otherwise.
PATIENCE = 30.0
POLL = 0.2


class NotNow(Exception):
    """It would not be safe; the text says what must be so first."""


class StillThere(Exception):
    """A Sentinel did not come back to the right entries in time; the others were left alone."""


class StaleEntries:
    """Finds and clears them. `gather` tells how everything is now."""

    def __init__(self, gather: Callable[[], Facts], name: str) -> None:
        self._gather = gather
        self._name = name

    def forget(self, watch: Callable[[str], None]) -> Sequence[Address]:
        """The Sentinels that had stale entries, and have none now. `watch` is told of each.

        Raises:
            NotNow: nothing was done, or nothing more.
            StillThere.
        """
        cleared = []
        for address in [sentinel.address for sentinel in self._gather().sentinels]:
            facts = self._gather()
            nodes = _present(facts)
            sentinel = next(each for each in facts.sentinels if each.address == address)
            if stale := _stale(sentinel, facts, nodes):
                watch(f"{address} forgets {', '.join(stale)}.")
                self._reset(address)
                self._await(address)
                cleared.append(address)
        return cleared

    def _reset(self, address: Address) -> None:
        try:
            with closing(Node(address)) as node:
                node.run(("SENTINEL", "RESET", self._name), timeout=TIMEOUT_S)
        except (ServerError, ResponseError) as fault:
            raise StillThere(f"{address} could not be reset: {fault}") from fault

    def _await(self, address: Address) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            facts = self._gather()
            sentinel = next(each for each in facts.sentinels if each.address == address)
            wrong = _missing(sentinel, facts)
            if not wrong:
                return
            if time.monotonic() > until:
                raise StillThere(f"{address}, {PATIENCE:.0f} s after it forgot everything, {wrong}")
            time.sleep(POLL)


def _present(facts: Facts) -> frozenset[Address]:
    """The replicas that there are, once it is known that everything is in order."""
    named = {sentinel.primary_address for sentinel in facts.sentinels}
    if None in named or len(named) != 1:
        raise NotNow("Not all Sentinels answer and agree on the primary. Start those that do not; `doctor` says which.")
    if any(sentinel.quorum_fault or "failover" in sentinel.primary["flags"] for sentinel in facts.sentinels):
        raise NotNow("A Sentinel has no quorum, or is failing over. See what `doctor` says, and try again then.")
    primary = next(iter(named))
    if [node.address for node in facts.primaries] != [primary]:
        raise NotNow(f"{primary} is not the one primary that the Sentinels take it for. See what `doctor` says.")
    following = {node.address for node in facts.answering if node.follows == primary and node.role[3] == "connected"}
    if len(following) < facts.replicas:
        raise NotNow(
            f"{len(following)} of {facts.replicas} replicas follow the primary, and a missing one would be forgotten "
            "too. Start it; or set EVERGREEN_REPLICAS to how many there are to be."
        )
    return frozenset(following)


def _stale(sentinel: SentinelFacts, facts: Facts, nodes: frozenset[Address]) -> list[str]:
    gone = sorted({address_of(record) for record in sentinel.replicas} - nodes)
    named = {each.address for each in facts.sentinels}
    strange = sorted({address_of(record) for record in sentinel.others} - named)
    too_many = len(sentinel.others) >= len(facts.sentinels)
    return [*(f"replica {address}" for address in gone), *(f"Sentinel {address}" for address in strange if too_many)]


def _missing(sentinel: SentinelFacts, facts: Facts) -> str:
    """What is not as it should be with the entries of a Sentinel that was reset, in words; empty where all is well."""
    nodes = {node.address for node in facts.answering if not node.is_primary}
    known = {address_of(record) for record in sentinel.replicas}
    if known != nodes or len(nodes) < facts.replicas:
        return (
            f"knows the replicas {', '.join(map(str, sorted(known))) or 'none'}: somebody still announces a stale one"
        )
    if len(sentinel.others) != len(facts.sentinels) - 1:
        return f"knows {len(sentinel.others)} other Sentinels: stop those that are not named in REDIS_SENTINEL"
    return sentinel.quorum_fault and f"has no quorum: {sentinel.quorum_fault}"
