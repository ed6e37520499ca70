"""Limits of the stack that runs here, and how much of each is used: disk, open files, waiting writes."""

import http.client
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from configuration import PROGRAM
from devstack import process_records
from devstack.layout import INSTANCES, NGINX, Layout
from devstack.unix_http import instance_connection
from operations.doctor.diagnosis import Diagnosis, Level
from operations.doctor.limits import Usage

#: A disk with so much left is not short of room, whatever share of it that is.
AMPLE_BYTES, ENOUGH_BYTES = 10 * 2**30, 2 * 2**30
METRICS_TIMEOUT_S = 2.0
MAX_METRICS_BYTES = 4 * 2**20
WRITES, MAX_WRITES = "evergreen_writes_in_progress", "evergreen_max_writes_in_progress"
_SOFT_LIMIT = re.compile(r"^Max open files\s+(\d+)", re.MULTILINE)
_WORKER_CONNECTIONS = re.compile(r"worker_connections (\d+);")


def diagnose(layout: Layout) -> Iterator[Diagnosis]:
    """A line for each limit that is close, and one for each kind of which none is."""
    yield from _or_ok("disk", _disk(layout), "the disk of the run directory has room")
    yield from _or_ok("files", _files(layout), "every process may open far more files than it has")
    yield from _or_ok("waiting-writes", _waiting_writes(layout), "the instances have room for waiting writes")


def _disk(layout: Layout) -> Iterator[Diagnosis]:
    disk = shutil.disk_usage(layout.run)
    level = disk_level(disk.used, disk.free)
    if level is not Level.OK:
        finding = f"{disk.free / 1e6:,.0f} MB are left on its disk; writes are refused when it is full"
        yield _line(level, "disk", str(layout.run), finding, "make room: logs, backups, the data of Prometheus")
    rewrite = max(map(_size_of_data, map(layout.directory, layout.redis)), default=0)
    if level is Level.OK and disk.free < rewrite:
        finding = f"{disk.free / 1e6:,.0f} MB are left on its disk, and rewriting a file needs {rewrite / 1e6:,.0f}"
        yield _line(Level.WARNING, "disk", str(layout.run), finding, "make room, before append-only files outgrow it")


def disk_level(used: int, free: int) -> Level:
    """How short of room a disk is. A tenth of a large disk is plenty."""
    level = Usage(used=used, limit=used + free).level
    if level is Level.PROBLEM and free >= ENOUGH_BYTES:
        level = Level.WARNING
    return Level.OK if level is Level.WARNING and free >= AMPLE_BYTES else level


def _size_of_data(directory: Path) -> int:
    """What a data node has in its append-only files: as much at most is needed to rewrite them."""
    return sum(map(_size_of, directory.glob("appendonlydir/*")))


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a rewrite has removed it just now
        return 0


def _files(layout: Layout) -> Iterator[Diagnosis]:
    if not Path("/proc/self/fd").exists():
        yield _line(Level.UNKNOWN, "files", "", "this system does not tell how many files a process has open", "")
        return
    connections = _nginx_connections(layout)
    for name in layout.names:
        usages = [_open_files(pid, connections if name == NGINX else 0) for pid in _pids(layout, name)]
        worst = max(usages, key=lambda usage: usage.share, default=Usage(used=0, limit=0))
        if worst.level is not Level.OK:
            finding = f"has {worst.used:,.0f} of at most {worst.limit:,.0f} files and connections open"
            remedy = f"restart it with a higher `ulimit -n`, once `{PROGRAM} stack logs {name}` says what opens them"
            yield _line(worst.level, "files", name, finding, remedy)


def _pids(layout: Layout, name: str) -> list[int]:
    identity = process_records.read(layout.record(name))
    return identity.members if identity else []


def _open_files(pid: int, connections: int) -> Usage:
    """Those of a process, and its limit, which is no more than its `connections` where that is not 0."""
    try:
        used = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        soft = _SOFT_LIMIT.search(Path(f"/proc/{pid}/limits").read_text())
    except OSError:
        # It has ended, or is another user's.
        return Usage(used=0, limit=0)
    limit = int(soft[1]) if soft else 0
    return Usage(used=used, limit=min(limit, connections) if connections else limit)


def _nginx_connections(layout: Layout) -> int:
    try:
        found = _WORKER_CONNECTIONS.search((layout.directory(NGINX) / "nginx.conf").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _waiting_writes(layout: Layout) -> Iterator[Diagnosis]:
    for name in INSTANCES:
        metrics = _metrics(layout, name)
        usage = Usage(used=metrics.get(WRITES, 0.0), limit=metrics.get(MAX_WRITES, 0.0))
        if usage.level is not Level.OK:
            finding = f"has {usage.used:,.0f} of at most {usage.limit:,.0f} writes under way"
            yield _line(usage.level, "waiting-writes", name, finding, "the store is slow, or has no primary: see above")


def _metrics(layout: Layout, name: str) -> Mapping[str, float]:
    """The metrics without labels of an instance; none where it does not answer."""
    connection = instance_connection(layout, name, METRICS_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read(MAX_METRICS_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    samples = [line.split() for line in text.splitlines() if line.startswith("evergreen_")]
    return {sample[0]: float(sample[1]) for sample in samples if len(sample) == 2 and "{" not in sample[0]}


def _or_ok(check: str, diagnoses: Iterator[Diagnosis], otherwise: str) -> Iterator[Diagnosis]:
    lines = list(diagnoses)
    yield from lines or [_line(Level.OK, check, "", otherwise, "")]


def _line(level: Level, check: str, subject: str, finding: str, remedy: str) -> Diagnosis:
    return Diagnosis(level=level, check=check, subject=subject, finding=finding, remedy=remedy)
