"""The second half of the rule of acknowledgement: whether a write that some replicas have, and not all, can still be
lost in a failover. The rule is in docs/architecture.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from redis.exceptions import ResponseError

from exactly_once.client import Address, Command, Nodes
from exactly_once.errors import ServerError
from exactly_once.exclusions import QUERY, parse_channels
from exactly_once.sentinels import Sentinels, SentinelView, majority_of
from exactly_once.single_flight import SingleFlight

TIMEOUT_S = 0.3
#: A message down the stream to the replicas, which touches no data: a replica that confirms it has every write before.
PROBE: Command = ("PUBLISH", "exactly_once:probe", "")
#: For which replicas may take to confirm it, in milliseconds.
PROBE_WAIT_MS = 100
#: Silence of its primary, which sends something every second, after which a replica is behind those that are in step,
#: whatever the Sentinels, who ask once a second and elect a second after a death, compare. In seconds.
STALLED_S = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What a primary and then the Sentinels report: the replicas that have every write of before, those that are
    excluded from elections, the views, and how many of these are a majority of all Sentinels."""

    having: frozenset[Address]
    excluded: frozenset[Address]
    views: Sequence[SentinelView]
    majority: int


class FailoverSafetyCheck:
    """Asks the primary and the Sentinels. Writes that ask at the same time share the answers: each gets those to
    questions that were asked after it was done."""

    def __init__(self, sentinels: Sentinels, nodes: Nodes, replicas: int) -> None:
        self._sentinels = sentinels
        self._nodes = nodes
        self._replicas = replicas
        self._collect: dict[tuple[Address, int], SingleFlight[Evidence | None]] = {}

    def is_failover_safe(self, primary: Address, count: int) -> bool:
        """Whether a majority of the Sentinels, asked now, hold that no replica but the `count` that have a write of
        this primary can become primary, and that one of these can: each of the others is known and down, or excluded
        from elections; this primary is up and theirs, and none of the Sentinels is replacing it.

        A Sentinel elects no replica whose priority is 0, but its report of a priority may be a second old. So the
        report alone proves nothing, and counts only beside an exclusion on the primary: that one begins when no
        Sentinel can act on an older priority any more, and ends before the replica, which by then has every write
        acknowledged without it, gets another one."""
        collect = self._collect.get((primary, count))
        if collect is None:
            work = SingleFlight(partial(self._evidence, primary, count))
            collect = self._collect.setdefault((primary, count), work)
        evidence = collect()
        if evidence is None or any(view.may_replace(primary) for view in evidence.views):
            return False
        having = evidence.having
        if len(having) < count:
            return False
        views = [view for view in evidence.views if having - view.ineligible]
        harmless = having | _unelectable(evidence)
        if self._do_agree(views, evidence.majority, primary, harmless):
            return True
        others = {replica for view in views for replica in view.linked} - harmless
        return self._do_agree(views, evidence.majority, primary, harmless | self._stalled(others))

    def _evidence(self, primary: Address, count: int) -> Evidence | None:
        # WAIT counts the replicas that have the write and names none; and one that had it may be gone since.
        wait = ("WAIT", count, PROBE_WAIT_MS)
        try:
            _, before, _, after, channels = self._nodes[primary].run(
                PROBE, ("ROLE",), wait, ("ROLE",), QUERY, timeout=TIMEOUT_S
            )
        except (ServerError, ResponseError):
            return None
        if before[0] != "master" or after[0] != "master":
            return None
        answers = self._sentinels.ask()
        return Evidence(
            having=frozenset(Address(host, int(port)) for host, port, offset in after[2] if int(offset) >= before[1]),
            excluded=parse_channels(channels),
            views=[view for view in answers if view],
            majority=majority_of(answers),
        )

    def _do_agree(
        self, views: Sequence[SentinelView], majority: int, primary: Address, safe: frozenset[Address]
    ) -> bool:
        return sum(self._agrees(view, primary, safe) for view in views) >= majority

    def _agrees(self, view: SentinelView, primary: Address, safe: frozenset[Address]) -> bool:
        harmless = safe | (view.replicas - view.linked)
        return (
            view.primary == primary
            and view.primary_is_up
            and harmless >= view.replicas
            and len(harmless) >= self._replicas
        )

    def _stalled(self, replicas: Iterable[Address]) -> frozenset[Address]:
        return frozenset(replica for replica in replicas if self._is_stalled(replica))

    def _is_stalled(self, replica: Address) -> bool:
        """Whether it has not heard of its primary for so long that, at an election, it is behind those that have."""
        try:
            (information,) = self._nodes[replica].run(("INFO", "replication"), timeout=TIMEOUT_S)
        except (ServerError, ResponseError):
            return False
        found = dict(line.split(":", 1) for line in information.splitlines() if ":" in line)
        return found.get("role") == "slave" and int(found["master_last_io_seconds_ago"]) >= STALLED_S


def _unelectable(evidence: Evidence) -> frozenset[Address]:
    """The replicas that are excluded, and that no Sentinel that answered finds electable."""
    return evidence.excluded.intersection(*(view.ineligible for view in evidence.views))
