"""The diagnoses of the stack that runs here: its processes, its readiness, its programs."""

import http.client
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from agents.copies import Kind, find_copies
from configuration import PROGRAM, START
from devstack import clocks, lifecycle, limits, preflight, servers, supervision
from devstack.layout import INSTANCES, NGINX, WORKERS, Layout
from devstack.settings import Misconfigured
from devstack.supervision import Process
from operations.doctor.diagnosis import Diagnosis, Level

MIN_PYTHON = (3, 11)
#: A process that is younger, and than the others too, was restarted.
MIN_AGE = timedelta(seconds=60)
#: A resource that anyone may read; and longer than nginx tries a read on every instance.
PUBLIC_PATH, REQUEST_TIMEOUT_S = "/api/v1/products/?page_size=1", 10.0
ELSEWHERE = "no stack was started here: API instances and nginx are unknown"


def diagnose(layout: Layout) -> Iterator[Diagnosis]:
    """Diagnose what runs on this machine: a line for each thing that is wrong, or one for each check that passes."""
    yield _python()
    if not (layout.run / "supervisord.conf").exists():
        yield _line(Level.UNKNOWN, "processes", "", ELSEWHERE, "ask each instance for /readyz")
        return
    yield from _programs(layout)
    yield from _or_ok("files", _files(layout), "no data node has copies of files that were torn, replaced or damaged")
    try:
        running = supervision.processes(layout)
    except supervision.NotRunning:
        yield from _stopped(layout)
        return
    if not supervision.answers(layout):
        finding = "is gone or does not answer: what dies is not restarted, and logs grow"
        yield _line(Level.PROBLEM, "supervisor", "", finding, f"`{START}` takes over, with a short outage")
    yield from _or_ok("processes", _processes(running), f"all {len(running)} of the stack in {layout.run} run")
    serving = [name for name in (*INSTANCES, NGINX) if name in running]
    if serving:
        yield from _or_ok("readiness", _readiness(layout, serving), f"{', '.join(serving)} answer at /readyz")
        yield from _or_ok("clock", clocks.diagnose(layout, serving), "no clock of an instance or nginx is wrong")
        working = [name for name in WORKERS if name in running]
        yield from _or_ok("workers", _readiness(layout, working), f"{', '.join(working)} answer at /livez")
    else:
        yield _line(Level.UNKNOWN, "readiness", "", "only data nodes and Sentinels were started", "")
    if NGINX in running:
        yield from _or_ok("request", _request(layout), f"{layout.url}{PUBLIC_PATH} answers 200")
    yield from limits.diagnose(layout)


def _python() -> Diagnosis:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < MIN_PYTHON:
        return _line(Level.PROBLEM, "python", "", f"Python {version}", "install 3.11 or later, and remove .venv")
    return _line(Level.OK, "python", "", f"Python {version}", "")


def _programs(layout: Layout) -> Iterator[Diagnosis]:
    try:
        programs = servers.find(layout.settings)
    except Misconfigured as error:
        yield _line(Level.PROBLEM, "programs", "", str(error), "the stack cannot be started without")
        return
    versions = [_version(str(programs.redis), "--version"), _version(str(programs.nginx), "-v")]
    yield _line(Level.OK, "programs", "", "; ".join(versions), "")


def _files(layout: Layout) -> Iterator[Diagnosis]:
    """What was set aside when files were repaired or replaced."""
    for name in layout.redis:
        directory = layout.directory(name)
        for finding, copies in (
            ("was cut back after its end was torn", find_copies(directory, Kind.TORN)),
            ("was replaced by another node's data, which lacked some of it", find_copies(directory, Kind.REPLACED)),
            ("was damaged, and copied from another node", sorted(layout.run.glob(f"{name}.damaged-*"))),
        ):
            if copies:
                paths = ", ".join(map(str, copies))
                remedy = "delete them once nothing is missed (runbook, StoreDown)"
                yield _line(Level.WARNING, "files", name, f"{len(copies)} times {finding}: {paths}", remedy)


def _version(program: str, option: str) -> str:
    result = subprocess.run([program, option], capture_output=True, text=True, timeout=10, check=False)
    return (result.stdout + result.stderr).strip().partition("\n")[0]


def _stopped(layout: Layout) -> Iterator[Diagnosis]:
    yield _line(Level.PROBLEM, "processes", str(layout.run), "the stack there does not run", f"`{START}` starts it")
    for fault in preflight.faults(layout, lifecycle.EVERYTHING):
        yield _line(Level.PROBLEM, "ports", "", fault.rstrip("."), "it cannot be started before")


def _processes(running: dict[str, Process]) -> Iterator[Diagnosis]:
    for name, process in running.items():
        if process.state != "running":
            remedy = f"`{PROGRAM} stack restart {name}`; `{PROGRAM} stack logs {name}` says why"
            yield _line(Level.PROBLEM, "processes", name, f"is {process.state}", remedy)
    started = {name: process.since for name, process in running.items() if process.since}
    oldest = min(started.values(), default=datetime.now(UTC))
    for name, since in started.items():
        age = datetime.now(UTC) - since
        if age < MIN_AGE and since - oldest > MIN_AGE:
            finding = f"was restarted {age.total_seconds():.0f} s ago"
            yield _line(Level.WARNING, "processes", name, finding, f"`{PROGRAM} stack logs {name}` says why")


def _readiness(layout: Layout, serving: list[str]) -> Iterator[Diagnosis]:
    for name in serving:
        if not lifecycle.does_its_part(layout, name):
            path = "/livez" if name in WORKERS else "/readyz"
            finding = f"{layout.address(name)} does not answer 200 at {path}"
            yield _line(
                Level.PROBLEM,
                "readiness",
                name,
                finding,
                f"`{PROGRAM} stack logs {name}`, then `{PROGRAM} stack restart {name}`",
            )


def _request(layout: Layout) -> Iterator[Diagnosis]:
    connection = http.client.HTTPConnection(*layout.nginx, timeout=REQUEST_TIMEOUT_S)
    try:
        connection.request("GET", PUBLIC_PATH, headers={"Host": _host(layout)})
        answer = str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        answer = str(error) or type(error).__name__
    finally:
        connection.close()
    if answer != "200":
        finding = f"{layout.url}{PUBLIC_PATH} does not answer 200: {answer}"
        yield _line(
            Level.PROBLEM, "request", NGINX, finding, f"mend what the other lines name; `{PROGRAM} stack logs nginx`"
        )


def _host(layout: Layout) -> str:
    """A host for which the shop is served."""
    hosts = layout.settings.hosts
    return str(layout.nginx) if layout.nginx.host in hosts else hosts[0].lstrip(".")


def _or_ok(check: str, diagnoses: Iterator[Diagnosis], otherwise: str) -> Iterator[Diagnosis]:
    lines = list(diagnoses)
    yield from lines or [_line(Level.OK, check, "", otherwise, "")]


def _line(level: Level, check: str, subject: str, finding: str, remedy: str) -> Diagnosis:
    return Diagnosis(level=level, check=check, subject=subject, finding=finding, remedy=remedy)
