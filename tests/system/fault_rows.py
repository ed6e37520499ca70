"""Rows of the fault table on a topology of their own, and faults that only tests inject."""

import time
from collections.abc import Callable, Sequence

from chaos.embedded import starting
from chaos.faults import FAILOVER, FieldError
from chaos.run import Plan, Row, run
from chaos.target import Target
from operations import request_trace

PLAN = Plan(times=1, seconds=5, rate=100)
NETWORK = "127.27"
#: A load goes through all the rows of its group before the first of their tests begins.
TIMEOUT_S = 900
NGINX_WRITES_LATE = 2.0


def rows_of(faults: Sequence[FieldError], say: Callable[[str], None]) -> dict[str, Row]:
    """The row of each fault, by its name, after one load. Where a request failed, its way through the logs is printed:
    they are gone when the topology is."""
    with starting(NETWORK) as target:
        rows, _ = run(target, faults, PLAN, say)
        unexcused = [call for row in rows for call in row.unexcused if call.request_id]
        if unexcused:
            time.sleep(NGINX_WRITES_LATE)
        for call in unexcused[:5]:
            say("\n  ".join([call.request_id, *map(str, request_trace.steps(target.layout, call.request_id))]))
    return {row.fault.name: row for row in rows}


def _primary_killed_with_what_it_has_not_sent(target: Target, seconds: float) -> None:
    primary = target.primary
    with target.cut([primary], target.replicas):
        time.sleep(1)
        target.take_away(primary)
        # What a dead process had handed to the kernel would still arrive.
        time.sleep(FAILOVER)
    target.bring_back(primary)


LAGGING = FieldError(
    name="lagging",
    what="the primary cut off from its replicas for a moment, then killed",
    inject=_primary_killed_with_what_it_has_not_sent,
)
