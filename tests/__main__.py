"""`make test` and `make prove`: what they will do and leave out, then the phases, then how it went."""

import argparse
import math
import re
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from rich.console import Console

from chaos.anomalies import Anomaly
from tests import report
from tests.phases import CORES, LIMITS_S, SUITES, Phase, rotated
from tests.report import minutes
from tests.runs import Result, Run, run_alone, slowness

#: Faults whose tests are tried once more; where there are more, it is not the machine.
MAX_FAULTS = 5
#: What no load of a machine excuses: a test that says so of a store is not tried again.
NEVER_EXCUSED = re.compile(rf"\b({'|'.join(set(Anomaly) - {Anomaly.BAD_ANSWER})})\b")
#: Seconds for second tries behind the end that `--minutes` sets.
SECOND_TRIES_S = 300
#: Seconds between two signs of life where nobody watches a terminal.
SIGN_OF_LIFE_S = 60
#: Seconds between two looks at whether a phase is over.
POLL_S = 0.2


def main() -> int:
    """Run the phases that the command line names; 1 where one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--phase", action="append", metavar="NAME", help="only this one; may be given more than once")
    parser.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        help="end within so many: begin no phase that would not, at the pace of those before it, and end what runs "
        "still; phases on containers come first, the others begin with another one each day",
    )
    arguments = parser.parse_args()
    names = [phase.name for phase in SUITES[arguments.suite]]
    if not set(arguments.phase or []) <= set(names):
        parser.error(f"the phases of {arguments.suite} are {', '.join(names)}")
    phases = [phase for phase in SUITES[arguments.suite] if phase.name in (arguments.phase or [phase.name])]
    is_boxed = 60 * arguments.minutes < LIMITS_S[arguments.suite]
    if is_boxed:
        phases = [*rotated(phases, date.today().toordinal())]
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(report.plan(arguments.suite, phases))
    results: list[Result] = []
    began = time.monotonic()
    end = began + min(60 * arguments.minutes, LIMITS_S[arguments.suite])
    try:
        _run_all(phases, end, console, results, is_boxed=is_boxed)
        results.sort(key=lambda result: phases.index(result.phase))
        tries_end = end + SECOND_TRIES_S if is_boxed else end
        results[:] = [_tried_again(result, tries_end, console) for result in results]
    finally:
        if any(result.cases for result in results):
            console.print(report.slowest(results), markup=False, soft_wrap=True)
        console.print(report.summary(arguments.suite, results, time.monotonic() - began))
        if is_boxed:
            console.print(report.left_out(phases, results), markup=False, soft_wrap=True, end="")
        console.print(report.failures(results), markup=False, soft_wrap=True, end="")
    return int(not all(result.is_good for result in results))


def _run_all(
    phases: Sequence[Phase], end: float, console: Console, results: list[Result], is_boxed: bool = False
) -> None:
    """Run the phases, side by side where they leave cores to each other, and append their results as they end. They
    begin in this order: one that keeps all cores busy waits until nothing else runs. What runs at `end`, on the clock
    of time.monotonic(), is ended, and fails. Where the time is boxed, it is unfinished instead, and a phase that would
    not end before then is left out."""
    waiting, active = deque(phases), list[Run]()
    shown = time.monotonic()
    try:
        while waiting or active:
            while waiting and sum(run.phase.cores for run in active) + waiting[0].cores <= CORES:
                phase = waiting.popleft()
                if not is_boxed or time.monotonic() + phase.about_s * slowness(results) <= end:
                    active.append(_started(phase, end, console, is_boxed))
            for run in [run for run in active if run.is_over()]:
                active.remove(run)
                results.append(_ended(run, console))
            if time.monotonic() - shown > SIGN_OF_LIFE_S and not sys.stdout.isatty():
                shown = time.monotonic()
                _show_life(active, console)
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        for run in active:
            run.wait_interrupted()
        raise
    finally:
        for run in active:
            run.stop()


def _started(phase: Phase, end: float, console: Console, is_boxed: bool) -> Run:
    """A phase that runs now. Where another one may run beside it, what it prints is held back until its end."""
    console.rule(f"{phase.name}, about {minutes(phase.about_s)}")
    limit = time.monotonic() + phase.limit_s
    return Run(
        phase=phase,
        commands=phase.commands,
        end=min(end, limit),
        may_be_cut=is_boxed and end < limit,
        is_held_back=phase.cores < CORES,
    )


def _ended(run: Run, console: Console) -> Result:
    """The result of a phase that is over, after what it has printed."""
    if run.is_held_back:
        console.rule(f"{run.phase.name} has ended")
        console.print(run.printed(), markup=False, soft_wrap=True)
    if run.is_late:
        console.print(f"\n{run.phase.name} {'has no time left' if run.may_be_cut else 'took too long'}, and is ended")
    return run.result()


def _show_life(active: Sequence[Run], console: Console) -> None:
    for run in active:
        left = minutes(max(run.end - time.monotonic(), 0))
        console.print(f"\n[{time.strftime('%H:%M:%S')}] {run.phase.name} goes on, for {left} at most", markup=False)


def _tried_again(first: Result, end: float, console: Console) -> Result:
    """The result after a second try of failed tests of real servers, one after the other, when all phases are over. A
    machine that is busy for a moment makes an answer late beside others; a fault fails alone too. What needed a second
    try is counted in the summary."""
    phase = first.phase
    if first.is_good or not phase.second_try or not 0 < first.faults <= MAX_FAULTS or time.monotonic() > end:
        return first
    if any(map(NEVER_EXCUSED.search, first.messages)):
        return first
    console.rule(f"{phase.name}, a second try of {first.failed} by themselves")
    second = run_alone(phase, [phase.second_try], min(end, time.monotonic() + phase.limit_s))
    seconds, cpu_s = first.seconds + second.seconds, first.cpu_s + second.cpu_s
    if not second.is_good or second.passed < first.failed:
        return replace(first, seconds=seconds, cpu_s=cpu_s)
    passed, again = first.passed + second.passed, second.passed
    return replace(first, is_good=True, seconds=seconds, cpu_s=cpu_s, passed=passed, failed=0, second_try=again)


if __name__ == "__main__":
    sys.exit(main())
