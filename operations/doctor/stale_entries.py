"""Stale entries: what Sentinels remember of servers that are gone for good.

A Sentinel forgets nothing by itself: neither a replica that was replaced, nor another Sentinel. It counts both, the
latter even among those who must agree. `SENTINEL RESET` makes it forget everything but the primary and find the rest
anew, and while it does it is of no use; so they are reset one after the other, and only while nothing is amiss.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing

from exactly_once.client import Address, ErrorReply, Node
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError
from exactly_once.sentinel_records import address_of
from operations.doctor.facts import TIMEOUT_S, Facts, SentinelFacts

#: In which a Sentinel must have finding every server again: it asks the primary every ten seconds by default.
RESET_TIMEOUT_S = 30.0
POLL_S = 0.2


class UnsafeToReset(Exception):
    """A reset is not safe now; the text says what has to be mended first."""


class ResetTimedOut(Exception):
    """A Sentinel did not find the right servers again in time; the others were not reset."""


class StaleEntries:
    """Finds and clears them. `collect` returns the facts as of now."""

    def __init__(self, collect: Callable[[], Facts], name: str, credentials: Credentials | None) -> None:
        self._collect = collect
        self._credentials = credentials
        self._name = name

    def forget(self, watch: Callable[[str], None]) -> Sequence[Address]:
        """Reset every Sentinel with stale entries, one after the other, and return those. `watch` gets a line for each.

        Raises:
            UnsafeToReset: nothing was done, or nothing more.
            ResetTimedOut.
        """
        cleared = []
        for address in [sentinel.address for sentinel in self._collect().sentinels]:
            facts = self._collect()
            nodes = _present(facts)
            sentinel = next(each for each in facts.sentinels if each.address == address)
            if stale := _stale(sentinel, facts, nodes):
                watch(f"{address} forgets {', '.join(stale)}.")
                self._reset(address)
                self._wait_for_entries(address)
                cleared.append(address)
        return cleared

    def _reset(self, address: Address) -> None:
        try:
            with closing(Node(address, credentials=self._credentials)) as node:
                node.run(("SENTINEL", "RESET", self._name), timeout=TIMEOUT_S)
        except (ServerError, ErrorReply) as error:
            raise ResetTimedOut(f"{address} could not be reset: {error}") from error

    def _wait_for_entries(self, address: Address) -> None:
        until = time.monotonic() + RESET_TIMEOUT_S
        while True:
            facts = self._collect()
            sentinel = next(each for each in facts.sentinels if each.address == address)
            wrong = _missing(sentinel, facts)
            if not wrong:
                return
            if time.monotonic() > until:
                raise ResetTimedOut(f"{address}, {RESET_TIMEOUT_S:.0f} s after it forgot everything, {wrong}")
            time.sleep(POLL_S)


def _present(facts: Facts) -> frozenset[Address]:
    """The replicas that follow the primary, once it is certain that the rest is in order."""
    named = {sentinel.primary_address for sentinel in facts.sentinels}
    if None in named or len(named) != 1:
        raise UnsafeToReset(
            "Not all Sentinels answer and agree on the primary. Start those that do not; `doctor` says which."
        )
    if any(sentinel.quorum_fault or "failover" in sentinel.primary["flags"] for sentinel in facts.sentinels):
        raise UnsafeToReset("A Sentinel has no quorum, or is failing over. See what `doctor` says, and try again then.")
    primary = next(iter(named))
    if [node.address for node in facts.primaries] != [primary]:
        raise UnsafeToReset(f"{primary} is not the one primary that the Sentinels take it for. See what `doctor` says.")
    following = {node.address for node in facts.answering if node.follows == primary and node.role[3] == "connected"}
    if len(following) < facts.replicas:
        raise UnsafeToReset(
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
    """What is wrong with the entries of a Sentinel that was reset, as text; empty where nothing is."""
    nodes = {node.address for node in facts.answering if not node.is_primary}
    known = {address_of(record) for record in sentinel.replicas}
    if known != nodes or len(nodes) < facts.replicas:
        return (
            f"knows the replicas {', '.join(map(str, sorted(known))) or 'none'}: a server still announces a stale one"
        )
    if len(sentinel.others) != len(facts.sentinels) - 1:
        return f"knows {len(sentinel.others)} other Sentinels: stop those that are not named in REDIS_SENTINEL"
    return sentinel.quorum_fault and f"has no quorum: {sentinel.quorum_fault}"
