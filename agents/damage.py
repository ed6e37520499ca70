"""Files of a data node that its server cannot load: finding out why, and setting them aside.

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

PR_SET_PDEATHSIG = 1
READY = "ready to accept connections"
#: Of the server's output, the end.
MAX_LINES = 200
MAX_REASON_CHARS = 200
#: What Redis and Valkey say of a file that is damaged, cut off or gone.
_DAMAGED = re.compile(
    r"Bad file format reading the append only file|Unexpected end of file reading the append only file|"
    r"Internal error in RDB reading|Wrong RDB checksum|RDB CRC error|Short read or OOM loading DB|"
    r"Wrong signature trying to load DB|The AOF manifest file|AOF manifest|"
    r"Unable to obtain the AOF file \S+ length\. stat: No such file"
)
#: What may come with it, and means that the file is well and the server is not: too old, or without memory.
_NOT_DAMAGED = re.compile(r"Can't handle RDB format version|failed allocating|Out Of Memory|Cannot allocate memory")
_FILE = re.compile(r"[\w.-]+\.(?:aof|rdb|manifest)\b")
_PREFIX = re.compile(r"^\d+:[XCSM] \d\d \w{3} \d{4} [\d:.]+ [.\-*#] ")


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadFailure:
    """Why a server did not start: its own sentence. `file` is the one at fault, empty where no file is damaged."""

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
    """The failure that a server's last lines are about."""
    found = [line for line in lines if line]
    named = next((number for number, line in enumerate(found) if _DAMAGED.search(line)), None)
    if named is None or any(map(_NOT_DAMAGED.search, found)):
        return LoadFailure(reason=found[-1][:MAX_REASON_CHARS] if found else "it said nothing")
    file = next((match[0] for line in found[named:] for match in [_FILE.search(line)] if match), "appendonlydir")
    return LoadFailure(reason=found[named][:MAX_REASON_CHARS], file=file)


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
    entries = [entry for entry in directory.iterdir() if not entry.name.startswith("damaged-")]
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
