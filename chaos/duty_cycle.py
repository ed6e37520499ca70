"""A slow process: suspended for most of the time, so that its answers take up to 180 ms."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SUSPENDED_S, RUNNING_S = 0.18, 0.03


@contextmanager
def slow(pid: int) -> Iterator[None]:
    """Suspend the process again and again while the block runs. It is resumed afterwards, where it still lives."""
    is_over = threading.Event()
    thread = threading.Thread(target=_suspend_repeatedly, args=(pid, is_over), name=f"slow-{pid}")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _suspend_repeatedly(pid: int, is_over: threading.Event) -> None:
    with suppress(ProcessLookupError):
        while not is_over.wait(RUNNING_S):
            os.kill(pid, signal.SIGSTOP)
            is_over.wait(SUSPENDED_S)
            os.kill(pid, signal.SIGCONT)
