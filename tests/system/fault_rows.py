"""Rows of the fault table on a topology of their own, and faults that only tests inject."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chaos.embedded import start
from chaos.faults import FAILOVER_S, FAULTS, Fault, Tolerance, nodes
from chaos.run import Plan, Row, run
from chaos.target import FaultInjector
from operations import request_trace
from operations.deployment import LogDirectory

PLAN = Plan(times=1, seconds=5, rate=100)
#: Where instances and nodes are away or started anew: at 100/s one instance alone is at its limit, on two cores that
#: have other work too.
PLAN_OF_ROWS = replace(PLAN, rate=50, seconds=4)
NETWORK = "127.27"
#: A load goes through all the rows of its group before the first of their tests begins.
TIMEOUT_S = 900
NGINX_WRITES_LATE = 2.0


def rows_of(
    faults: Sequence[Fault], request: pytest.FixtureRequest, plan: Plan = PLAN_OF_ROWS, **settings: Any
) -> dict[str, Row]:
    """The row of each fault that a test of this module asks for by its `name`, after one load: a second try of one row
    injects no others. Where a request failed, its way through the logs is printed: they are gone when the topology
    is. `settings` are those of the stack."""
    say = request.getfixturevalue("say")
    with start(NETWORK, **settings) as target:
        rows, _ = run(target, requested(faults, request), plan, say)
        unexcused = [call for row in rows for call in row.unexcused if call.request_id]
        if unexcused:
            time.sleep(NGINX_WRITES_LATE)
        logs = LogDirectory(path=target.layout.logs)
        for call in unexcused[:5]:
            say("\n  ".join([call.request_id, *map(str, request_trace.read_trace(logs, call.request_id))]))
    return {row.fault.name: row for row in rows}


def requested(faults: Sequence[Fault], request: pytest.FixtureRequest) -> Sequence[Fault]:
    """Those of the faults that a selected test of this module has as its `name`."""
    calls = (getattr(item, "callspec", None) for item in request.session.items if item.path == request.path)
    names = {call.params["name"] for call in calls if call}
    return [fault for fault in faults if fault.name in names]


def _primary_killed_with_what_it_has_not_sent(target: FaultInjector, seconds: float) -> None:
    primary = target.primary
    with target.cut([primary], target.replicas):
        time.sleep(1)
        target.take_away(primary)
        # What a dead process had handed to the kernel would still arrive.
        time.sleep(FAILOVER_S)
    target.bring_back(primary)


LAGGING = Fault(
    name="lagging",
    what="the primary cut off from its replicas for a moment, then killed",
    inject=_primary_killed_with_what_it_has_not_sent,
)


SCALING = frozenset({"nodes-scaled", "sentinels-scaled"})
_OF_NODES = (*nodes.OF_PRIMARY, *nodes.OF_REPLICAS, *nodes.OF_SENTINELS, *nodes.PLANNED, *nodes.OF_QUORUM)


def _group_of(fault: Fault) -> str:
    if fault.name in SCALING:
        return "scaling"
    if fault.is_root:
        return "root"
    if fault.tolerance is Tolerance.OUTAGE:
        return "everything"
    return "nodes" if fault in _OF_NODES else "instances"


#: What a module runs on a topology of its own: one that does not recover from a loss of files takes no other rows with
#: it, and two modules run side by side.
GROUPS: Mapping[str, Sequence[Fault]] = {
    group: [fault for fault in FAULTS.values() if _group_of(fault) == group]
    for group in ("instances", "nodes", "everything", "root", "scaling")
}
