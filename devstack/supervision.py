"""The process supervisor: starting it, asking it, stopping it."""

import http.client
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agents.launch import is_running
from devstack.layout import Layout
from devstack.render import kind

STOP_PATIENCE = 90.0
POLL = 0.05


class NotRunning(Exception):
    """No stack runs in this run directory."""


class DidNotStop(Exception):
    """A process is still there after everything was done to end it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A supervised process. `pid` is 0 while it is not running; `since` is when it was started last."""

    name: str
    pid: int
    state: str
    since: datetime | None


def pid(layout: Layout) -> int | None:
    """The process id of the supervisor of this run directory, or None when none runs."""
    try:
        found = int(layout.supervisor_pid.read_text())
    except (OSError, ValueError):
        return None
    return found if is_running(found) and _answers(layout) else None


def start(layout: Layout) -> subprocess.Popen[bytes]:
    """Starts the supervisor, which starts everything else. It outlives the caller, and the terminal's Ctrl-C does not
    reach it."""
    with (layout.logs / "supervisor.out").open("ab") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(layout.run / "supervisord.conf")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    # It looks round once a second, and whenever it is asked something.
    while supervisor.poll() is None and not _answers(layout):
        time.sleep(POLL)
    return supervisor


def stop(layout: Layout, patience: float = STOP_PATIENCE) -> None:
    """Stops everything, the doors first and the data last, and returns when all of it has ended. Raises NotRunning, and
    DidNotStop when it takes longer than `patience` seconds."""
    supervisor = pid(layout)
    if supervisor is None:
        raise NotRunning
    os.kill(supervisor, 15)
    end = time.monotonic() + patience
    while is_running(supervisor):
        _reap(supervisor)
        _answers(layout)
        if time.monotonic() > end:
            raise DidNotStop(f"the supervisor (process {supervisor}) has not ended after {patience:.0f} s")
        time.sleep(POLL)


def processes(layout: Layout) -> dict[str, Process]:
    """Every supervised process by its name. Raises NotRunning."""
    return {record["name"]: _process(record) for record in _call(layout, "getAllProcessInfo")}


def restart(layout: Layout, name: str) -> None:
    """Stops this process, waits until it has ended, and starts it. Raises NotRunning."""
    if processes(layout)[name].pid:
        stop_process(layout, name)
    start_process(layout, name)


def stop_process(layout: Layout, name: str, *, wait: bool = True) -> None:
    """Stops this process, and returns when it has ended, or was told to where nobody is to `wait`; it stays away until
    it is started. Raises NotRunning."""
    _call(layout, "stopProcess", f"{kind(name)}:{name}", wait)


def start_process(layout: Layout, name: str) -> None:
    """Starts this process. Raises NotRunning."""
    _call(layout, "startProcess", f"{kind(name)}:{name}")


def _process(record: Mapping[str, Any]) -> Process:
    return Process(
        name=record["name"],
        pid=record["pid"],
        state=record["statename"].lower(),
        since=datetime.fromtimestamp(record["start"], UTC) if record["start"] else None,
    )


def _call(layout: Layout, method: str, *arguments: str | bool) -> Any:
    try:
        # Not installed where the topology runs in containers, and some commands ask in both places.
        from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]
    except ModuleNotFoundError as fault:
        raise NotRunning from fault
    transport = SupervisorTransport(None, None, f"unix://{layout.supervisor_socket}")
    try:
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)
    except (OSError, http.client.HTTPException, xmlrpc.client.Fault) as fault:
        # It refuses every question once it is stopping.
        raise NotRunning from fault


def _answers(layout: Layout) -> bool:
    try:
        _call(layout, "getPID")
    except NotRunning:
        return False
    return True


def _reap(child: int) -> None:
    """Ends the entry of a supervisor that this very process has started."""
    try:
        os.waitpid(child, os.WNOHANG)
    except ChildProcessError:
        return
