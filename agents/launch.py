"""Exec a server in place of this process, with a companion process beside it that sees it through its start.

The server keeps the launcher's process id, so that a supervisor signals the server itself. The companion is reparented
to init and ends by itself.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from agents.log_writer import LogWriter

STDOUT = 1
#: More than the line of a process in /proc has.
STAT_BYTES = 4096
_WRITER = LogWriter(STDOUT)


def exec_server(command: list[str], companion: Callable[[int], None]) -> NoReturn:
    """Replace this process by `command`; `companion` is called in a process of its own with the server's process id.
    Threads of this process do not survive, so end them before."""
    server = os.getpid()
    sys.stdout.flush()
    _WRITER.flush()
    if os.fork() == 0:
        if os.fork() == 0:
            _run(companion, server)
        os._exit(0)
    os.wait()
    os.execv(command[0], command)


def is_running(pid: int) -> bool:
    """Whether a process has this id; one that has ended and is not yet reaped does not run."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        file = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return False
    try:
        # Behind the name, which is in brackets and may have any sign. Several times a second: a Path costs more.
        return os.read(file, STAT_BYTES).rpartition(b")")[2].split(maxsplit=1)[0] in (b"Z", b"X")
    except OSError:
        return False
    finally:
        os.close(file)


def format_log_line(event: str, level: str = "info", **fields: object) -> str:
    """One log record as JSON, without a line break; docs/logs.md has the fields."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"time": now, "level": level, "event": event, **fields})


def log(event: str, level: str = "info") -> None:
    """Queue one line for the log of the process. Never raises and never blocks: a failover may be under way."""
    _WRITER.write(format_log_line(event, level, logger="launcher").encode() + b"\n")


def write_private(path: Path, text: str) -> None:
    """Write the text to `path`, whole or not at all, readable for its owner only."""
    draft = path.with_name(f"{path.name}.new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def _run(companion: Callable[[int], None], server: int) -> NoReturn:
    try:
        companion(server)
    except Exception as error:
        log(f"the companion has ended: {type(error).__name__}: {error}")
    finally:
        _WRITER.flush()
        os._exit(0)
