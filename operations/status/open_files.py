"""The open files of this process, sockets included, and how many it may open."""

import resource
from pathlib import Path
from typing import NamedTuple

DESCRIPTORS = Path("/proc/self/fd")


class OpenFiles(NamedTuple):
    """How many are open, 0 where the system does not tell, and the limit."""

    used: int
    limit: int


def read_open_files() -> OpenFiles:
    """Those of this process, now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        used = sum(1 for _ in DESCRIPTORS.iterdir())
    except OSError:
        used = 0
    return OpenFiles(used=used, limit=soft)
