"""What a command reads a backup from, and the keys that open it."""

import sys
from pathlib import Path
from typing import BinaryIO

from operations import bootstrap
from operations.backup.directory import STREAM
from operations.backup.encryption import KeyUnusable, identities_in, read_identities


def open_source(name: str) -> BinaryIO:
    """The backup of this name, or the standard input for `-`. Raises TargetUnusable, OSError."""
    return sys.stdin.buffer if name == STREAM else bootstrap.open_backup(name)


def read_keys(name: str | None, backup: str) -> list[str]:
    """The identities in the file of this name, or on the standard input for `-`, for the backup of that name; none
    without a name. Raises KeyUnusable, OSError."""
    if not name:
        return []
    if name != STREAM:
        return read_identities(Path(name))
    if backup == STREAM:
        raise KeyUnusable("The standard input cannot be both the backup and its identity: name a file for one of them")
    return identities_in(sys.stdin.buffer, "The standard input")
