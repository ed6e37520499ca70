"""Rows of the table: one load, faults one after the other in the middle of it, and one check at its end."""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import redis

from chaos import contents, stage
from chaos.checker import Finding, Wrong, check
from chaos.contents import Contents
from chaos.faults import Fault, Tolerance
from chaos.history import Call, History
from chaos.load import Load
from chaos.mix import Mix
from chaos.target import NotHealed, Target

#: Seconds of undisturbed load before the first fault and after each, and until the nodes must hold the same.
SETTLE, DEFINITE = 2.0, 30.0
#: Every run asks for the same, of people and products of its own.
SEED = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How often each fault is injected, for how many seconds, under how many requests a second."""

    times: int
    seconds: float
    rate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The time of one fault, its recovery included, in seconds since the load began."""

    fault: Fault
    start: float
    end: float

    def __contains__(self, due: float) -> bool:
        return self.start <= due < self.end


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What came of it. Times are in seconds; `pause` is the longest in which no write was acknowledged; the failed ones
    did not get what they asked for, nor a true refusal."""

    fault: Fault
    times: int
    requests: int
    failed_reads: Sequence[Call]
    failed_writes: Sequence[Call]
    longest_read: float
    longest_write: float
    pause: float
    findings: tuple[Finding, ...]

    def count(self, *wrong: Wrong) -> int:
        """How many findings are of these kinds."""
        return sum(finding.wrong in wrong for finding in self.findings)

    @property
    def broken(self) -> list[str]:
        """Which promises were broken, a sentence each; how long something took aside."""
        return [*(f"{finding.wrong}: {finding.detail}" for finding in self.findings), *map(_failure, self.unexcused)]

    @property
    def unexcused(self) -> list[Call]:
        """The requests that failed although the fault is none for which they may."""
        reads = () if self.fault.tolerance is Tolerance.OUTAGE else self.failed_reads
        writes = self.failed_writes if self.fault.tolerance is Tolerance.NOTHING else ()
        return [*reads, *writes]

    @property
    def violations(self) -> list[str]:
        """Why the row does not pass, a sentence each; nothing where it does."""
        found: list[str] = []
        if self.fault.longest_write is not None and self.longest_write >= self.fault.longest_write:
            found.append(f"a write took {self.longest_write:.2f} s, the limit is {self.fault.longest_write:.0f} s")
        return found + self.broken


def run(target: Target, faults: Sequence[Fault], plan: Plan, say: Callable[[str], None]) -> tuple[list[Row], History]:
    """Inject the faults in this order under one load.

    Returns a row for each fault, and the whole history behind them. `say` gets each step as it begins.

    Raises:
        NotHealed: the topology did not come back, or its nodes do not agree in time.
    """
    set_up = stage.set_up(target.configuration)
    load = Load(target.url, Mix(set_up, SEED), plan.rate)
    load.start()
    try:
        time.sleep(SETTLE)
        windows = _inject(target, faults, plan, load, say)
    finally:
        history = load.stop()
    say("checking")
    findings = check(history, set_up, _definite(target))
    return [_row(window, plan, history, findings) for window in windows], history


def _inject(
    target: Target, faults: Sequence[Fault], plan: Plan, load: Load, say: Callable[[str], None]
) -> list[Window]:
    """The windows follow each other without a gap: every call of the load falls into one."""
    ends = [0.0]
    for fault in faults:
        for number in range(1, plan.times + 1):
            say(f"{fault.name} {number}/{plan.times}")
            fault.inject(target, plan.seconds)
            target.heal()
            time.sleep(SETTLE)
        ends.append(load.now)
    ends[-1] = math.inf
    return [
        Window(fault=fault, start=start, end=end)
        for fault, (start, end) in zip(faults, itertools.pairwise(ends), strict=True)
    ]


def _definite(target: Target) -> dict[str, Contents]:
    """What each data node holds once all of them count the same writes: by then what was unknown has happened or has
    not, and nobody is at it any more."""
    end = time.monotonic() + DEFINITE
    while True:
        held = _held(target)
        counts = {each.revision for each in held.values()}
        if len(counts) == 1:
            return held
        if time.monotonic() > end:
            raise NotHealed(f"After {DEFINITE:.0f} s the nodes still count different writes: {sorted(counts)}.")
        time.sleep(0.5)


def _held(target: Target) -> dict[str, Contents]:
    store = target.configuration.store
    try:
        return {name: contents.read(host, port, store) for name, (host, port) in target.data_nodes.items()}
    except redis.RedisError:
        return {}


def _row(window: Window, plan: Plan, history: History, findings: Sequence[Finding]) -> Row:
    own = History(calls=[call for call in history.calls if call.due in window])
    reads, writes = own.reads, own.writes
    return Row(
        fault=window.fault,
        times=plan.times,
        requests=len(own.calls),
        failed_reads=[call for call in reads if not call.is_success],
        failed_writes=[call for call in writes if not call.is_acknowledged],
        longest_read=_longest(reads),
        longest_write=_longest(writes),
        pause=own.longest_pause,
        # What has no time may come from any fault of the load, so it counts against each of them.
        findings=tuple(finding for finding in findings if finding.due is None or finding.due in window),
    )


def _failure(call: Call) -> str:
    what = f"{call.status} {call.code}" if call.status else f"no answer ({call.fault})"
    return f"{call.method} {call.path} after {call.seconds:.2f} s: {what}, request {call.request_id or 'unknown'}"


def _longest(calls: list[Call]) -> float:
    return max((call.seconds for call in calls), default=0.0)
