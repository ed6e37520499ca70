"""The second half of the rule of acknowledgement: whether a write that some replicas have, and not all, can still be
lost. The rule is in docs/architecture.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from redis.exceptions import ResponseError

from exactly_once.client import Address, Nodes
from exactly_once.sentinels import Answer, Sentinels, Shared
from exactly_once.server_errors import ServerFault

TIMEOUT = 0.3
#: Seconds without a word from its primary, which says something every second, after which a replica is behind those
#: that are in step, whatever the Sentinels, who ask once a second and elect a second after a death, compare.
STALLED = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What a primary and then the Sentinels say: its replicas, the one that has most of it first, and the answers."""

    followers: Sequence[Address]
    answers: Sequence[Answer]


class Confirmation:
    """Asks whoever must know. Writes that ask at the same time share the answers: each has those to questions that were
    asked after it was done."""

    def __init__(self, sentinels: Sentinels, nodes: Nodes, replicas: int) -> None:
        self._sentinels = sentinels
        self._nodes = nodes
        self._replicas = replicas
        self._shared: dict[Address, Shared[Evidence | None]] = {}

    def __call__(self, primary: Address, count: int) -> bool:
        """Whether a majority of the Sentinels, asked now, hold that no replica but the `count` that have a write of
        this primary can become primary: each of the others is known and down, this primary is up and theirs, and nobody
        is replacing it."""
        shared = self._shared.get(primary) or self._shared.setdefault(primary, Shared(partial(self._ask, primary)))
        evidence = shared()
        if evidence is None or any(answer.may_replace(primary) for answer in evidence.answers):
            return False
        # WAIT says how many have the write, not which: those that are furthest, because the stream has one order.
        having = frozenset(evidence.followers[:count])
        return self._do_agree(evidence.answers, primary, having) or self._do_agree(
            evidence.answers,
            primary,
            having | self._stalled({each for answer in evidence.answers for each in answer.linked} - having),
        )

    def _ask(self, primary: Address) -> Evidence | None:
        try:
            role, *said = self._nodes[primary].run(("ROLE",), timeout=TIMEOUT)[0]
        except (ServerFault, ResponseError):
            return None
        if role != "master":
            return None
        furthest = sorted(said[1], key=lambda follower: int(follower[2]), reverse=True)
        return Evidence(
            followers=[Address(host, int(port)) for host, port, _ in furthest],
            answers=[answer for answer in self._sentinels.ask() if answer],
        )

    def _do_agree(self, answers: Sequence[Answer], primary: Address, having: frozenset[Address]) -> bool:
        return sum(self._agrees(answer, primary, having) for answer in answers) >= self._sentinels.majority

    def _agrees(self, answer: Answer, primary: Address, having: frozenset[Address]) -> bool:
        harmless = having | (answer.replicas - answer.linked)
        return (
            answer.primary == primary
            and answer.primary_is_up
            and harmless >= answer.replicas
            and len(harmless) >= self._replicas
        )

    def _stalled(self, replicas: Iterable[Address]) -> frozenset[Address]:
        return frozenset(replica for replica in replicas if self._is_stalled(replica))

    def _is_stalled(self, replica: Address) -> bool:
        """Whether it has not heard of its primary for so long that, at an election, it is behind whoever has."""
        try:
            (information,) = self._nodes[replica].run(("INFO", "replication"), timeout=TIMEOUT)
        except (ServerFault, ResponseError):
            return False
        found = dict(line.split(":", 1) for line in information.splitlines() if ":" in line)
        return found.get("role") == "slave" and int(found["master_last_io_seconds_ago"]) >= STALLED
