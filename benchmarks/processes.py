"""What processes cost, from /proc: CPU time, memory, open files and sockets."""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")
#: A process has fewer ancestors.
MAX_ANCESTORS = 64
TCP_TABLES, CLOSE_WAIT = ("tcp", "tcp6"), "08"


def cpu_seconds(kinds: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """User and system time so far of these processes and their descendants, by kind. A descendant counts for the
    nearest process that is listed: what a supervisor has started is not its own."""
    stats = _stats()
    totals = dict.fromkeys(kinds, 0.0)
    for pid, kind in _kinds(kinds, stats).items():
        totals[kind] += stats[pid][1] / TICKS
    return totals


def members(kinds: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """The listed processes and their descendants, by kind."""
    found: dict[str, list[int]] = {kind: [] for kind in kinds}
    for pid, kind in _kinds(kinds, _stats()).items():
        found[kind].append(pid)
    return found


def resident_bytes(pids: Iterable[int]) -> int:
    """The resident memory of these processes together. What they share counts for each."""
    return sum(int(fields[21]) * PAGE_BYTES for pid in pids if (fields := _fields(PROC / str(pid) / "stat")))


def open_files(pids: Iterable[int]) -> int:
    """How many files and sockets these processes have open."""
    return sum(len(_names(PROC / str(pid) / "fd")) for pid in pids)


def close_waits(pids: Iterable[int]) -> int:
    """How many TCP sockets of these processes the other end has closed, and they have not."""
    lines = [line.split() for name in TCP_TABLES for line in _lines(PROC / "net" / name)]
    left = {f"socket:[{fields[9]}]" for fields in lines if len(fields) > 9 and fields[3] == CLOSE_WAIT}
    return len(left.intersection(target for pid in pids for target in _links(PROC / str(pid) / "fd"))) if left else 0


def _links(directory: Path) -> list[str]:
    """What the links of a directory lead to."""
    found = []
    for name in _names(directory):
        with contextlib.suppress(OSError):
            found.append(str((directory / name).readlink()))
    return found


def _lines(path: Path) -> list[str]:
    """The lines of a table; none where there is no such table."""
    return path.read_text().splitlines() if path.exists() else []


def _kinds(kinds: Mapping[str, Sequence[int]], stats: Mapping[int, tuple[int, int]]) -> dict[int, str]:
    listed = {pid: kind for kind, pids in kinds.items() for pid in pids}
    found = {pid: _kind_of(pid, listed, stats) for pid in stats}
    return {pid: kind for pid, kind in found.items() if kind}


def _kind_of(pid: int, listed: Mapping[int, str], stats: Mapping[int, tuple[int, int]]) -> str | None:
    for _ in range(MAX_ANCESTORS):
        if pid in listed or pid not in stats:
            break
        pid = stats[pid][0]
    return listed.get(pid)


def _stats() -> dict[int, tuple[int, int]]:
    """Every process: its parent, and its ticks in user and system mode."""
    stats = {}
    for name in _names(PROC):
        if name.isdecimal() and (fields := _fields(PROC / name / "stat")):
            stats[int(name)] = (int(fields[1]), int(fields[11]) + int(fields[12]))
    return stats


def _names(directory: Path) -> list[str]:
    """What is in a directory; nothing where its process has ended."""
    try:
        return [path.name for path in directory.iterdir()]
    except OSError:
        return []


def _fields(path: Path) -> list[str]:
    """The fields of a process from its state on, which stands behind the name; none where the process has ended."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []
