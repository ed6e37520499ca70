"""The faults: what is done, for how long, and which failures clients may see meanwhile."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from chaos.target import FaultInjector

SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")
INSTANCES = ("api-1", "api-2")
#: In which a failover is over, and in which a frozen replica misses writes.
FAILOVER_S, MOMENT_S = 3.0, 1.0


class Tolerance(Enum):
    """What clients may see: no failure at all; writes refused with 503 where the store cannot take them; or no
    response, where everything was stopped."""

    NOTHING = "nothing fails"
    REFUSED_WRITES = "writes may be refused"
    OUTAGE = "everything was stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """`inject` does it and returns after it is over, as far as it ends by itself; None where nothing is done. A write
    takes `longest_write` seconds at most; None where it may wait until its deadline. `is_root` where it takes a packet
    filter or a file system of its own."""

    name: str
    what: str
    inject: Callable[[FaultInjector, float], None] | None
    tolerance: Tolerance = Tolerance.NOTHING
    longest_write: float | None = 4.0
    is_root: bool = False


def _primary_killed(target: FaultInjector, seconds: float) -> None:
    target.kill(target.primary)
    time.sleep(FAILOVER_S)


def _primary_killed_late(target: FaultInjector, seconds: float) -> None:
    _away(target, FAILOVER_S, target.primary)


def _primary_killed_for_good(target: FaultInjector, seconds: float) -> None:
    _away(target, max(seconds, FAILOVER_S), target.primary)


def _primary_killed_and_emptied(target: FaultInjector, seconds: float) -> None:
    primary = target.primary
    target.take_away(primary)
    target.empty(primary)
    target.bring_back(primary)
    time.sleep(FAILOVER_S)


def _primary_frozen(target: FaultInjector, seconds: float) -> None:
    _frozen(target, seconds, target.primary)


def _primary_cut_off(target: FaultInjector, seconds: float) -> None:
    _cut(target, seconds, [target.primary], [*target.replicas, *SENTINELS, *INSTANCES])


def _primary_and_instance_cut_off(target: FaultInjector, seconds: float) -> None:
    _cut(target, seconds, [target.primary, "api-1"], [*target.replicas, *SENTINELS, "api-2"])


def _half_cut_off(target: FaultInjector, seconds: float) -> None:
    """The primary, a replica and a client on the side without Sentinels."""
    one, other = target.replicas
    _cut(target, seconds, [target.primary, one, "api-1"], [other, *SENTINELS, "api-2"])


def _primary_cut_from_sentinels(target: FaultInjector, seconds: float) -> None:
    _cut(target, seconds, [target.primary], SENTINELS)


def _primary_cut_from_replicas(target: FaultInjector, seconds: float) -> None:
    _cut(target, seconds, [target.primary], target.replicas)


def _link(other: Callable[[FaultInjector], str]) -> Callable[[FaultInjector, float], None]:
    return lambda target, seconds: _cut(target, seconds, [target.primary], [other(target)])


def _replica_killed(target: FaultInjector, seconds: float) -> None:
    _away(target, seconds, target.replicas[0])


def _replica_frozen(target: FaultInjector, seconds: float) -> None:
    _frozen(target, seconds, target.replicas[0])


def _replicas_in_turn(target: FaultInjector, seconds: float) -> None:
    for replica in tuple(target.replicas):
        _away(target, seconds / 2, replica)
        target.heal()


def _fresher_replica(target: FaultInjector, seconds: float) -> None:
    """One replica misses writes, and the primary dies before it has caught up for long."""
    late = target.replicas[0]
    _frozen(target, MOMENT_S, late)
    target.kill(target.primary)
    time.sleep(FAILOVER_S)


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


def _instance_killed(target: FaultInjector, seconds: float) -> None:
    for instance in INSTANCES:
        target.kill(instance)
        time.sleep(MOMENT_S)
        target.heal()


def _instance_frozen(target: FaultInjector, seconds: float) -> None:
    _frozen(target, seconds, "api-1")


def _worker_killed(target: FaultInjector, seconds: float) -> None:
    for instance in INSTANCES:
        target.kill_worker(instance)
        time.sleep(MOMENT_S)
        target.heal()


def _nginx_reloaded(target: FaultInjector, seconds: float) -> None:
    target.reload_nginx()
    time.sleep(MOMENT_S)


def _instances_rolled(target: FaultInjector, seconds: float) -> None:
    for instance in INSTANCES:
        target.roll(instance)


def _primary_moved(target: FaultInjector, seconds: float) -> None:
    target.move_primary()
    time.sleep(MOMENT_S)


def _everything_restarted(target: FaultInjector, seconds: float) -> None:
    names = [*target.data_nodes, *SENTINELS, *INSTANCES, "nginx"]
    for name in random.sample(names, len(names)):
        target.take_away(name)
    for name in random.sample(names, len(names)):
        target.bring_back(name)


def _everything_killed(target: FaultInjector, seconds: float) -> None:
    target.kill(*target.data_nodes, *SENTINELS, *INSTANCES, "nginx")


def _disk_full(target: FaultInjector, seconds: float) -> None:
    with target.full_disk():
        time.sleep(seconds)


def _memory_full(target: FaultInjector, seconds: float) -> None:
    with target.full_memory():
        time.sleep(seconds)


def _primary_and_replica_gone(target: FaultInjector, seconds: float) -> None:
    _away(target, seconds, target.primary, target.replicas[0])


def _sentinels_gone(target: FaultInjector, seconds: float) -> None:
    _away(target, seconds, *SENTINELS)


def _away(target: FaultInjector, seconds: float, *names: str) -> None:
    target.take_away(*names)
    time.sleep(seconds)
    target.bring_back(*names)


def _frozen(target: FaultInjector, seconds: float, *names: str) -> None:
    target.freeze(*names)
    time.sleep(seconds)
    target.wake(*names)


def _cut(target: FaultInjector, seconds: float, one_side: Sequence[str], other_side: Sequence[str]) -> None:
    with target.cut(one_side, other_side):
        time.sleep(seconds)


def _fault(
    name: str,
    what: str,
    inject: Callable[[FaultInjector, float], None] | None,
    *,
    longest_write: float | None = 4.0,
    is_root: bool = False,
) -> Fault:
    return Fault(name=name, what=what, inject=inject, longest_write=longest_write, is_root=is_root)


def _cutting(name: str, what: str, inject: Callable[[FaultInjector, float], None]) -> Fault:
    return Fault(name=name, what=what, inject=inject, is_root=True)


def _refusing(name: str, what: str, inject: Callable[[FaultInjector, float], None], *, is_root: bool = False) -> Fault:
    tolerance = Tolerance.REFUSED_WRITES
    return Fault(name=name, what=what, inject=inject, tolerance=tolerance, longest_write=None, is_root=is_root)


def _stopping(name: str, what: str, inject: Callable[[FaultInjector, float], None]) -> Fault:
    return Fault(name=name, what=what, inject=inject, tolerance=Tolerance.OUTAGE, longest_write=None)


_ALL = (
    _fault("nothing", "nothing happens", None),
    _fault("primary-killed", "primary killed, restarted at once", _primary_killed),
    _fault("primary-killed-late", "primary killed, restarted after the failover", _primary_killed_late),
    _fault("primary-killed-for-good", "primary killed, not restarted", _primary_killed_for_good),
    _fault("primary-emptied", "primary killed, restarted with an empty directory", _primary_killed_and_emptied),
    _fault("primary-frozen", "primary frozen, then woken", _primary_frozen),
    _cutting("primary-cut-off", "primary cut off from everything", _primary_cut_off),
    _refusing(
        "primary-and-instance-cut-off", "primary and an instance cut off", _primary_and_instance_cut_off, is_root=True
    ),
    _refusing("half-cut-off", "primary, a replica and an instance cut off", _half_cut_off, is_root=True),
    _cutting("primary-cut-from-sentinels", "primary cut off from the Sentinels", _primary_cut_from_sentinels),
    _cutting("primary-cut-from-replicas", "primary cut off from both replicas", _primary_cut_from_replicas),
    _cutting("link-to-replica", "link between primary and a replica cut", _link(lambda target: target.replicas[0])),
    _cutting("link-to-instance", "link between primary and an instance cut", _link(lambda _: "api-1")),
    _cutting("link-to-sentinel", "link between primary and a Sentinel cut", _link(lambda _: "sentinel-1")),
    _fault("replica-killed", "replica killed", _replica_killed),
    _fault("replica-frozen", "replica frozen, then woken", _replica_frozen),
    _fault("replicas-in-turn", "both replicas killed, one after the other", _replicas_in_turn),
    _fault("fresher-replica", "a replica frozen for a moment, then the primary killed", _fresher_replica),
    _fault("sentinel-killed", "a Sentinel killed, then the primary", _sentinel_killed),
    _fault("sentinel-frozen", "a Sentinel frozen, then the primary killed", _sentinel_frozen),
    _fault("instance-killed", "API instances killed, one after the other", _instance_killed),
    _fault("instance-frozen", "API instance frozen, then woken", _instance_frozen),
    _fault("worker-killed", "gunicorn workers killed, one after the other", _worker_killed),
    _fault("nginx-reloaded", "nginx reloaded", _nginx_reloaded),
    _fault("instances-rolled", "API instances restarted, one after the other", _instances_rolled),
    _fault("primary-moved", "planned failover", _primary_moved, longest_write=1.0),
    _stopping("everything-restarted", "everything stopped, started in any order", _everything_restarted),
    _stopping("everything-killed", "every process killed at once", _everything_killed),
    _refusing("disk-full", "the primary's disk full", _disk_full, is_root=True),
    _refusing("memory-full", "the primary at its memory limit", _memory_full),
    _refusing("quorum-lost", "primary and a replica gone", _primary_and_replica_gone),
    _refusing("sentinels-lost", "all Sentinels gone", _sentinels_gone),
)
#: Every fault by its name, in the order of the table.
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _ALL}
#: What `make test` runs of them.
SHORT = (
    "primary-killed",
    "primary-frozen",
    "replica-killed",
    "instance-killed",
    "worker-killed",
    "primary-moved",
)
