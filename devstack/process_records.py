"""Records of the stack's processes: the id of each and when it started, so that no later process of that id is taken
for it. They outlive the supervisor: what it has left behind is found by them.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.launch import write_private

PROC = Path("/proc")
PS_TIMEOUT_S = 5
#: Fields of /proc/PID/stat, counted from the state, which follows the name in parentheses.
STATE, GROUP, START_TICKS = 0, 2, 19
ENDED = "ZX"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """A process: its id and when it started, in the system's own form."""

    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        return identify(self.pid) == self

    @property
    def members(self) -> list[int]:
        """The living processes of its group: itself, its workers and its companion, which may outlive it. The number of
        a group that has members is given to no other process."""
        if not PROC.joinpath("self").exists():
            return [self.pid] if self.is_alive else []
        holder = identify(self.pid)
        return [] if holder not in (None, self) else list(_group_members(self))


def identify(pid: int) -> Identity | None:
    """The living process that has this id, or None; one that has ended and is not yet reaped has none."""
    started = _start_ticks(pid) if PROC.joinpath("self").exists() else _start_time(pid)
    return Identity(pid=pid, started=started) if started else None


def write(path: Path, pid: int) -> None:
    """Record this process. On a full disk there is no record."""
    identity = identify(pid)
    if identity:
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True, mode=0o700)
            write_private(path, f"{identity.pid} {identity.started}\n")


def read(path: Path) -> Identity | None:
    """The process recorded there, alive or not; None where none is."""
    try:
        pid, _, started = path.read_text().strip().partition(" ")
        return Identity(pid=int(pid), started=started)
    except (OSError, ValueError):
        return None


def _start_ticks(pid: int) -> str:
    fields = _stat(pid)
    return fields[START_TICKS] if fields and fields[STATE] not in ENDED else ""


def _stat(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return []


def _group_members(leader: Identity) -> Iterator[int]:
    for directory in PROC.glob("[0-9]*"):
        fields = _stat(int(directory.name))
        if (
            fields
            and int(fields[GROUP]) == leader.pid
            and fields[STATE] not in ENDED
            and int(fields[START_TICKS]) >= int(leader.started)
        ):
            yield int(directory.name)


def _start_time(pid: int) -> str:
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=PS_TIMEOUT_S, check=False).stdout
    state, _, started = answer.strip().partition(" ")
    return "" if state[:1] in ENDED else started.strip()
