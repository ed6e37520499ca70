"""Faults of data nodes and Sentinels: killed, frozen, slow, busy."""

import random
import time

from chaos.faults.kinds import (
    FAILOVER_S,
    MOMENT_S,
    Fault,
    freeze,
    refusing,
    take_away,
)
from chaos.target import FaultInjector, NotHealed

#: A primary that is frozen and woken again and again: so often at most, and for so many seconds each.
MAX_FREEZES = 10
MIN_FREEZE_S, MAX_FREEZE_S = 0.5, 1.5
MIN_AWAKE_S, MAX_AWAKE_S = 0.2, 0.6
#: A second failover begins so many seconds after the first at most.
MAX_UNTIL_SECOND_S = 2.5
#: In which the Sentinels replace a killed primary.
PROMOTION_TIMEOUT_S = 10.0
POLL_S = 0.05
#: For which Sentinels do not run: after two seconds they do not trust what they know.
SUSPENDED_S = 3.0
#: For which a script runs that keeps the primary busy.
SCRIPT_S = 3.0


def _primary_killed(target: FaultInjector, seconds: float) -> None:
    target.kill(target.primary)
    time.sleep(FAILOVER_S)


def _primary_killed_late(target: FaultInjector, seconds: float) -> None:
    take_away(target, FAILOVER_S, target.primary)


def _primary_killed_for_good(target: FaultInjector, seconds: float) -> None:
    take_away(target, max(seconds, FAILOVER_S), target.primary)


def _primary_killed_and_emptied(target: FaultInjector, seconds: float) -> None:
    primary = target.primary
    target.take_away(primary)
    target.empty(primary)
    target.bring_back(primary)
    time.sleep(FAILOVER_S)


def _primary_frozen(target: FaultInjector, seconds: float) -> None:
    freeze(target, seconds, target.primary)


def _primary_flapping(target: FaultInjector, seconds: float) -> None:
    """Whichever node is primary at that moment; the same one again while the Sentinels agree on none."""
    end, primary = time.monotonic() + seconds, target.primary
    for _ in range(MAX_FREEZES):
        freeze(target, random.uniform(MIN_FREEZE_S, MAX_FREEZE_S), primary)
        time.sleep(random.uniform(MIN_AWAKE_S, MAX_AWAKE_S))
        if time.monotonic() > end:
            return
        primary = _present_primary(target, primary)


def _second_failover(target: FaultInjector, seconds: float) -> None:
    first = target.primary
    target.kill(first)
    end = time.monotonic() + PROMOTION_TIMEOUT_S
    while (second := _present_primary(target, first)) == first and time.monotonic() < end:
        time.sleep(POLL_S)
    time.sleep(random.uniform(0, MAX_UNTIL_SECOND_S))
    target.kill(second)
    time.sleep(FAILOVER_S)


def _present_primary(target: FaultInjector, otherwise: str) -> str:
    try:
        return target.primary
    except NotHealed:
        return otherwise


def _primary_busy(target: FaultInjector, seconds: float) -> None:
    target.keep_busy(target.primary, SCRIPT_S)
    time.sleep(MOMENT_S)


def _primary_moved(target: FaultInjector, seconds: float) -> None:
    target.move_primary()
    time.sleep(MOMENT_S)


def _connections_full(target: FaultInjector, seconds: float) -> None:
    with target.full_connections(target.primary):
        time.sleep(seconds)


def _connections_full_and_primary_killed(target: FaultInjector, seconds: float) -> None:
    primary = target.primary
    with target.full_connections(primary):
        time.sleep(MOMENT_S)
        target.kill(primary)
        time.sleep(FAILOVER_S)


def _replica_killed(target: FaultInjector, seconds: float) -> None:
    take_away(target, seconds, target.replicas[0])


def _replica_frozen(target: FaultInjector, seconds: float) -> None:
    freeze(target, seconds, target.replicas[0])


def _replicas_in_turn(target: FaultInjector, seconds: float) -> None:
    for replica in tuple(target.replicas):
        take_away(target, seconds / 2, replica)
        target.heal()


def _fresher_replica(target: FaultInjector, seconds: float) -> None:
    """One replica misses writes, and the primary dies before it has caught up for long."""
    late = target.replicas[0]
    freeze(target, MOMENT_S, late)
    target.kill(target.primary)
    time.sleep(FAILOVER_S)


def _replica_slow(target: FaultInjector, seconds: float) -> None:
    with target.slow(target.replicas[0]):
        time.sleep(seconds)


def _replica_slow_and_primary_killed(target: FaultInjector, seconds: float) -> None:
    with target.slow(target.replicas[0]):
        time.sleep(MOMENT_S)
        target.kill(target.primary)
        time.sleep(max(seconds, FAILOVER_S))


def _sentinel_killed(target: FaultInjector, seconds: float) -> None:
    target.take_away("sentinel-1")
    time.sleep(MOMENT_S)
    target.kill(target.primary)
    time.sleep(max(seconds, FAILOVER_S))
    target.bring_back("sentinel-1")


def _sentinel_frozen(target: FaultInjector, seconds: float) -> None:
    target.freeze("sentinel-1")
    time.sleep(MOMENT_S)
    target.kill(target.primary)
    time.sleep(max(seconds, FAILOVER_S))
    target.wake("sentinel-1")


def _sentinels_suspended(target: FaultInjector, seconds: float) -> None:
    # As the machines of both would be. A majority that does not trust what it knows elects no primary.
    target.freeze("sentinel-1", "sentinel-2")
    time.sleep(SUSPENDED_S)
    target.wake("sentinel-1", "sentinel-2")
    time.sleep(2 * MOMENT_S)
    target.kill(target.primary)
    time.sleep(max(seconds, FAILOVER_S))


def _primary_and_replica_gone(target: FaultInjector, seconds: float) -> None:
    take_away(target, seconds, target.primary, target.replicas[0])


def _sentinels_gone(target: FaultInjector, seconds: float) -> None:
    take_away(target, seconds, *target.sentinels)


def _two_sentinels_lost(target: FaultInjector, seconds: float) -> None:
    # The Sentinels that stay may be too few to name it.
    primary = target.primary
    target.take_away("sentinel-1", "sentinel-2")
    time.sleep(MOMENT_S)
    target.kill(primary)
    time.sleep(max(seconds, FAILOVER_S))
    target.bring_back("sentinel-1", "sentinel-2")


def _nodes_scaled(target: FaultInjector, seconds: float) -> None:
    before = len(target.data_nodes)
    target.scale("redis", before + 1)
    target.scale("redis", before)


def _sentinels_scaled(target: FaultInjector, seconds: float) -> None:
    before = len(target.sentinels)
    target.scale("sentinel", 8 - before)
    target.scale("sentinel", before)


OF_PRIMARY = (
    Fault(name="primary-killed", what="primary killed, restarted at once", inject=_primary_killed),
    Fault(name="primary-killed-late", what="primary killed, restarted after the failover", inject=_primary_killed_late),
    Fault(name="primary-killed-for-good", what="primary killed, not restarted", inject=_primary_killed_for_good),
    Fault(
        name="primary-emptied",
        what="primary killed, restarted with an empty directory",
        inject=_primary_killed_and_emptied,
    ),
    Fault(name="primary-frozen", what="primary frozen, then woken", inject=_primary_frozen),
    Fault(
        name="primary-flapping",
        what="primary frozen and woken, again and again",
        inject=_primary_flapping,
        # Several faults: a write may meet a failover, and the next freeze when that is over.
        longest_write=None,
    ),
    # Two faults: where the Sentinels' votes are split, the second election comes after 6 s.
    refusing("second-failover", "primary killed, then the new primary", _second_failover),
    Fault(name="primary-busy", what="primary busy with a script for 3 s", inject=_primary_busy),
    Fault(name="connections-full", what="no free connection on the primary", inject=_connections_full),
    Fault(
        name="connections-full-and-killed",
        what="no free connection on the primary, then it is killed",
        inject=_connections_full_and_primary_killed,
    ),
)
OF_REPLICAS = (
    Fault(name="replica-killed", what="replica killed", inject=_replica_killed),
    Fault(name="replica-frozen", what="replica frozen, then woken", inject=_replica_frozen),
    Fault(name="replicas-in-turn", what="the replicas killed, one after the other", inject=_replicas_in_turn),
    Fault(
        name="fresher-replica", what="a replica frozen for a moment, then the primary killed", inject=_fresher_replica
    ),
    Fault(name="replica-slow", what="a replica slow, up to 180 ms an answer", inject=_replica_slow),
    Fault(
        name="replica-slow-and-primary-killed",
        what="a replica slow, then the primary killed",
        inject=_replica_slow_and_primary_killed,
        # Two faults: until the killed node is back, every write waits for the slow replica, which alone can confirm it.
        longest_write=None,
    ),
)
OF_SENTINELS = (
    Fault(name="sentinel-killed", what="a Sentinel killed, then the primary", inject=_sentinel_killed),
    Fault(name="sentinel-frozen", what="a Sentinel frozen, then the primary killed", inject=_sentinel_frozen),
    Fault(
        name="sentinels-suspended",
        what="two Sentinels suspended for 3 s, then the primary killed",
        inject=_sentinels_suspended,
    ),
)
PLANNED = (
    Fault(name="primary-moved", what="planned failover", inject=_primary_moved, longest_write=1.0),
    Fault(name="nodes-scaled", what="a data node added, then removed", inject=_nodes_scaled),
    Fault(name="sentinels-scaled", what="two Sentinels added, then removed", inject=_sentinels_scaled),
)
OF_QUORUM = (
    refusing("quorum-lost", "primary and a replica gone", _primary_and_replica_gone),
    refusing("two-sentinels-lost", "two Sentinels gone, then the primary killed", _two_sentinels_lost),
    refusing("sentinels-lost", "all Sentinels gone", _sentinels_gone),
)
