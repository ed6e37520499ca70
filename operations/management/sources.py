"""What a command reads a backup from."""

import sys
from typing import BinaryIO

from operations import bootstrap
from operations.backup.directory import STREAM


def open_source(name: str) -> BinaryIO:
    """The backup of this name, or the standard input for `-`. Raises TargetUnusable, OSError."""
    return sys.stdin.buffer if name == STREAM else bootstrap.open_backup(name)
