"""A primary that its Sentinels reach and its replicas do not: isolated from them.

Nothing can be sold then, because no replica confirms a write, and Sentinel sees nothing wrong: it asks whether the
primary answers, not whether its replicas receive anything. So the launcher beside each Sentinel asks all of them, and
where the primary is isolated, has another one elected. ADR 12 says what may be lost by that, and when.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from agents.failover_tuning import refresh_replicas, set_intervals
from agents.launch import is_running, log
from agents.node_status import ANSWER_TIMEOUT_S
from agents.planned_failover import PAUSE_MS
from agents.sentinel_queries import read_primary, read_replicas, read_sentinels
from exactly_once.client import Address, ErrorReply, Nodes
from exactly_once.errors import ServerError
from exactly_once.replies import parse_info
from exactly_once.sentinel_records import address_of, flags_of

#: Seconds between two looks, and between those that follow one that showed it.
POLL_S, REPEATED_POLL_S = 0.2, 0.1
#: For so many seconds a byte that the primary has sent must not have reached a replica whose link seems to work. The
#: lag agent sends one four times a second, and the primary itself one each second.
MIN_OUTSTANDING_S = 1.2
#: Whole seconds, as INFO has them, for which a link must be down; and after so many without a byte, a replica is no
#: longer good enough for Sentinel.
MIN_DOWN_S, MAX_SILENCE_S = 2, 9
#: What one look adds to that time at most: after a pause of the whole machine every node seems silent for a moment.
MAX_STEP_S = 0.3
#: Looks in a row that must show it. Each Sentinel waits for so many more than the one before it, so that only one gives
#: the order.
MIN_LOOKS, LOOKS_PER_RANK = 2, 18
#: After so many seconds the replicas are asked for what an election needs to know: some 600 ms ahead of the order.
REFRESH_AT_S = 0.6
#: Seconds after an order in which no other one is given: a failover is over by then, or has failed.
REST_S = 4.0


class Outstanding:
    """The oldest byte that a primary is known to have sent and no replica to have confirmed, as the `offset` behind it,
    and for how many `seconds` it has been watched in vain."""

    def __init__(self) -> None:
        self.offset, self.seconds = 0, 0.0
        self._source, self._looked_at = "", 0.0

    def observe(self, primary: Mapping[str, str], now: float) -> None:
        """Take the INFO of the primary at this instant, in seconds of any clock that runs on."""
        step, self._looked_at = min(now - self._looked_at, MAX_STEP_S), now
        is_known = primary["role"] == "master" and primary["master_replid"] == self._source
        if is_known and _confirmed_offset(primary) < self.offset:
            self.seconds += step
        else:
            self._source = primary["master_replid"]
            self.offset, self.seconds = int(primary["master_repl_offset"]), 0.0


def _confirmed_offset(primary: Mapping[str, str]) -> int:
    replicas = [value for name, value in primary.items() if name.startswith("slave") and name[5:].isdigit()]
    return max((_offset(replica) for replica in replicas), default=-1)


def _offset(replica: str) -> int:
    """What a replica has confirmed, by the primary's description of it."""
    return int(dict(pair.split("=", 1) for pair in replica.split(","))["offset"])


def are_cut_off(primary: Address, offset: int, replicas: Sequence[Mapping[str, str]]) -> bool:
    """Whether none of the replicas has what this primary had sent up to an offset some time ago, and one of them can
    take its place with another one to confirm its writes; each is described by its own INFO."""
    return (
        len(replicas) > 1
        and all(_is_cut_off(replica, primary, offset) for replica in replicas)
        and any(_silence_s(replica) < MAX_SILENCE_S for replica in replicas)
    )


def _is_cut_off(replica: Mapping[str, str], primary: Address, offset: int) -> bool:
    """Whether a replica lacks it; not where it is none, copies everything, follows another one or was never linked."""
    if replica["role"] != "slave" or replica["master_sync_in_progress"] == "1":
        return False
    if replica["master_link_status"] == "up":
        follows = Address(replica["master_host"], int(replica["master_port"]))
        return follows == primary and int(replica["slave_read_repl_offset"]) < offset
    return int(replica["master_link_down_since_seconds"]) >= MIN_DOWN_S


def _silence_s(replica: Mapping[str, str]) -> int:
    """Seconds since a replica received anything from its primary."""
    is_linked = replica["master_link_status"] == "up"
    return int(replica["master_last_io_seconds_ago" if is_linked else "master_link_down_since_seconds"])


def replace_isolated_primary(nodes: Nodes, sentinel: Address, name: str, server_pid: int) -> None:
    """Make the Sentinel announced as `sentinel` replace the primary of this name where it is isolated, until its
    process ends. `nodes` call from where the Sentinel listens: which server can reach which depends on it."""
    with closing(nodes):
        watch = _Watch(nodes, sentinel, name)
        while is_running(server_pid):
            time.sleep(watch.pause_s)
            watch.look()


class _Watch:
    def __init__(self, nodes: Nodes, sentinel: Address, name: str) -> None:
        self._nodes, self._sentinel, self._name = nodes, nodes[sentinel], name
        self._looks, self._is_hurried = 0, False
        self._outstanding = Outstanding()

    @property
    def pause_s(self) -> float:
        return REPEATED_POLL_S if self._outstanding.seconds > POLL_S else POLL_S

    def look(self) -> None:
        """Look once, and act where enough looks in a row have shown the same."""
        try:
            self._look()
        except (ServerError, ErrorReply):
            # What is outstanding stays so: it counts only time that was watched, and one late answer of a busy machine
            # would double the time that nothing can be sold.
            self._looks = 0

    def _look(self) -> None:
        if self._is_hurried:
            set_intervals(self._sentinel)
            self._is_hurried = False
        self._looks = self._looks + 1 if self._shows_isolation() else 0
        if self._looks == 1:
            # They are asked again a second later: shortly after one of them has been promoted.
            self._is_hurried = True
            refresh_replicas(self._sentinel, self._name)
            self._is_hurried = False
        is_long = self._outstanding.seconds >= MIN_OUTSTANDING_S
        if is_long and self._looks >= MIN_LOOKS and self._looks >= MIN_LOOKS + LOOKS_PER_RANK * self._rank():
            self._looks = 0
            self._replace()

    def _replace(self) -> None:
        address = self._primary()
        if address is None:
            return
        primary = self._nodes[address]
        # From here on it takes no writes: one that a replica got after the last look would make the next one fail.
        primary.run(("CLIENT", "PAUSE", PAUSE_MS, "WRITE"), timeout=ANSWER_TIMEOUT_S)
        try:
            if self._shows_isolation():
                self._sentinel.run(("SENTINEL", "FAILOVER", self._name), timeout=ANSWER_TIMEOUT_S)
                log(f"{address} is isolated: it answers the Sentinels and no replica. Another primary is being elected")
                time.sleep(REST_S)
                return
        except (ServerError, ErrorReply) as error:
            log(f"{address} is isolated from its replicas, and none of them can be elected: {error}")
        primary.run(("CLIENT", "UNPAUSE"), timeout=ANSWER_TIMEOUT_S)

    def _shows_isolation(self) -> bool:
        primary = self._primary()
        if primary is None:
            self._outstanding = Outstanding()
            return False
        self._outstanding.observe(self._info(primary), time.monotonic())
        # Most of the time the primary's own report is enough, and no replica is asked, nor which ones there are.
        return self._outstanding.seconds >= REFRESH_AT_S and are_cut_off(
            primary, self._outstanding.offset, [self._info(replica) for replica in self._replicas()]
        )

    def _primary(self) -> Address | None:
        """The primary as this Sentinel knows it; None where it does not answer, or is being replaced."""
        record = read_primary(self._sentinel, self._name)
        is_well = not {"s_down", "o_down", "disconnected", "failover_in_progress"} & flags_of(record)
        return address_of(record) if is_well else None

    def _replicas(self) -> Sequence[Address]:
        return [address_of(replica) for replica in read_replicas(self._sentinel, self._name)]

    def _info(self, address: Address) -> dict[str, str]:
        (text,) = self._nodes[address].run(("INFO", "replication"), timeout=ANSWER_TIMEOUT_S)
        return parse_info(text)

    def _rank(self) -> int:
        """How many Sentinels come before this one."""
        others = read_sentinels(self._sentinel, self._name)
        return sum(address_of(other) < self._sentinel.address for other in others)
