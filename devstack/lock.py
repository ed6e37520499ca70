"""The lock of a run directory: one process at a time starts a stack there, and `stack run` holds it to its end."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agents.launch import is_running
from devstack import preflight
from devstack.layout import Layout
from devstack.settings import Misconfigured

#: For the holder to write its id down.
HOLDER_WAIT_S, POLL_S = 1.0, 0.01


@contextmanager
def held(layout: Layout) -> Iterator[None]:
    """Hold the lock for as long as the block runs. Raises Misconfigured, naming the holder, and has touched nothing."""
    faults = list(preflight.directory_faults(layout))
    if faults:
        raise Misconfigured("\n".join(faults))
    # Appending, not writing: what is in the file is the holder's.
    with layout.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise Misconfigured(
                f"A stack already runs or starts in {layout.run} (process {_holder(layout)}): `python manage.py stack "
                "status` shows it, `python manage.py stack down` stops it."
            ) from fault
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _holder(layout: Layout) -> str:
    """The process id of the holder, which writes it down after it has the lock."""
    end = time.monotonic() + HOLDER_WAIT_S
    while True:
        found = layout.lock.read_text()
        if found.isdecimal() and is_running(int(found)):
            return found
        if time.monotonic() > end:
            return found or "unknown"
        time.sleep(POLL_S)
