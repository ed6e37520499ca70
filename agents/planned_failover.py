"""A planned failover: a replica becomes the primary while everything sells, in about half a second."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from agents.failover_tuning import POLL_S, connected, refresh_replicas
from agents.node_status import ANSWER_TIMEOUT_S
from agents.sentinel_queries import read_replicas
from exactly_once.client import Address, ErrorReply, Node, Nodes
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError
from exactly_once.replies import parse_pairs
from exactly_once.sentinel_records import flags_of
from exactly_once.sentinels import Sentinels, find_consensus

#: Milliseconds since replicas were asked, at which the failover is ordered. One of them is promoted in the third of
#: Sentinel's turns after that, each of 50 to 100 ms, and they are asked again after 1000: or a whole second later.
ORDER_AT_INFO_AGE_MS = 590
#: Seconds between two looks, and those in which it must be over: after three, Sentinel gives up.
CLOSE_POLL_S, TIMEOUT_S = 0.01, 4.0
#: For so long the former primary takes no writes at most, should no CLIENT UNPAUSE reach it.
PAUSE_MS = 5000
#: For so long it sends its replicas nothing at most: after five seconds they would call it gone.
MAX_QUIET_S = 2.0
#: Seconds between the signs of life that a primary gives its replicas: as in deploy/redis/redis.conf, and never.
PING_PERIOD, USUAL_PERIOD_S, NEVER_S = "repl-ping-replica-period", "1", "2147483647"


@dataclass(frozen=True, kw_only=True, slots=True)
class PrimaryMove:
    """A planned failover that succeeded. `seconds` is how long writes waited: from when the former primary was paused
    until a majority of the Sentinels named the new one."""

    former: Address
    primary: Address
    seconds: float


class FailoverFailed(Exception):
    """The primary is where it was, or unknown; the text says why and what to do."""


def move_primary(sentinels: Sequence[Address], name: str, credentials: Credentials | None) -> PrimaryMove:
    """Make a replica the primary of this name, and the present one its replica. Raises FailoverFailed."""
    with closing(Nodes(credentials=credentials)) as nodes, closing(Sentinels(sentinels, name, nodes)) as asked:
        return _Failover(asked, name, nodes).run()


class _Failover:
    def __init__(self, sentinels: Sentinels, name: str, nodes: Nodes) -> None:
        self._sentinels, self._name, self._nodes = sentinels, name, nodes

    def run(self) -> PrimaryMove:
        consensus = find_consensus(self._sentinels.ask())
        if consensus.primary is None or consensus.primary_is_down or consensus.is_failing_over:
            raise FailoverFailed(
                "The Sentinels agree on no primary that works: wait until they do (`./manage.py topology`)."
            )
        former, leader = self._nodes[consensus.primary], self._order()
        end = time.monotonic() + TIMEOUT_S
        try:
            return self._follow_through(former, leader, end)
        except (ServerError, ErrorReply) as error:
            raise FailoverFailed(
                f"{former.address} went away meanwhile: {error}. `./manage.py topology` shows where the primary is."
            ) from error

    def _follow_through(self, former: Node, leader: Node, end: float) -> PrimaryMove:
        self._wait_for_choice(leader, former.address, end)
        started = time.monotonic()
        with quiet(former):
            primary = self._other_primary(former.address, started + MAX_QUIET_S)
            if primary:
                # The Sentinels would leave it alone for seconds more.
                former.run(("REPLICAOF", primary.host, primary.port), timeout=ANSWER_TIMEOUT_S)
        seconds = time.monotonic() - started
        primary = primary or self._other_primary(former.address, end)
        if primary is None:
            raise FailoverFailed(
                f"After {TIMEOUT_S:.0f} s {former.address} still is primary: the logs of the Sentinels say why."
            )
        return PrimaryMove(former=former.address, primary=primary, seconds=seconds)

    def _order(self) -> Node:
        """Give the order to the first Sentinel that takes it, and return that one."""
        refusals = []
        for address in self._sentinels.addresses:
            sentinel = self._nodes[address]
            try:
                refresh_replicas(sentinel, self._name)
                time.sleep(max(ORDER_AT_INFO_AGE_MS - self._info_age_ms(sentinel), 0) / 1000)
                sentinel.run(("SENTINEL", "FAILOVER", self._name), timeout=ANSWER_TIMEOUT_S)
            except (ServerError, ErrorReply) as error:
                refusals.append(f"{address}: {error}")
            else:
                return sentinel
        raise FailoverFailed(
            f"No Sentinel takes the order: {'; '.join(refusals)}. `./manage.py topology` shows what is missing."
        )

    def _info_age_ms(self, sentinel: Node) -> int:
        """Since when, at most, a replica that answers was not asked for its INFO."""
        replicas = connected(read_replicas(sentinel, self._name))
        return max((int(replica["info-refresh"]) for replica in replicas), default=0)

    def _wait_for_choice(self, leader: Node, primary: Address, end: float) -> None:
        """Return as soon as the Sentinel has chosen a replica: in its next turn it promotes it."""
        while not self._has_chosen(leader, primary):
            if time.monotonic() > end:
                raise FailoverFailed(
                    f"After {TIMEOUT_S:.0f} s {leader.address} has chosen no other primary: its log says why."
                )
            time.sleep(CLOSE_POLL_S)

    def _has_chosen(self, leader: Node, primary: Address) -> bool:
        where, record, replicas = leader.run(
            ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._name),
            ("SENTINEL", "MASTER", self._name),
            ("SENTINEL", "REPLICAS", self._name),
            timeout=ANSWER_TIMEOUT_S,
        )
        if Address(where[0], int(where[1])) != primary:
            return True
        if "failover_in_progress" not in flags_of(parse_pairs(record)):
            raise FailoverFailed(
                f"The Sentinel {leader.address} gave up, and {primary} still is primary: its log says why."
            )
        return any("promoted" in flags_of(parse_pairs(replica)) for replica in replicas)

    def _other_primary(self, former: Address, end: float) -> Address | None:
        """The primary after this one, as soon as there is one; None where there is none until `end`."""
        while (primary := find_consensus(self._sentinels.ask()).primary) in (None, former):
            if time.monotonic() > end:
                return None
            time.sleep(CLOSE_POLL_S)
        return primary


@contextmanager
def quiet(primary: Node) -> Iterator[None]:
    """Pause the primary's writes and its replication stream while the block runs: reads go on.

    Whatever a replica receives from it after another one has been promoted, a sign of life too, makes it differ from
    the new primary: it would copy everything anew, and for that long no write could be confirmed."""
    try:
        primary.run(
            ("CLIENT", "PAUSE", PAUSE_MS, "WRITE"), ("CONFIG", "SET", PING_PERIOD, NEVER_S), timeout=ANSWER_TIMEOUT_S
        )
        yield
    finally:
        _resume(primary)


def _resume(primary: Node) -> None:
    """End the quiet, with repeats: replicas that get no signs of life leave their primary."""
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            primary.run(("CONFIG", "SET", PING_PERIOD, USUAL_PERIOD_S), ("CLIENT", "UNPAUSE"), timeout=ANSWER_TIMEOUT_S)
        except ServerError:
            if time.monotonic() > end:
                raise
            time.sleep(POLL_S)
        else:
            return
