"""`make test` and `make prove`: what they will do and leave out, then phase after phase, then how it went."""

import argparse
import contextlib
import os
import re
import resource
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chaos.anomalies import Anomaly
from tests import capabilities
from tests.phases import LIMITS_S, SUITES, Phase

SLOWEST = 50
#: Failed programs and tests that are named at the end.
MAX_NAMED = 20
#: Failed tests that are tried once more; where more fail, it is not the machine.
MAX_SECOND_TRIES = 5
#: What no load of a machine excuses: a test that says so of a store is not tried again.
NEVER_EXCUSED = re.compile(rf"\b({'|'.join(set(Anomaly) - {Anomaly.BAD_ANSWER})})\b")
#: The workers of xdist must collect the same tests, so sets have one order in all of them, and another one next time.
ENVIRONMENT = {"PYTHONHASHSEED": str(secrets.randbelow(2**32)), **os.environ}
#: Seconds until a phase that is ended early has ended its servers.
END_S = 60
#: Seconds between two signs of life where nobody watches a terminal.
SIGN_OF_LIFE_S = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How a phase went. `cpu_s` is what it had of all cores: where that is less than the cores could give in `seconds`,
    it waited, or others were busy. `cases` are its tests, with the seconds that each took. `second_try` counts tests
    that failed beside others and passed alone. `failures` names the programs and tests that failed."""

    phase: Phase
    is_good: bool
    seconds: float
    cpu_s: float
    passed: int = 0
    failed: int = 0
    left_out: int = 0
    second_try: int = 0
    messages: Sequence[str] = ()
    failures: Sequence[str] = ()
    cases: Sequence[tuple[float, str]] = ()


def main() -> int:
    """Run the phases that the command line names; 1 where one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--phase", action="append", metavar="NAME", help="only this one; may be given more than once")
    arguments = parser.parse_args()
    names = [phase.name for phase in SUITES[arguments.suite]]
    if not set(arguments.phase or []) <= set(names):
        parser.error(f"the phases of {arguments.suite} are {', '.join(names)}")
    phases = [phase for phase in SUITES[arguments.suite] if phase.name in (arguments.phase or [phase.name])]
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(_plan(arguments.suite, phases))
    results: list[Result] = []
    end = time.monotonic() + LIMITS_S[arguments.suite]
    try:
        for phase in phases:
            console.rule(f"{phase.name}, about {_minutes(phase.about_s)}")
            phase_end = min(end, time.monotonic() + phase.limit_s)
            results.append(_tried_again(_run(phase, phase.commands, phase_end, console), phase_end, console))
    finally:
        if any(result.cases for result in results):
            console.print(_slowest(results), markup=False, soft_wrap=True)
        console.print(_summary(arguments.suite, results))
        console.print(_failures(results), markup=False, soft_wrap=True, end="")
    return int(not all(result.is_good for result in results))


def _tried_again(first: Result, end: float, console: Console) -> Result:
    """The result after a second try of failed tests of real servers, one after the other. A machine that is busy for a
    moment makes an answer late beside others; a fault fails alone too. What needed a second try is counted in the
    summary."""
    phase = first.phase
    if first.is_good or not phase.second_try or not 0 < first.failed <= MAX_SECOND_TRIES or time.monotonic() > end:
        return first
    if any(map(NEVER_EXCUSED.search, first.messages)):
        return first
    console.rule(f"{phase.name}, a second try of {first.failed} by themselves")
    second = _run(phase, [phase.second_try], end, console)
    seconds, cpu_s = first.seconds + second.seconds, first.cpu_s + second.cpu_s
    if not second.is_good or second.passed < first.failed:
        return replace(first, seconds=seconds, cpu_s=cpu_s)
    passed, again = first.passed + second.passed, second.passed
    return replace(first, is_good=True, seconds=seconds, cpu_s=cpu_s, passed=passed, failed=0, second_try=again)


def _run(phase: Phase, commands: Sequence[Sequence[str]], end: float, console: Console) -> Result:
    """Run the commands of a phase, and end them where they have not ended by themselves at `end`."""
    began, cpu_before_s = time.monotonic(), _cpu_s()
    with tempfile.TemporaryDirectory(prefix="evergreen-report-") as directory:
        report = Path(directory, "report.xml")
        extra = [f"--junit-xml={report}", "-o", "junit_family=xunit1"] if phase.is_pytest else []
        processes = [subprocess.Popen([*command, *extra], env=ENVIRONMENT) for command in commands]
        try:
            statuses = [_wait(process, phase, end, console) for process in processes]
        except KeyboardInterrupt:
            # A terminal has interrupted them too, and another time would cut their teardown short.
            for process in processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(END_S)
            raise
        finally:
            for process in processes:
                _end(process)
        seconds = time.monotonic() - began
        result = _result(phase, not any(statuses), seconds, _cpu_s() - cpu_before_s, report)
        programs = [_title(command) for command, status in zip(commands, statuses, strict=True) if status]
        return replace(result, failures=[*programs, *result.failures])


def _title(command: Sequence[str]) -> str:
    """The program with its first word: its path says nothing here."""
    return " ".join([Path(command[0]).name, *command[1:3]])


def _cpu_s() -> float:
    """CPU of every process that this one has started, theirs included, and that has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait(process: subprocess.Popen[bytes], phase: Phase, end: float, console: Console) -> int:
    """The status of this process; 1 where it runs still at `end`."""
    while time.monotonic() < end:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(min(SIGN_OF_LIFE_S, max(end - time.monotonic(), 0)))
        if not sys.stdout.isatty():
            left = _minutes(max(end - time.monotonic(), 0))
            console.print(f"\n[{time.strftime('%H:%M:%S')}] {phase.name} goes on, for {left} at most", markup=False)
    console.print(f"\n{phase.name} took too long, and is ended")
    return 1


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt what runs still, so that it ends its servers, and kill what does not end."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_S)
    process.kill()
    process.wait()


def _result(phase: Phase, is_good: bool, seconds: float, cpu_s: float, report: Path) -> Result:
    if not report.exists():
        return Result(phase=phase, is_good=is_good, seconds=seconds, cpu_s=cpu_s)
    # Of our own making.
    suites = list(ElementTree.parse(report).iter("testsuite"))
    total, failed, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    cases = [
        (float(case.get("time", 0)), f"{case.get('classname')}::{case.get('name')}")
        for suite in suites
        for case in suite.iter("testcase")
    ]
    faults = [fault for suite in suites for kind in ("failure", "error") for fault in suite.iter(kind)]
    failures = [
        f"{case.get('classname')}::{case.get('name')}"
        for suite in suites
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    return Result(
        phase=phase,
        is_good=is_good,
        seconds=seconds,
        cpu_s=cpu_s,
        messages=[f"{fault.get('message')}" for fault in faults],
        passed=total - failed - errors - skipped,
        failed=failed + errors,
        left_out=skipped,
        failures=failures,
        cases=cases,
    )


def _plan(suite: str, phases: Sequence[Phase]) -> Table:
    total = sum(phase.about_s for phase in phases)
    table = Table(title=f"make {suite}: about {_minutes(total)} on two cores", title_justify="left", box=None)
    for heading in ("phase", "what it runs", "about", "left out here"):
        table.add_column(heading, justify="right" if heading == "about" else "left")
    for phase in phases:
        table.add_row(phase.name, phase.what, _minutes(phase.about_s), _lacks(phase))
    return table


def _lacks(phase: Phase) -> str:
    """What is left out for want of what, a line each; in CI it fails instead."""
    verb = "fails: " if capabilities.is_ci() else ""
    return "\n".join(
        f"{verb}{each.tests}, for want of {', '.join(capabilities.missing(each.name))} ({each.remedy})"
        for each in capabilities.lacking(phase.needs)
    )


def _summary(suite: str, results: Sequence[Result]) -> Table:
    total = sum(result.seconds for result in results)
    table = Table(title=f"make {suite}: {_minutes(total)}", title_justify="left", box=None)
    for heading in ("phase", "", "took", "about", "CPU", "passed", "second try", "failed", "left out", "why"):
        table.add_column(heading, justify="left" if heading in ("phase", "", "why") else "right")
    for result in results:
        counts = [
            f"{count:,}" if count else ""
            for count in (result.passed, result.second_try, result.failed, result.left_out)
        ]
        took, about = _minutes(result.seconds), _minutes(result.phase.about_s)
        verdict = "passes" if result.is_good else "FAILS"
        style = "" if result.is_good else "red"
        table.add_row(
            result.phase.name, verdict, took, about, _minutes(result.cpu_s), *counts, _lacks(result.phase), style=style
        )
    return table


def _slowest(results: Sequence[Result]) -> str:
    cases = sorted((case for result in results for case in result.cases), reverse=True)
    return "\n".join([f"The slowest {SLOWEST}", *(f"{seconds:6.1f} s  {name}" for seconds, name in cases[:SLOWEST])])


def _failures(results: Sequence[Result]) -> str:
    """What failed, a line each, as the last lines: where output is cut, its end is what is left."""
    named = [
        f"failed in {result.phase.name}: {failure}\n"
        for result in results
        if not result.is_good
        for failure in result.failures
    ]
    return "".join(named[:MAX_NAMED])


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 100 else f"{seconds:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
