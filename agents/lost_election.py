"""Another election soon after one without a winner.

Where two Sentinels become candidates at the same instant, each has its own vote, and neither may have a majority: where
three of five are left, all three must vote for the same one. Sentinel begins the next election after twice its
failover-timeout, six seconds, in which nothing can be sold. The votes tell a candidate at once that no candidate has
won. So it gets a short failover-timeout, ends its election and begins another one; Sentinel adds up to a second at
random, so that the candidates do not meet again. As soon as it is a candidate anew it has its usual time: a promotion
may take that. So it has as soon as another Sentinel, which may have its vote by then, promotes a replica: two that do
so at once promote two.

SENTINEL MASTER and SENTINEL SENTINELS have the step of a failover and the votes; that a candidate begins anew after
twice its failover-timeout and up to a second at random is in sentinel.c of Redis and Valkey, sentinelStartFailover.
"""

from collections import Counter
from collections.abc import Sequence

from agents.launch import log
from agents.node_status import ANSWER_TIMEOUT_S
from agents.sentinel_queries import read_primary, read_sentinels
from exactly_once.client import Address, ErrorReply, Nodes
from exactly_once.errors import ServerError
from exactly_once.sentinel_records import Record, address_of, flags_of

#: As in deploy/sentinel/sentinel.conf, and after a lost election. Were it shorter, a promotion would be given up where
#: the usual one is set late, on a busy machine.
FAILOVER_TIMEOUT, FAILOVER_TIMEOUT_MS, SHORT_FAILOVER_TIMEOUT_MS = "failover-timeout", 3000, 400
#: After so many seconds every vote has arrived, and one that has won is a candidate no more.
VOTES_ARRIVE_S = 0.4
#: The step of a failover in which a Sentinel is a candidate.
STEP, CANDIDATE = "failover-state", "wait_start"


def has_winner(others: Sequence[Record]) -> bool:
    """Whether the other Sentinels, as a candidate describes them, have elected one of themselves."""
    epoch = max((int(each["voted-leader-epoch"]) for each in others), default=0)
    votes = Counter(each["voted-leader"] for each in others if int(each["voted-leader-epoch"]) == epoch)
    majority = (len(others) + 1) // 2 + 1
    return any(count >= majority for leader, count in votes.items() if leader != "?")


class Elections:
    """The elections to replace the primary of this name in which the Sentinel announced as `me` is a candidate. It and
    the others are called by `nodes`."""

    def __init__(self, nodes: Nodes, me: Address, name: str) -> None:
        self._nodes, self._sentinel, self._name = nodes, nodes[me], name
        self._since: float | None = None

    def look(self, primary: Record, now: float) -> None:
        """End an election that has no winner; `primary` is the record of this instant, `now` in monotonic seconds.
        Raises ServerError and ErrorReply."""
        is_candidate = primary.get(STEP) == CANDIDATE
        is_new = is_candidate and self._since is None
        self._since = (now if is_new else self._since) if is_candidate else None
        if int(primary[FAILOVER_TIMEOUT]) != FAILOVER_TIMEOUT_MS:
            if is_new or not self._waits_for_next(primary):
                self._set_timeout(FAILOVER_TIMEOUT_MS)
        elif self._since is not None and now - self._since >= VOTES_ARRIVE_S and self._is_lost(primary):
            self._set_timeout(SHORT_FAILOVER_TIMEOUT_MS)
            log("no Sentinel was elected to replace the primary: another election is about to begin")

    def _is_lost(self, primary: Record) -> bool:
        others = self._others()
        return not has_winner(others) and not self._is_replaced(primary, others)

    def _waits_for_next(self, primary: Record) -> bool:
        """Whether the election has not ended yet, or the next one has not begun."""
        if "o_down" not in flags_of(primary) or primary.get(STEP) not in (None, CANDIDATE):
            return False
        return not self._is_replaced(primary, self._others())

    def _is_replaced(self, primary: Record, others: Sequence[Record]) -> bool:
        """Whether one of the other Sentinels was elected, or names another primary."""
        seen = [self._primary_of(other) for other in others if "s_down" not in flags_of(other)]
        return any(
            each.get(STEP, CANDIDATE) != CANDIDATE or address_of(each) != address_of(primary) for each in seen if each
        )

    def _primary_of(self, other: Record) -> Record | None:
        """The primary as another Sentinel describes it; None where it does not answer."""
        try:
            return read_primary(self._nodes[address_of(other)], self._name)
        except (ServerError, ErrorReply):
            return None

    def _others(self) -> Sequence[Record]:
        return read_sentinels(self._sentinel, self._name)

    def _set_timeout(self, milliseconds: int) -> None:
        command = ("SENTINEL", "SET", self._name, FAILOVER_TIMEOUT, milliseconds)
        self._sentinel.run(command, timeout=ANSWER_TIMEOUT_S)
