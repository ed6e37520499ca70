"""What an inspection finds of the stack that runs here: its processes, its doors, its programs."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from devstack import lifecycle, preflight, servers, supervision
from devstack.layout import INSTANCES, NGINX, Layout
from devstack.settings import Misconfigured
from devstack.supervision import Process
from operations.doctor.diagnosis import Diagnosis, Level

OLDEST_PYTHON = (3, 11)
#: A process that is so young was restarted.
YOUNG = timedelta(seconds=60)
ELSEWHERE = "no stack was started here: API instances and nginx are not looked at"


def inspect(layout: Layout) -> Iterator[Diagnosis]:
    """What is right and what is not, on this machine."""
    yield _python()
    if not (layout.run / "supervisord.conf").exists():
        yield _line(Level.UNSEEN, "processes", "", ELSEWHERE, "ask each instance for /readyz")
        return
    yield from _programs(layout)
    try:
        running = supervision.processes(layout)
    except supervision.NotRunning:
        yield from _stopped(layout)
        return
    if not supervision.answers(layout):
        found = "is gone or does not answer: what dies is not restarted"
        yield _line(Level.PROBLEM, "supervisor", "", found, "`make run` takes over, with a short outage")
    yield from _settled("processes", _processes(running), f"all {len(running)} of the stack in {layout.run} run")
    doors = [name for name in (*INSTANCES, NGINX) if name in running]
    if doors:
        yield from _settled("doors", _doors(layout, doors), f"{', '.join(doors)} answer at /readyz")
    else:
        yield _line(Level.UNSEEN, "doors", "", "only data nodes and Sentinels were started", "")


def _python() -> Diagnosis:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return _line(Level.PROBLEM, "python", "", f"Python {version}", "install 3.11 or later, and remove .venv")
    return _line(Level.OK, "python", "", f"Python {version}", "")


def _programs(layout: Layout) -> Iterator[Diagnosis]:
    try:
        found = servers.find(layout.settings)
    except Misconfigured as fault:
        yield _line(Level.PROBLEM, "programs", "", str(fault), "the stack cannot be started without")
        return
    said = [_version(str(found.redis), "--version"), _version(str(found.nginx), "-v")]
    yield _line(Level.OK, "programs", "", "; ".join(said), "")


def _version(program: str, option: str) -> str:
    done = subprocess.run([program, option], capture_output=True, text=True, timeout=10, check=False)
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def _stopped(layout: Layout) -> Iterator[Diagnosis]:
    yield _line(Level.PROBLEM, "processes", str(layout.run), "the stack there does not run", "`make run` starts it")
    for fault in preflight.faults(layout, lifecycle.EVERYTHING):
        yield _line(Level.PROBLEM, "ports", "", fault.rstrip("."), "it cannot be started before")


def _processes(running: dict[str, Process]) -> Iterator[Diagnosis]:
    for name, process in running.items():
        if process.state != "running":
            remedy = f"`stack restart {name}`; `stack logs {name}` says why"
            yield _line(Level.PROBLEM, "processes", name, f"is {process.state}", remedy)
    started = {name: process.since for name, process in running.items() if process.since}
    eldest = min(started.values(), default=datetime.now(UTC))
    for name, since in started.items():
        age = datetime.now(UTC) - since
        if age < YOUNG and since - eldest > YOUNG:
            found = f"was restarted {age.total_seconds():.0f} s ago"
            yield _line(Level.WARNING, "processes", name, found, f"`stack logs {name}` says why")


def _doors(layout: Layout, doors: list[str]) -> Iterator[Diagnosis]:
    for name in doors:
        if not lifecycle.does_its_part(layout, name):
            found = f"{layout.address(name)} does not answer 200 at /readyz"
            yield _line(Level.PROBLEM, "doors", name, found, f"`stack logs {name}`, then `stack restart {name}`")


def _settled(check: str, found: Iterator[Diagnosis], otherwise: str) -> Iterator[Diagnosis]:
    lines = list(found)
    yield from lines or [_line(Level.OK, check, "", otherwise, "")]


def _line(level: Level, check: str, subject: str, found: str, remedy: str) -> Diagnosis:
    return Diagnosis(level=level, check=check, subject=subject, found=found, remedy=remedy)
