"""Another election soon after one without a winner.

Where two Sentinels become candidates at the same instant, each has its own vote, and neither may have a majority: where
three of five are left, all three must vote for the same one. Sentinel begins the next election after twice its
failover-timeout, six seconds, in which nothing can be sold. The votes tell a candidate at once that no candidate has
won. So it gets a short failover-timeout, ends its election and begins another one; Sentinel adds up to a second at
random, so that the candidates do not meet again. As soon as it is a candidate anew it has its usual time: a promotion
may take that.
"""

from collections import Counter
from collections.abc import Sequence

from agents.launch import log
from agents.node_status import ANSWER_TIMEOUT_S
from exactly_once.client import Node
from exactly_once.replies import parse_pairs
from exactly_once.sentinel_records import Record, flags_of

#: As in deploy/sentinel/sentinel.conf, and after a lost election. Were it shorter, a promotion would be given up where
#: the usual one is set late, on a busy machine.
FAILOVER_TIMEOUT, FAILOVER_TIMEOUT_MS, SHORT_FAILOVER_TIMEOUT_MS = "failover-timeout", 3000, 400
#: After so many seconds every vote has arrived. A candidate that has won is none after two of them at most.
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
    """The elections to replace the primary of this name in which this Sentinel is a candidate."""

    def __init__(self, sentinel: Node, name: str) -> None:
        self._sentinel, self._name = sentinel, name
        self._since: float | None = None

    def look(self, primary: Record, now: float) -> None:
        """End an election that has no winner; `primary` is the record of this instant, `now` in monotonic seconds.
        Raises ServerError and ErrorReply."""
        step = primary.get(STEP)
        is_new = step == CANDIDATE and self._since is None
        if step != CANDIDATE:
            self._since = None
        elif is_new:
            self._since = now
        if int(primary[FAILOVER_TIMEOUT]) != FAILOVER_TIMEOUT_MS:
            is_next_to_come = "o_down" in flags_of(primary) and step in (None, CANDIDATE)
            if is_new or not is_next_to_come:
                self._set_timeout(FAILOVER_TIMEOUT_MS)
        elif self._since is not None and now - self._since >= VOTES_ARRIVE_S and not has_winner(self._others()):
            self._set_timeout(SHORT_FAILOVER_TIMEOUT_MS)
            log("no Sentinel was elected to replace the primary: another election is about to begin")

    def _others(self) -> Sequence[Record]:
        (records,) = self._sentinel.run(("SENTINEL", "SENTINELS", self._name), timeout=ANSWER_TIMEOUT_S)
        return [parse_pairs(record) for record in records]

    def _set_timeout(self, milliseconds: int) -> None:
        command = ("SENTINEL", "SET", self._name, FAILOVER_TIMEOUT, milliseconds)
        self._sentinel.run(command, timeout=ANSWER_TIMEOUT_S)
