"""An API instance of the embedded topology that runs with a clock that is wrong."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from devstack import lifecycle, render, servers, spawn, supervision
from devstack.layout import Layout
from devstack.settings import ROOT

STOP_TIMEOUT_S = 30.0


@contextmanager
def shifted(layout: Layout, instance: str, seconds: float) -> Iterator[None]:
    """Run the instance with a shifted clock, in the place of the supervised one, while the block runs."""
    environment = _environment(supervision.processes(layout)[instance].pid)
    supervision.stop_process(layout, instance)
    process = subprocess.Popen(_command(layout, instance, seconds), cwd=ROOT, env=environment, start_new_session=True)
    try:
        lifecycle.wait_until_part(layout, instance)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        supervision.start_process(layout, instance)
        lifecycle.wait_until_part(layout, instance)


def _command(layout: Layout, instance: str, seconds: float) -> Sequence[str]:
    """As the supervisor starts it, with its record and its log, but for the application."""
    *words, _ = render.command(layout, servers.find(layout.settings), instance)
    log = layout.log(instance)
    words = [*words, f"chaos.shifted_clock:shifted_by({seconds})"]
    return spawn.command(record=layout.record(instance), output=log, errors=log, definition=None, words=words)


def _environment(pid: int) -> dict[bytes, bytes]:
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return {name: value for name, _, value in (entry.partition(b"=") for entry in entries if entry)}
