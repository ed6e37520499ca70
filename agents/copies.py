"""Copies of a node's files that were set aside before the files were changed or overwritten.

They are in the node's own directory, so that a volume keeps them. Of each kind the newest few stay: a node may be
overwritten at each of its starts, and a copy can be as large as the store. One that has to go is named in the log.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def new_copy(directory: Path, kind: Kind, now: datetime) -> Iterator[Path]:
    """An empty directory, which the block fills. Where it raises OSError, the directory is removed and all earlier
    copies stay: a failure that repeats itself must not evict them. Otherwise the oldest ones go that are too many."""
    copy = directory / f"{kind}-{now:%Y%m%dT%H%M%S%fZ}"
    copy.mkdir(mode=0o700)
    try:
        yield copy
    except OSError:
        shutil.rmtree(copy, ignore_errors=True)
        raise
    # By their names the newest stay, and this one whatever the clock says.
    for old in [other for other in find_copies(directory, kind) if other != copy][: -MAX_COPIES + 1]:
        _remove(old, kind)


def _remove(copy: Path, kind: Kind) -> None:
    log(f"{copy} is removed: of the files that were {kind}, the newest {MAX_COPIES} copies stay", "warning")
    # What cannot be removed now is tried again with the next copy. The new one is there all the same.
    shutil.rmtree(copy, ignore_errors=True)


def copy_files(directory: Path, now: datetime) -> Path:
    """Copy the append-only files of a node that is about to be overwritten, and return where. The copy takes no room
    until the server removes the originals: it consists of links to them. Raises OSError."""
    with new_copy(directory, Kind.REPLACED, now) as copy:
        shutil.copytree(directory / FILES, copy / FILES, copy_function=link)
    return copy


def link(source: str, target: str) -> None:
    """Link a file, or copy it where the file system has no links. Raises OSError."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
