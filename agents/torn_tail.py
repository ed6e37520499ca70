"""The torn tail of an append-only file: what a power cut leaves where the last write had not reached the disk.

Only the end of the last file can be torn: an incomplete command, or a transaction without its end, or zeros where a
file system had made room and written nothing. Anything else is damage in the middle, and is left to damage.py.
"""

import mmap
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agents.copies import Kind, link, new_copy

MANIFESTS = "appendonlydir/*.manifest"
_INCREMENT = re.compile(r"^file (\S+) seq \d+ type i\b", re.MULTILINE)
_HEADER = re.compile(rb"[*$](\d{1,10})\r\n")
#: What a header that the end of the file cuts off may look like.
_TORN_HEADER = re.compile(rb"[*$](\d{0,10}\r?)?\Z")
#: A whole command inside what seems to be one argument: a wrong length has swallowed it.
_SWALLOWED = re.compile(rb"\r\n\*\d+\r\n\$\d+\r\n")
_CHUNK_BYTES = 65_536
#: The name by which the server's program checks a file instead of serving, and what it prints.
_CHECKER = "redis-check-aof"
_CHECKED = re.compile(r"\bok_up_to=(\d+),")
MAX_CHECK_S = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """A file that was cut back, by so many bytes, and where the torn one is."""

    file: Path
    dropped_bytes: int
    aside: Path


class DamagedInTheMiddle(Exception):
    """The file holds something that is no command, or more of it follows."""


class _Torn(Exception):
    """The file ends within a command."""


def cut_back(directory: Path, server: Path, now: datetime) -> Repair | None:
    """Cut the last append-only file below this directory back to its last whole command, after the file itself is set
    aside. Return None, and change nothing, where it is not torn, or damaged in the middle. Raises OSError."""
    file = _last_increment(directory)
    if file is None or not file.stat().st_size:
        return None
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            end = find_whole_end(data, _checked_end(server, file))
        except DamagedInTheMiddle:
            return None
        if end == len(data):
            return None
        aside = _replace_by_beginning(file, data, end, directory, now)
        return Repair(file=file, dropped_bytes=len(data) - end, aside=aside)


def _replace_by_beginning(file: Path, data: mmap.mmap, end: int, directory: Path, now: datetime) -> Path:
    """Put the first `end` bytes in the place of the file, and return where the file itself is then."""
    draft = file.with_name(f"{file.name}.whole")
    try:
        _write(draft, data, end)
        # A link and a rename: the torn file is never changed, and one of the two is in its place at any instant.
        with new_copy(directory, Kind.TORN, now) as aside:
            link(str(file), str(aside / file.name))
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return aside


def find_whole_end(data: mmap.mmap | bytes, begin: int = 0) -> int:
    """The offset after the last whole command, or transaction, of an append-only file that is whole up to `begin`.
    Raises DamagedInTheMiddle."""
    end = _end_of_data(data)
    position = whole = begin
    is_in_transaction = False
    while position < end:
        try:
            following, name = _read_command(data, position, end)
        except _Torn:
            if _SWALLOWED.search(data, position + 1, end):
                raise DamagedInTheMiddle from None
            break
        is_in_transaction = name == b"MULTI" or (is_in_transaction and name != b"EXEC")
        position = following
        whole = whole if is_in_transaction else position
    return whole


def _checked_end(server: Path, file: Path) -> int:
    """How far the file is whole by the server's own check, which is ten times as fast as the one here; 0 where this
    server has none."""
    command = [_CHECKER, str(file)]
    try:
        result = subprocess.run(
            command,
            executable=server,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=MAX_CHECK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    checked = _CHECKED.search(result.stdout)
    return int(checked[1]) if checked else 0


def _end_of_data(data: mmap.mmap | bytes) -> int:
    """The offset of the zeros at the end, which no whole command has."""
    end = len(data)
    while end and data[end - 1] == 0:
        begin = max(end - _CHUNK_BYTES, 0)
        end = begin + len(bytes(data[begin:end]).rstrip(b"\0"))
    return end


def _read_command(data: mmap.mmap | bytes, position: int, end: int) -> tuple[int, bytes]:
    """The offset after the command at this one, and its name; annotations have none."""
    if data[position : position + 1] == b"#":
        return _end_of_line(data, position, end), b""
    position, count = _read_header(data, position, end, b"*")
    name = b""
    for number in range(count):
        position, length = _read_header(data, position, end, b"$")
        following = position + length + 2
        if following > end:
            raise _Torn
        if data[following - 2 : following] != b"\r\n":
            raise DamagedInTheMiddle
        if not number:
            name = bytes(data[position : position + length]).upper()
        position = following
    return position, name


def _read_header(data: mmap.mmap | bytes, position: int, end: int, kind: bytes) -> tuple[int, int]:
    """The offset after the header at this one, and its number."""
    header = _HEADER.match(data, position, end)
    if header and data[position : position + 1] == kind:
        return header.end(), int(header[1])
    rest = bytes(data[position : min(position + 16, end)])
    if not rest or (rest.startswith(kind) and _TORN_HEADER.match(rest)):
        raise _Torn
    raise DamagedInTheMiddle


def _end_of_line(data: mmap.mmap | bytes, position: int, end: int) -> int:
    found = data.find(b"\r\n", position, end)
    if found < 0:
        raise _Torn
    return found + 2


def _write(path: Path, data: mmap.mmap, end: int) -> None:
    with path.open("wb") as output:
        for chunk in _chunks(data, end):
            output.write(chunk)
        output.flush()
        os.fsync(output.fileno())


def _chunks(data: mmap.mmap, end: int) -> Iterator[bytes]:
    return (data[begin : min(begin + _CHUNK_BYTES, end)] for begin in range(0, end, _CHUNK_BYTES))


def _last_increment(directory: Path) -> Path | None:
    """The file that the server wrote last, by its manifest; None where there is none."""
    manifests = list(directory.glob(MANIFESTS))
    names = _INCREMENT.findall(manifests[0].read_text(errors="replace")) if len(manifests) == 1 else []
    file = manifests[0].with_name(names[-1]) if names else None
    return file if file and file.is_file() else None
