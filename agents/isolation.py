"""A primary that its Sentinels reach and its replicas do not: isolated from them.

Nothing can be sold then, because no replica confirms a write, and Sentinel sees nothing wrong: it asks whether the
primary answers, not whether its replicas receive anything. So the launcher beside each Sentinel asks all of them, and
where the primary is isolated, has another one elected. ADR 12 says what may be lost by that, and when.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from agents.failover_tuning import read_replicas, refresh_replicas, set_intervals
from agents.launch import is_running, log
from agents.node_status import ANSWER_TIMEOUT_S
from agents.planned_failover import PAUSE_MS
from exactly_once.client import Address, ErrorReply, Nodes
from exactly_once.errors import ServerError
from exactly_once.replies import parse_info, parse_pairs
from exactly_once.sentinel_records import address_of, flags_of

#: Seconds between two looks, and between those that follow one that showed it.
POLL_S, REPEATED_POLL_S = 0.25, 0.1
#: Whole seconds, as INFO has them, without a byte on a replication link that carries one every second; and after so
#: many, a replica is no longer good enough for Sentinel.
MIN_SILENCE_S, MAX_SILENCE_S = 2, 9
#: Looks in a row that must show it: after a pause of the whole machine every node seems silent for a moment. Each
#: Sentinel waits for so many more than the one before it, so that only one gives the order.
MIN_LOOKS, LOOKS_PER_RANK = 4, 18
#: Seconds after an order in which no other one is given.
REST_S = 10.0


def is_isolated(primary: Mapping[str, str], replicas: Sequence[Mapping[str, str]]) -> bool:
    """Whether none of the replicas receives anything from the primary, which knows of none that does, and one of them
    can take its place with another one to confirm its writes; each is described by its own INFO."""
    silences = [_silence_s(replica) for replica in replicas]
    return (
        _has_lost_its_replicas(primary)
        and len(silences) > 1
        and all(silence >= MIN_SILENCE_S for silence in silences)
        and any(silence < MAX_SILENCE_S for silence in silences)
    )


def _has_lost_its_replicas(primary: Mapping[str, str]) -> bool:
    replicas = [value for name, value in primary.items() if name.startswith("slave") and name[5:].isdigit()]
    return primary["role"] == "master" and all(_lag_s(replica) >= MIN_SILENCE_S for replica in replicas)


def _lag_s(replica: str) -> int:
    """Seconds since the primary received anything from a replica, by its own description of it."""
    return int(dict(pair.split("=", 1) for pair in replica.split(","))["lag"])


def _silence_s(replica: Mapping[str, str]) -> int:
    """Seconds since a replica received anything from its primary; -1 where it is none, copies everything, or was never
    linked."""
    if replica["role"] != "slave" or replica["master_sync_in_progress"] == "1":
        return -1
    is_linked = replica["master_link_status"] == "up"
    return int(replica["master_last_io_seconds_ago" if is_linked else "master_link_down_since_seconds"])


def replace_isolated_primary(sentinel: Address, name: str, server_pid: int) -> None:
    """Make the Sentinel at this address replace the primary of this name where it is isolated, until the Sentinel's
    process ends."""
    # From the Sentinel's own address: which server can reach which depends on it.
    with closing(Nodes(sentinel.host)) as nodes:
        watch = _Watch(nodes, sentinel, name)
        while is_running(server_pid):
            time.sleep(watch.pause_s)
            watch.look()


class _Watch:
    def __init__(self, nodes: Nodes, sentinel: Address, name: str) -> None:
        self._nodes, self._sentinel, self._name = nodes, nodes[sentinel], name
        self._looks, self._is_hurried = 0, False

    @property
    def pause_s(self) -> float:
        return REPEATED_POLL_S if self._looks else POLL_S

    def look(self) -> None:
        """Look once, and act where enough looks in a row have shown the same."""
        try:
            self._look()
        except (ServerError, ErrorReply):
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
        if self._looks >= MIN_LOOKS and self._looks >= MIN_LOOKS + LOOKS_PER_RANK * self._rank():
            self._looks = 0
            self._replace()

    def _replace(self) -> None:
        address, _ = self._known()
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
        primary, replicas = self._known()
        if primary is None:
            return False
        info = self._info(primary)
        # Most of the time the primary's own report is enough, and no replica is asked.
        return _has_lost_its_replicas(info) and is_isolated(info, [self._info(replica) for replica in replicas])

    def _known(self) -> tuple[Address | None, Sequence[Address]]:
        """The primary and its replicas as this Sentinel knows them; no primary where it does not answer, or is being
        replaced."""
        (pairs,) = self._sentinel.run(("SENTINEL", "MASTER", self._name), timeout=ANSWER_TIMEOUT_S)
        record = parse_pairs(pairs)
        is_well = not {"s_down", "o_down", "disconnected", "failover_in_progress"} & flags_of(record)
        replicas = read_replicas(self._sentinel, self._name)
        return address_of(record) if is_well else None, [address_of(replica) for replica in replicas]

    def _info(self, address: Address) -> dict[str, str]:
        (text,) = self._nodes[address].run(("INFO", "replication"), timeout=ANSWER_TIMEOUT_S)
        return parse_info(text)

    def _rank(self) -> int:
        """How many Sentinels come before this one."""
        (others,) = self._sentinel.run(("SENTINEL", "SENTINELS", self._name), timeout=ANSWER_TIMEOUT_S)
        return sum(address_of(parse_pairs(other)) < self._sentinel.address for other in others)
