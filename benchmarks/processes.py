"""What processes have cost: the CPU time that the kernel has counted for them and for all that they started."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes and their descendants so far."""
    stats = _stats()
    family = {pid for pid in stats if _has_ancestor(pid, frozenset(pids), stats)}
    return sum(stats[pid][1] for pid in family) / TICKS


def _has_ancestor(pid: int, ancestors: frozenset[int], stats: Mapping[int, tuple[int, int]]) -> bool:
    while pid in stats:
        if pid in ancestors:
            return True
        pid = stats[pid][0]
    return False


def _stats() -> dict[int, tuple[int, int]]:
    """Every process: its parent, and its ticks in user and system mode."""
    stats = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            fields = _fields(folder / "stat")
            if fields:
                stats[int(folder.name)] = (int(fields[1]), int(fields[11]) + int(fields[12]))
    return stats


def _fields(path: Path) -> list[str]:
    """What stands behind the name, which may hold anything; nothing where the process has ended."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []
