"""Failovers that take no longer than they must.

With Sentinel's own intervals a replica is chosen by a report that is up to ten seconds old, a former primary that is
still alive retains its role for eight seconds, and Sentinels that find the primary down at different instants ask each
other once a second. Sentinel spares large clusters; here there are five data nodes and five Sentinels at most.

One interval cannot be set: while a failover runs, a replica is asked once a second whether it has been promoted,
counted from when it was asked last. So as soon as the primary is silent, all replicas are asked: the next time is then
shortly after the promotion, and not up to a second later.

On a machine without CPU to spare, a primary that lives may not answer for more than a second. To replace it would make
all other nodes copy everything, which takes more of the CPU. So where this Sentinel's own machine is starved, a
silent primary is given twice the time, unless it is known to be dead.
"""

import time
from collections.abc import Sequence

from agents.launch import is_running, log
from agents.lost_election import Elections
from agents.node_status import ANSWER_TIMEOUT_S
from agents.sentinel_queries import read_primary, read_replicas
from agents.starvation import Starvation, is_dead
from exactly_once.client import Address, ErrorReply, Node, Nodes
from exactly_once.errors import ServerError
from exactly_once.sentinel_records import Record, address_of, flags_of

# A replica can be elected that was asked within five ping periods. Shorter ones, and on a busy machine none would be
# good enough: the next attempt is six seconds later.
INTERVALS = ("info-period", "1000", "publish-period", "500", "ask-period", "100", "ping-period", "300")
# A Sentinel that did not run for two seconds does not trust what it knows, and joins no failover for 30 s: TILT.
# With these intervals everything that it knows is new after three seconds.
TRUST = ("tilt-period", "3000")
#: Seconds between two looks at a primary that may be silent, and at one that answers.
POLL_S, CALM_POLL_S = 0.1, 0.2
#: Up to so long after a sign of life a primary answers: a ping, and the time until the next one.
CALM_MS = 400
#: How many replicas follow a new primary at the same time: as in deploy/sentinel/sentinel.conf, and all that there
#: can be.
PARALLEL_SYNCS, MAX_PARALLEL_SYNCS = "parallel-syncs", 4
#: After so long without an answer a primary is found down: as in deploy/sentinel/sentinel.conf, and where this
#: Sentinel's machine is starved.
DOWN_AFTER, DOWN_AFTER_MS, STARVED_DOWN_AFTER_MS = "down-after-milliseconds", 1000, 2000
#: Without a sign of life until so long before that, the primary may be about to be found down. The promotion comes some
#: 600 ms after this: were replicas asked much earlier, it would just miss the next time that they are.
SILENCE_MARGIN_MS = 300
#: Without a sign of life for so long, a primary is asked whether it is dead: two pings, and their answers, are missing.
MIN_SILENCE_MS = 600
#: Replicas that were asked less than this ago count as asked now.
FRESH_INFO_MS = 200


def is_silent(primary: Record) -> bool:
    """Whether the primary, as a Sentinel describes it, has stopped answering and is not yet found down."""
    max_silence_ms = int(primary[DOWN_AFTER]) - SILENCE_MARGIN_MS
    return int(primary["last-ok-ping-reply"]) > max_silence_ms and "s_down" not in flags_of(primary)


def choose_pause_s(primary: Record) -> float:
    """Seconds until the next look at this primary, as a Sentinel describes it."""
    return CALM_POLL_S if int(primary["last-ok-ping-reply"]) <= CALM_MS else POLL_S


def choose_down_after_ms(primary: Record, *, is_starved: bool) -> int:
    """How long this primary, as a Sentinel describes it, may be silent before it is found down."""
    if not is_starved:
        return DOWN_AFTER_MS
    is_quiet = int(primary["last-ok-ping-reply"]) > MIN_SILENCE_MS
    return DOWN_AFTER_MS if is_quiet and is_dead(address_of(primary)) else STARVED_DOWN_AFTER_MS


def are_fresh(replicas: Sequence[Record]) -> bool:
    """Whether every replica that answers was asked for its INFO just now."""
    return all(int(replica["info-refresh"]) < FRESH_INFO_MS for replica in connected(replicas))


def connected(replicas: Sequence[Record]) -> Sequence[Record]:
    """The replicas that answer the Sentinel which describes them so."""
    return [replica for replica in replicas if "disconnected" not in flags_of(replica)]


def tune_failover(nodes: Nodes, me: Address, name: str, server_pid: int) -> None:
    """Make the Sentinel announced as `me` replace the primary of this name as soon as it can, until its process ends.
    It and the others are called by `nodes`."""
    starvation, sentinel = Starvation(), nodes[me]
    while is_running(server_pid):
        try:
            set_intervals(sentinel)
            _watch(sentinel, name, starvation, Elections(nodes, me, name))
        except (ServerError, ErrorReply) as error:
            _record_delay(error, starvation)
            starvation.pause(POLL_S)


def _record_delay(error: ServerError | ErrorReply, starvation: Starvation) -> None:
    """Notice a Sentinel of this machine that lives and does not answer in time: that one waits for the CPU."""
    if isinstance(error, ServerError) and error.timed_out:
        starvation.record(ANSWER_TIMEOUT_S, time.monotonic())


def _raise_parallel_syncs(sentinel: Node, name: str, primary: Record) -> None:
    if int(primary.get(PARALLEL_SYNCS, MAX_PARALLEL_SYNCS)) < MAX_PARALLEL_SYNCS:
        sentinel.run(("SENTINEL", "SET", name, PARALLEL_SYNCS, MAX_PARALLEL_SYNCS), timeout=ANSWER_TIMEOUT_S)


def _watch(sentinel: Node, name: str, starvation: Starvation, elections: Elections) -> None:
    """Go on until the Sentinel does not answer."""
    is_refreshed, pause_s = False, POLL_S
    while True:
        starvation.pause(pause_s)
        primary = read_primary(sentinel, name)
        elections.look(primary, time.monotonic())
        _raise_parallel_syncs(sentinel, name, primary)
        _adapt_down_after(sentinel, name, primary, starvation)
        # Once each time: until it answers again or is found down.
        if is_silent(primary) and not is_refreshed:
            refresh_replicas(sentinel, name)
        is_refreshed, pause_s = is_silent(primary), choose_pause_s(primary)


def _adapt_down_after(sentinel: Node, name: str, primary: Record, starvation: Starvation) -> None:
    is_starved = starvation.holds_at(time.monotonic())
    milliseconds = choose_down_after_ms(primary, is_starved=is_starved)
    if milliseconds != int(primary[DOWN_AFTER]):
        sentinel.run(("SENTINEL", "SET", name, DOWN_AFTER, milliseconds), timeout=ANSWER_TIMEOUT_S)
        reason = "this machine has no CPU to spare" if milliseconds > DOWN_AFTER_MS else "it is dead, or there is CPU"
        log(f"a silent primary is found down after {milliseconds} ms: {reason}")


def refresh_replicas(sentinel: Node, name: str) -> None:
    """Make this Sentinel ask every replica for its INFO now. Raises ServerError and ErrorReply."""
    _set(sentinel, "info-period", "1")
    try:
        started = time.monotonic()
        while time.monotonic() - started < FRESH_INFO_MS / 1000:
            time.sleep(POLL_S)
            if are_fresh(read_replicas(sentinel, name)):
                break
    finally:
        set_intervals(sentinel)


def set_intervals(sentinel: Node) -> None:
    """Set the intervals that suit so few nodes. Raises ServerError and ErrorReply."""
    _set(sentinel, *INTERVALS, *TRUST)


def _set(sentinel: Node, *intervals: str) -> None:
    sentinel.run(("SENTINEL", "DEBUG", *intervals), timeout=ANSWER_TIMEOUT_S)
