"""A run: one load, faults one after the other in the middle of it, and one check at its end."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from chaos import checker
from chaos.anomalies import Anomaly, Violation
from chaos.contents import Contents
from chaos.faults import Fault, Tolerance
from chaos.history import Call, History
from chaos.load import Load, LoadMix
from chaos.mix import Mix
from chaos.slowdown import Slowdown, slowdown
from chaos.stage import Stage
from chaos.staleness import NOT_FOUND
from chaos.target import CannotInject, FaultInjector, NotHealed, Target

#: Of undisturbed load before each fault, in which what was due before it is answered, and after the last.
SETTLE_S = 1.0

Check = Callable[[History, Stage, Mapping[str, Contents]], Sequence[Violation]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How often each fault is injected, for how many seconds, under how many requests a second; the mix of requests,
    and the checker. Every run of a mix sends the same, to users and products of its own."""

    times: int
    seconds: float
    rate: float
    mix: Callable[[Stage], LoadMix] = Mix
    check: Check = checker.check


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The time of one fault, its recovery included, in seconds since the load began. In each of the `outages`, a pair
    of begin and end, the injector had everything stopped to prepare or to repair."""

    fault: Fault
    start: float
    end: float
    outages: Sequence[tuple[float, float]] = ()
    #: When nothing was injected, and when the fault was, for a fault with a `max_slowdown`.
    quiet: Sequence[tuple[float, float]] = ()
    injected: Sequence[tuple[float, float]] = ()

    def __contains__(self, due: float) -> bool:
        return self.start <= due < self.end


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The result for one fault. Times are in seconds; `pause` is the longest in which no write was acknowledged. The
    failed calls got neither what they asked for nor a true refusal."""

    fault: Fault
    outages: Sequence[tuple[float, float]] = ()
    times: int
    requests: int
    failed_reads: Sequence[Call]
    failed_writes: Sequence[Call]
    longest_read: float
    longest_write: float
    pause: float
    violations: tuple[Violation, ...]
    slowdown: Slowdown | None = None

    def count(self, *anomalies: Anomaly) -> int:
        """How many violations are of these kinds."""
        return sum(violation.anomaly in anomalies for violation in self.violations)

    @property
    def broken_promises(self) -> list[str]:
        """Every violation and unexcused failure, a sentence each; how long something took aside."""
        violations = (f"{violation.anomaly}: {violation.detail}" for violation in self.violations)
        return [*violations, *map(_failure, self.unexcused)]

    @property
    def unexcused(self) -> list[Call]:
        """The requests that failed although the fault is none for which they may."""
        reads = () if self.fault.tolerance is Tolerance.OUTAGE else self.failed_reads
        writes = self.failed_writes if self.fault.tolerance is Tolerance.NOTHING else ()
        return [call for call in (*reads, *writes) if not self._is_in_outage(call)]

    def _is_in_outage(self, call: Call) -> bool:
        return any(call.due < end and call.ended > begin for begin, end in self.outages)

    @property
    def failures(self) -> list[str]:
        """Why the row does not pass, a sentence each; none where it does."""
        failures: list[str] = []
        if self.fault.longest_write is not None and self.longest_write >= self.fault.longest_write:
            failures.append(f"a write took {self.longest_write:.2f} s, the limit is {self.fault.longest_write:.0f} s")
        if self.slowdown is not None and self.fault.max_slowdown is not None:
            failures += self.slowdown.failures(self.fault.max_slowdown)
        return failures + self.broken_promises


def run(target: Target, faults: Sequence[Fault], plan: Plan, log: Callable[[str], None]) -> tuple[list[Row], History]:
    """Inject the faults in this order under one load.

    Returns a row for each fault, and the whole history behind them. `log` gets each step as it begins.

    Raises:
        NotHealed: the target did not recover, or its nodes do not agree in time.
        ValueError: a fault cannot be injected into this target.
    """
    stage = target.set_up()
    load = Load(target.url, plan.mix(stage), plan.rate)
    load.start()
    try:
        windows = _inject(target, faults, plan, load, log)
        time.sleep(SETTLE_S)
    finally:
        history = load.stop()
    log("checking")
    violations = plan.check(history, stage, target.read_contents(stage, history))
    return [_row(window, plan, history, violations) for window in windows], history


def _inject(
    target: Target, faults: Sequence[Fault], plan: Plan, load: Load, log: Callable[[str], None]
) -> list[Window]:
    """The windows follow each other without a gap: every call of the load falls into one."""
    windows: list[Window] = []
    for fault in faults:
        window = Window(fault=fault, start=windows[-1].end if windows else 0.0, end=math.inf)
        for number in range(1, plan.times + 1):
            log(f"{fault.name} {number}/{plan.times}")
            time.sleep(SETTLE_S)
            try:
                window = _inject_once(target, window, plan.seconds, load)
            except NotHealed as error:
                raise NotHealed(f"{fault.name}: {error}") from error
        windows.append(replace(window, end=load.now))
    return [*windows[:-1], replace(windows[-1], end=math.inf)]


def _inject_once(target: Target, window: Window, seconds: float, load: Load) -> Window:
    """Return the window with when everything was stopped, not by the fault itself, and with when it was injected."""
    fault, outages = window.fault, list(window.outages)
    try:
        quiet = load.now
        time.sleep(fault.quiet_s)
        injected = load.now
        if fault.prepare:
            begin = load.now
            fault.prepare(_injector(target))
            outages.append((begin, load.now))
        if fault.inject:
            fault.inject(_injector(target), seconds)
        else:
            time.sleep(seconds)
    except CannotInject as error:
        raise ValueError(f"{fault.name} cannot be injected into {target.url}: {error}.") from error
    begin = load.now
    target.heal()
    if fault.is_repaired_by_restart:
        outages.append((begin, load.now))
    return replace(
        window,
        outages=outages,
        quiet=[*window.quiet, (quiet, injected)],
        injected=[*window.injected, (injected, begin)],
    )


def _injector(target: Target) -> FaultInjector:
    if target.injector is None:
        raise CannotInject("its adapter has no fault injector")
    return target.injector


def _row(window: Window, plan: Plan, history: History, violations: Sequence[Violation]) -> Row:
    part = History(calls=[call for call in history.calls if call.due in window])
    reads, writes = part.reads, part.writes
    return Row(
        fault=window.fault,
        outages=window.outages,
        times=plan.times,
        requests=len(part.calls),
        # Whether a product may be missing yet is for the checker to say.
        failed_reads=[call for call in reads if not call.is_success and call.status != NOT_FOUND],
        failed_writes=[call for call in writes if not call.is_acknowledged],
        longest_read=_longest(reads),
        longest_write=_longest(writes),
        pause=part.longest_pause,
        # What has no time may come from any fault of the load, so it counts against each of them.
        violations=tuple(each for each in violations if each.due is None or each.due in window),
        slowdown=slowdown(part.calls, window.quiet, window.injected) if window.fault.max_slowdown else None,
    )


def _failure(call: Call) -> str:
    what = f"{call.status} {call.code}" if call.status else f"no answer ({call.error})"
    return f"{call.method} {call.path} after {call.seconds:.2f} s: {what}, request {call.request_id or 'unknown'}"


def _longest(calls: list[Call]) -> float:
    return max((call.seconds for call in calls), default=0.0)
