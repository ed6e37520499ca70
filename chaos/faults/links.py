"""Faults of the network: cut, and lossy."""

import time
from collections.abc import Callable

from chaos.faults.kinds import INSTANCES, Fault, Inject, cut, refusing
from chaos.target import FaultInjector

#: Of the packets between all nodes, how many are lost.
LOST_SHARE = 0.15


def _primary_cut_off(target: FaultInjector, seconds: float) -> None:
    cut(target, seconds, [target.primary], [*target.replicas, *target.sentinels, *INSTANCES])


def _primary_and_instance_cut_off(target: FaultInjector, seconds: float) -> None:
    cut(target, seconds, [target.primary, "api-1"], [*target.replicas, *target.sentinels, "api-2"])


def _half_cut_off(target: FaultInjector, seconds: float) -> None:
    """The primary, a replica and a client on the side without Sentinels."""
    one, *others = target.replicas
    cut(target, seconds, [target.primary, one, "api-1"], [*others, *target.sentinels, "api-2"])


def _primary_cut_from_sentinels(target: FaultInjector, seconds: float) -> None:
    cut(target, seconds, [target.primary], target.sentinels)


def _primary_cut_from_replicas(target: FaultInjector, seconds: float) -> None:
    cut(target, seconds, [target.primary], target.replicas)


def _link(other: Callable[[FaultInjector], str]) -> Inject:
    return lambda target, seconds: cut(target, seconds, [target.primary], [other(target)])


def _packets_lost(target: FaultInjector, seconds: float) -> None:
    with target.lose_packets(LOST_SHARE):
        time.sleep(seconds)


def _cutting(name: str, what: str, inject: Inject) -> Fault:
    return Fault(name=name, what=what, inject=inject, is_root=True)


OF_LINKS = (
    _cutting("primary-cut-off", "primary cut off from everything", _primary_cut_off),
    refusing(
        "primary-and-instance-cut-off", "primary and an instance cut off", _primary_and_instance_cut_off, is_root=True
    ),
    refusing("half-cut-off", "primary, a replica and an instance cut off", _half_cut_off, is_root=True),
    _cutting("primary-cut-from-sentinels", "primary cut off from the Sentinels", _primary_cut_from_sentinels),
    _cutting("primary-cut-from-replicas", "primary cut off from all replicas", _primary_cut_from_replicas),
    _cutting("link-to-replica", "link between primary and a replica cut", _link(lambda target: target.replicas[0])),
    _cutting("link-to-instance", "link between primary and an instance cut", _link(lambda _: "api-1")),
    _cutting("link-to-sentinel", "link between primary and a Sentinel cut", _link(lambda _: "sentinel-1")),
    refusing("packets-lost", "15 % of the packets between all nodes lost", _packets_lost, is_root=True),
)
