"""Processes of a target, by their ids."""

import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path


def kill_all(pids: Sequence[int]) -> None:
    """Kill those of them that are there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The ids of the children of a process that is there."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
