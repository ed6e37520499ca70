"""Copies of a node's files that were set aside before the files were changed or overwritten.

They are in the node's own directory, so that a volume keeps them. Of each kind the newest few stay: a node may be
overwritten at each of its starts, and a copy can be as large as the store. One that has to go is named in the log.
"""

import os
import shutil
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from agents.launch import log

#: Of each kind, on each node.
MAX_COPIES = 3
FILES = "appendonlydir"


class Kind(StrEnum):
    """Why files were copied: their tail was torn, or another node's data replaced them. The start of a copy's name."""

    TORN = "torn"
    REPLACED = "replaced"


def find_copies(directory: Path, kind: Kind) -> list[Path]:
    """The copies of this kind below a node's directory, oldest first."""
    return sorted(path for path in directory.glob(f"{kind}-*") if path.is_dir())


def is_copy(path: Path) -> bool:
    """Whether a directory of this name is a copy."""
    return any(path.name.startswith(f"{kind}-") for kind in Kind)


def new_copy(directory: Path, kind: Kind, now: datetime) -> Path:
    """An empty directory for a copy. Raises OSError."""
    copy = directory / f"{kind}-{now:%Y%m%dT%H%M%S%fZ}"
    copy.mkdir(mode=0o700)
    return copy


def make_room(directory: Path, kind: Kind) -> None:
    """Remove the oldest copies where there are so many that one more would be too many. Raises OSError."""
    for copy in find_copies(directory, kind)[: -MAX_COPIES + 1]:
        log(f"{copy} is removed: of the files that were {kind}, the newest {MAX_COPIES} copies stay", "warning")
        shutil.rmtree(copy)


def copy_files(directory: Path, now: datetime) -> Path:
    """Copy the append-only files of a node that is about to be overwritten, and return where. The copy takes no room
    until the server removes the originals: it consists of links to them. Raises OSError."""
    make_room(directory, Kind.REPLACED)
    copy = new_copy(directory, Kind.REPLACED, now)
    try:
        shutil.copytree(directory / FILES, copy / FILES, copy_function=link)
    except OSError:
        shutil.rmtree(copy, ignore_errors=True)
        raise
    return copy


def link(source: str, target: str) -> None:
    """Link a file, or copy it where the file system has no links. Raises OSError."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
