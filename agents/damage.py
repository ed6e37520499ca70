"""Files of a data node that its server cannot load: examine them, and set them aside.

Whether they may be set aside is decided in roles.py. They are renamed and never deleted: a file that is damaged in the
middle may still hold what no other node has.
"""

import ctypes
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agents.copies import is_copy

PR_SET_PDEATHSIG = 1
READY = "ready to accept connections"
#: Of the server's output, the end.
MAX_LINES = 200
MAX_REASON_CHARS = 200
#: The messages of Redis and Valkey about a file that is damaged, cut off or gone.
_DAMAGED = re.compile(
    r"Bad file format reading the append only file|Unexpected end of file reading the append only file|"
    r"Internal error in RDB reading|Wrong RDB checksum|RDB CRC error|Short read or OOM loading DB|"
    r"Wrong signature trying to load DB|The AOF manifest file|AOF manifest|"
    r"Unable to obtain the AOF file \S+ length\. stat: No such file"
)
#: Messages that may come with them, and mean that the server is at fault: too old, or without memory.
_NOT_DAMAGED = re.compile(r"Can't handle RDB format version|failed allocating|Out Of Memory|Cannot allocate memory")
_FILE = re.compile(r"[\w.-]+\.(?:aof|rdb|manifest)\b")
_PREFIX = re.compile(r"^\d+:[XCSM] \d\d \w{3} \d{4} [\d:.]+ [.\-*#] ")


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadFailure:
    """Why a server did not start, in its own words. `file` is the damaged one; empty where none is."""

    reason: str
    file: str = ""


def examine(command: Sequence[str], directory: Path) -> LoadFailure | None:
    """Start the server by this command where no client reaches it, and stop it once it has loaded its files. Return why
    it did not, or None."""
    socket = directory / "examination.sock"
    lines: deque[str] = deque(maxlen=MAX_LINES)
    with _started([*command, "--port", "0", "--unixsocket", str(socket)]) as output:
        for line in output:
            if READY in line.lower():
                socket.unlink(missing_ok=True)
                return None
            lines.append(_PREFIX.sub("", line).strip())
    return failure(lines)


def failure(lines: Sequence[str]) -> LoadFailure:
    """The failure that the last lines of a server's log report."""
    filled = [line for line in lines if line]
    named = next((number for number, line in enumerate(filled) if _DAMAGED.search(line)), None)
    if named is None or any(map(_NOT_DAMAGED.search, filled)):
        return LoadFailure(reason=filled[-1][:MAX_REASON_CHARS] if filled else "it logged nothing")
    file = next((match[0] for line in filled[named:] for match in [_FILE.search(line)] if match), "appendonlydir")
    return LoadFailure(reason=filled[named][:MAX_REASON_CHARS], file=file)


def set_aside(directory: Path, now: datetime) -> Path:
    """Rename the directory and make an empty one in its place; of a volume, whose root cannot be renamed, move what is
    in it into a directory there. Return where it all is. Raises OSError."""
    mark = f"damaged-{now:%Y%m%dT%H%M%SZ}"
    try:
        aside = directory.rename(directory.with_name(f"{directory.name}.{mark}"))
    except OSError:
        return _move_contents(directory, directory / mark)
    directory.mkdir(mode=0o700)
    return aside


def _move_contents(directory: Path, aside: Path) -> Path:
    entries = [entry for entry in directory.iterdir() if not (entry.name.startswith("damaged-") or is_copy(entry))]
    aside.mkdir(mode=0o700)
    for entry in entries:
        entry.rename(aside / entry.name)
    return aside


@contextmanager
def _started(command: Sequence[str]) -> Iterator[Iterator[str]]:
    """The output of a server that is killed at the end of the block, and ends with this process."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=_end_with_parent,
    )
    try:
        yield iter(server.stdout or ())
    finally:
        server.kill()
        server.communicate()
        signal.signal(signal.SIGTERM, before)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
