"""Faults of everything at once: stopped, killed, with files damaged; of disks and memory; and of the supervisor."""

import random
import time

from chaos.append_only import FileDamage
from chaos.faults.kinds import (
    INSTANCES,
    MOMENT_S,
    NGINX,
    SUPERVISOR,
    Fault,
    everything_away,
    freeze,
    refusing,
    stopping,
)
from chaos.target import FaultInjector

#: Requests with bodies that nginx writes to its disk, a second.
LARGE_BODIES = 10


def _everything_restarted(target: FaultInjector, seconds: float) -> None:
    with everything_away(target):
        pass


def _everything_killed(target: FaultInjector, seconds: float) -> None:
    target.kill(*target.data_nodes, *target.sentinels, *INSTANCES, NGINX)


def _tails_torn(target: FaultInjector, seconds: float) -> None:
    """As a power cut leaves files: nothing acknowledged is in what was written last."""
    with everything_away(target):
        for node in target.data_nodes:
            target.damage_file(node, FileDamage.TORN_TAIL)


def _tail_cut(target: FaultInjector, seconds: float) -> None:
    """On the primary, which has acknowledged what is cut off: the others have it."""
    primary = target.primary
    with everything_away(target):
        target.damage_file(primary, FileDamage.CUT_TAIL)


def _file_damaged(target: FaultInjector, seconds: float) -> None:
    replica = target.replicas[0]
    with everything_away(target):
        target.damage_file(replica, FileDamage.MIDDLE)


def _sentinels_emptied(target: FaultInjector, seconds: float) -> None:
    """The first data node, which new Sentinels take for the primary, is the one that is behind."""
    first = next(iter(target.data_nodes))
    if target.primary == first:
        target.move_primary()
        target.heal()
    target.take_away(first)
    time.sleep(MOMENT_S)
    rest = [*(node for node in target.data_nodes if node != first), *target.sentinels, *INSTANCES, NGINX]
    target.take_away(*rest)
    for sentinel in target.sentinels:
        target.empty(sentinel)
    for name in random.sample([first, *rest], len(rest) + 1):
        target.bring_back(name)


def _disk_full(target: FaultInjector, seconds: float) -> None:
    with target.full_disk():
        time.sleep(seconds)


def _run_disk_full(target: FaultInjector, seconds: float) -> None:
    with target.full_run_disk():
        time.sleep(seconds)


def _bodies_disk_full(target: FaultInjector, seconds: float) -> None:
    with target.full_bodies_disk():
        for _ in range(int(seconds)):
            target.hang_up(LARGE_BODIES)
            time.sleep(MOMENT_S)


def _memory_full(target: FaultInjector, seconds: float) -> None:
    with target.full_memory():
        time.sleep(seconds)


def _supervisor_killed(target: FaultInjector, seconds: float) -> None:
    target.kill(SUPERVISOR)
    time.sleep(seconds)


def _supervisor_frozen(target: FaultInjector, seconds: float) -> None:
    freeze(target, seconds, SUPERVISOR)


OF_EVERYTHING = (
    stopping("everything-restarted", "everything stopped, started in any order", _everything_restarted),
    stopping("everything-killed", "every process killed at once", _everything_killed),
    stopping("tails-torn", "everything killed, with a torn tail on every append-only file", _tails_torn),
    stopping("tail-cut", "everything killed, the last bytes of the primary's file gone", _tail_cut),
    stopping("file-damaged", "everything restarted, a replica's file damaged in the middle", _file_damaged),
    stopping(
        "sentinels-emptied", "a node behind, everything killed, the Sentinels' directories lost", _sentinels_emptied
    ),
)
OF_RESOURCES = (
    refusing("disk-full", "the primary's disk full", _disk_full, is_root=True),
    refusing(
        "run-disk-full",
        "the disk of the whole run directory full",
        _run_disk_full,
        is_root=True,
        prepare=lambda target: target.limit_run_disk(),
    ),
    Fault(name="bodies-disk-full", what="nginx's disk for bodies full", inject=_bodies_disk_full, is_root=True),
    refusing("memory-full", "the primary at its memory limit", _memory_full),
)
OF_SUPERVISOR = (
    Fault(
        name="supervisor-killed",
        what="the supervisor killed",
        inject=_supervisor_killed,
        is_repaired_by_restart=True,
    ),
    Fault(name="supervisor-frozen", what="the supervisor frozen, then woken", inject=_supervisor_frozen),
)
