"""Rotation of the processes' logs: a full one is copied to NAME.log.1 and emptied.

It runs inside the supervisor, as its extension. While the supervisor is gone, logs grow; no process waits for it. A
line that is written between the copy and the emptying, a matter of microseconds, is lost.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

#: Logs that their own writers rotate.
OTHERS = {"commands.log"}


def make_rotation(supervisord: Any, *, directory: str, max_bytes: str, backups: str) -> object:
    """Rotate the logs of this directory every five seconds. Called by the supervisor, with its settings."""
    from supervisor import events  # type: ignore[import-untyped]

    events.subscribe(events.Tick5Event, lambda _: rotate_all(Path(directory), int(max_bytes), int(backups)))
    # What an extension offers to callers: nothing.
    return object()


def rotate_all(directory: Path, max_bytes: int, backups: int) -> None:
    """Rotate every log in this directory that is larger than `max_bytes`. Raises nothing."""
    with contextlib.suppress(OSError):
        for log in sorted(directory.glob("*.log")):
            if log.name not in OTHERS and log.stat().st_size > max_bytes:
                _rotate(log, backups)


def _rotate(log: Path, backups: int) -> None:
    copy = _numbered(log, 1)
    try:
        for number in range(backups, 1, -1):
            with contextlib.suppress(FileNotFoundError):
                _numbered(log, number - 1).replace(_numbered(log, number))
        shutil.copyfile(log, copy)
        os.truncate(log, 0)
    except OSError:
        # On a full disk half a copy would only take room. The oldest one has gone, and the next attempt may succeed.
        copy.unlink(missing_ok=True)


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
