"""A phase that runs: its processes, what they print, and the result."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.phases import Phase

#: The workers of xdist must collect the same tests, so sets have one order in all of them, and another one next time.
ENVIRONMENT = {"PYTHONHASHSEED": str(secrets.randbelow(2**32)), **os.environ}
#: Seconds until a phase that is ended early has ended its servers.
END_S = 60
#: Each phase has its own: two that run side by side would write over each other's failed tests.
CACHES = ".pytest_cache"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How a phase went. `cpu_s` is what it had of all cores: where that is less than the cores could give in `seconds`,
    it waited, or others were busy. `cases` are its tests, with the seconds that each took. `second_try` counts tests
    that failed beside others and passed alone. `failures` names the programs and tests that failed. `faults` counts
    tests that failed, and modules of which tests could not be set up: one fixture that fails is an error of each.
    `is_unfinished` where its time was over: it is good as far as it went."""

    phase: Phase
    is_good: bool
    seconds: float
    cpu_s: float
    passed: int = 0
    failed: int = 0
    faults: int = 0
    left_out: int = 0
    second_try: int = 0
    messages: Sequence[str] = ()
    failures: Sequence[str] = ()
    cases: Sequence[tuple[float, str]] = ()
    is_unfinished: bool = False


@dataclass(kw_only=True)
class _Program:
    """A process of a phase. `status` is None while it runs."""

    command: Sequence[str]
    process: subprocess.Popen[bytes]
    status: int | None = None
    cpu_s: float = 0.0

    def poll(self) -> bool:
        """Whether it has ended. Its CPU counts that of all its descendants."""
        if self.status is None:
            pid, status, used = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.status = self.process.returncode = os.waitstatus_to_exitcode(status)
                self.cpu_s = used.ru_utime + used.ru_stime
        return self.status is not None

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended within this time."""
        end = time.monotonic() + timeout_s
        while not self.poll() and time.monotonic() < end:
            time.sleep(0.05)
        return self.status is not None

    def end(self) -> None:
        """Interrupt it where it runs still, so that it ends its servers, and kill it where it does not end."""
        if self.poll():
            return
        self.process.send_signal(signal.SIGINT)
        if not self.wait(END_S):
            self.process.kill()
            self.wait(END_S)
        self.status = self.status or 1


@dataclass(kw_only=True)
class Run:
    """A phase whose commands run side by side; they are ended at `end`, which is a failure but for tests that may be
    cut. What they print is held back where another phase may print meanwhile."""

    phase: Phase
    commands: Sequence[Sequence[str]]
    end: float
    may_be_cut: bool = False
    is_held_back: bool = False
    began: float = field(default_factory=time.monotonic)
    is_late: bool = False

    def __post_init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="evergreen-report-"))
        self._report, self._output = self._directory / "report.xml", self._directory / "output"
        extra = [f"--junit-xml={self._report}", "-o", "junit_family=xunit1", "-o", f"cache_dir={self._cache}"]
        self._programs = [
            _Program(command=command, process=self._start([*command, *(extra if self.phase.is_pytest else [])]))
            for command in self.commands
        ]

    @property
    def _cache(self) -> str:
        return f"{CACHES}/{self.phase.name.replace(' ', '-')}"

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        if not self.is_held_back:
            return subprocess.Popen(command, env=ENVIRONMENT)
        with self._output.open("ab") as output:
            return subprocess.Popen(command, env=ENVIRONMENT, stdout=output, stderr=subprocess.STDOUT)

    def is_over(self) -> bool:
        """Whether every program has ended. Those that run still at `end` are ended."""
        if time.monotonic() > self.end and not self.is_late:
            self.is_late = not all(program.poll() for program in self._programs)
            self.stop()
        return all(program.poll() for program in self._programs)

    def wait_interrupted(self) -> None:
        """Wait for programs that a terminal has interrupted: another interrupt would cut their teardown short."""
        for program in self._programs:
            program.wait(END_S)

    def stop(self) -> None:
        """End what runs still."""
        for program in self._programs:
            program.end()

    def result(self) -> Result:
        """How it went, once it is over. It can be asked for once."""
        seconds, cpu_s = time.monotonic() - self.began, sum(program.cpu_s for program in self._programs)
        failed = [program for program in self._programs if program.status]
        try:
            found = _result(self.phase, seconds, cpu_s, self._report, [_title(program.command) for program in failed])
            if self.is_late and self.may_be_cut and self.phase.is_pytest:
                return replace(found, is_unfinished=True, is_good=not found.faults)
            return found
        finally:
            shutil.rmtree(self._directory, ignore_errors=True)

    def printed(self) -> str:
        """What was held back; its `result` ends it."""
        return self._output.read_text(errors="replace") if self.is_held_back else ""


def slowness(results: Sequence[Result]) -> float:
    """How many times as long as expected these phases took; at least 1."""
    expected_s = sum(result.phase.about_s for result in results)
    return max(sum(result.seconds for result in results) / expected_s, 1.0) if expected_s else 1.0


def run_alone(phase: Phase, commands: Sequence[Sequence[str]], end: float) -> Result:
    """The result of these commands of a phase, beside which nothing else runs."""
    run = Run(phase=phase, commands=commands, end=end)
    try:
        while not run.is_over():
            time.sleep(0.05)
    except KeyboardInterrupt:
        run.wait_interrupted()
        raise
    finally:
        run.stop()
    return run.result()


def _title(command: Sequence[str]) -> str:
    """The program with its first word: its path says nothing here."""
    return " ".join([Path(command[0]).name, *command[1:3]])


def _result(phase: Phase, seconds: float, cpu_s: float, report: Path, programs: Sequence[str]) -> Result:
    if not report.exists():
        return Result(phase=phase, is_good=not programs, seconds=seconds, cpu_s=cpu_s, failures=programs)
    # Of our own making.
    suites = list(ElementTree.parse(report).iter("testsuite"))
    total, failed, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    cases = [case for suite in suites for case in suite.iter("testcase")]
    faults = [(case, fault) for case in cases for kind in ("failure", "error") for fault in case.iter(kind)]
    places = {case.get("classname") if fault.tag == "error" else _name(case) for case, fault in faults}
    return Result(
        phase=phase,
        is_good=not programs,
        seconds=seconds,
        cpu_s=cpu_s,
        messages=[f"{fault.get('message')}" for _, fault in faults],
        passed=total - failed - errors - skipped,
        failed=failed + errors,
        faults=len(places),
        left_out=skipped,
        failures=[*programs, *dict.fromkeys(_name(case) for case, _ in faults)],
        cases=[(float(case.get("time", 0)), _name(case)) for case in cases],
    )


def _name(case: ElementTree.Element) -> str:
    return f"{case.get('classname')}::{case.get('name')}"
