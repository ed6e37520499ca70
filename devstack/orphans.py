"""Processes of a stack whose supervisor is gone: which are alive, and how they are ended."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

from devstack import process_records
from devstack.layout import Layout
from devstack.process_records import Identity
from devstack.render import PRIORITIES, kind, stop_signal, stop_wait_s

POLL_S = 0.05
#: For companions and workers that have lost their server, before they are killed.
LEFTOVERS_WAIT_S = 3.0


class DidNotStop(Exception):
    """A process is still there after everything was done to end it."""


def alive(layout: Layout) -> dict[str, Identity]:
    """The recorded processes of which anything is alive, by name."""
    recorded = {name: process_records.read(layout.record(name)) for name in layout.largest.names}
    return {name: identity for name, identity in recorded.items() if identity and identity.members}


def stop(layout: Layout) -> list[str]:
    """End them, the edge first and the data last, and return their names. Raises DidNotStop."""
    identities = alive(layout)
    for each in sorted({kind(name) for name in identities}, key=lambda each: PRIORITIES[each], reverse=True):
        _stop({name: identity for name, identity in identities.items() if kind(name) == each}, each)
    return list(identities)


def _stop(identities: dict[str, Identity], kind: str) -> None:
    for identity in identities.values():
        if identity.is_alive:
            _signal(identity.pid, stop_signal(kind))
    _wait(lambda: any(identity.is_alive for identity in identities.values()), stop_wait_s(kind))
    _wait(lambda: any(identity.members for identity in identities.values()), LEFTOVERS_WAIT_S)
    for identity in identities.values():
        for pid in identity.members:
            _signal(pid, signal.SIGKILL)
    if _wait(lambda: any(identity.members for identity in identities.values()), LEFTOVERS_WAIT_S):
        names = [f"{name} (process {identity.pid})" for name, identity in identities.items() if identity.members]
        raise DidNotStop(f"{', '.join(names)} cannot be ended: another user's process, or one that waits for a disk?")


def _wait(is_so: Callable[[], bool], timeout_s: float) -> bool:
    """Whether it is still so after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while is_so():
        if time.monotonic() > end:
            return True
        time.sleep(POLL_S)
    return False


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
        # One that was stopped (SIGSTOP) does not hear it before it goes on.
        os.kill(pid, signal.SIGCONT)
