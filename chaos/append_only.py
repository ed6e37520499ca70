"""Damage to the append-only file of a data node that does not run."""

import re
from enum import Enum, auto
from pathlib import Path

#: The beginning of a command, as a server leaves it that dies while it writes.
INCOMPLETE = b"*3\r\n$3\r\nSET\r\n$12\r\nincom"
CUT_BYTES = 37
SPOILED = b"\xff" * 8
_INCREMENT = re.compile(r"^file (\S+) seq (\d+) type i", re.MULTILINE)


class FileDamage(Enum):
    """An incomplete command after the last one; the last bytes gone; or a command in the middle overwritten."""

    TORN_TAIL = auto()
    CUT_TAIL = auto()
    MIDDLE = auto()


def damage(directory: Path, kind: FileDamage) -> None:
    """Damage the last file of the node in this directory."""
    file = last_file(directory / "appendonlydir")
    data = file.read_bytes()
    if kind is FileDamage.TORN_TAIL:
        data += INCOMPLETE
    elif kind is FileDamage.CUT_TAIL:
        data = data[:-CUT_BYTES]
    else:
        data = _spoil(data)
    file.write_bytes(data)


def last_file(directory: Path) -> Path:
    """The file to which the server appended last, by its manifest."""
    (manifest,) = directory.glob("*.manifest")
    increments: list[tuple[str, str]] = _INCREMENT.findall(manifest.read_text())
    name, _ = max(increments, key=lambda increment: int(increment[1]))
    return directory / name


def _spoil(data: bytes) -> bytes:
    """Where a command begins: what is inside one could be any bytes, and would load."""
    begin = data.index(b"\r\n*", len(data) // 2)
    return data[:begin] + SPOILED + data[begin + len(SPOILED) :]
