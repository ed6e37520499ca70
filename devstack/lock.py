"""The lock of a run directory: one process at a time starts a stack there, and `stack run` holds it to its end."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agents.launch import is_running
from configuration import PROGRAM
from devstack import preflight
from devstack.layout import Layout
from devstack.settings import Misconfigured

#: For the holder to write its id down.
HOLDER_WAIT_S, POLL_S = 1.0, 0.01


@contextmanager
def acquire(layout: Layout) -> Iterator[None]:
    """Hold the lock while the block runs. Raises Misconfigured, which names the holder."""
    obstacles = list(preflight.directory_faults(layout))
    if obstacles:
        raise Misconfigured("\n".join(obstacles))
    # Appending, not writing: what is in the file is the holder's.
    with layout.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured(
                f"A stack already runs or starts in {layout.run} (process {_holder(layout)}): `{PROGRAM} stack "
                f"status` shows it, `{PROGRAM} stack down` stops it."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _holder(layout: Layout) -> str:
    """The process id of the holder, which writes it down after it has the lock."""
    end = time.monotonic() + HOLDER_WAIT_S
    while True:
        holder = layout.lock.read_text()
        if holder.isdecimal() and is_running(int(holder)):
            return holder
        if time.monotonic() > end:
            return holder or "unknown"
        time.sleep(POLL_S)
