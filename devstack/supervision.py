"""The process supervisor: start it, query it, stop it."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agents.launch import is_running
from devstack import orphans, process_records
from devstack.layout import Layout
from devstack.orphans import DidNotStop as DidNotStop
from devstack.process_records import Identity
from devstack.render import kind
from devstack.settings import ROOT
from devstack.unix_http import UnixConnection

STOP_TIMEOUT_S = 90.0
POLL_S = 0.05
SUPERVISOR = "supervisor"
#: For an answer; and for the answer to an order, which comes when a process has started or ended.
QUERY_TIMEOUT_S, CHANGE_TIMEOUT_S = 3.0, 100.0
#: The fault of supervisor.xmlrpc.Faults with which it refuses to start what runs.
_ALREADY_STARTED = 60


class NotRunning(Exception):
    """No stack runs in this run directory."""


class SupervisorGone(NotRunning):
    """Processes of a stack run here without their supervisor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A supervised process. `pid` is 0 while it is not running; `since` is when it was started last."""

    name: str
    pid: int
    state: str
    since: datetime | None


def pid(layout: Layout) -> int | None:
    """The process id of the supervisor of this run directory, or None. A suspended one counts as running."""
    identity = process_records.read(layout.record(SUPERVISOR))
    return identity.pid if identity and identity.is_alive else None


def start(layout: Layout) -> subprocess.Popen[bytes]:
    """Start the supervisor, which starts everything else. It outlives the caller, and the terminal's Ctrl-C does not
    reach it."""
    layout.memory.mkdir(exist_ok=True, mode=0o700)
    with layout.log(SUPERVISOR).open("ab") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "devstack.supervisord", "-c", str(layout.run / "supervisord.conf")],
            # It and its extension, the rotation of logs, are found from there.
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    process_records.write(layout.record(SUPERVISOR), supervisor.pid)
    # It polls once a second, and at every query.
    while supervisor.poll() is None and not _answers(layout):
        time.sleep(POLL_S)
    return supervisor


def stop(layout: Layout, timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Stop everything, the edge first and the data last, also where the supervisor is gone. Return when all has ended.
    Raises NotRunning, and DidNotStop when the supervisor takes longer than `timeout_s` seconds."""
    supervisor = pid(layout)
    if supervisor is None and not orphans.alive(layout):
        raise NotRunning
    if supervisor is not None:
        _stop_supervisor(layout, supervisor, timeout_s)
    orphans.stop(layout)
    shutil.rmtree(layout.memory, ignore_errors=True)


def _stop_supervisor(layout: Layout, supervisor: int, timeout_s: float) -> None:
    os.kill(supervisor, signal.SIGTERM)
    os.kill(supervisor, signal.SIGCONT)
    end = time.monotonic() + timeout_s
    while is_running(supervisor):
        _reap(supervisor)
        _answers(layout)
        if time.monotonic() > end:
            raise DidNotStop(f"the supervisor (process {supervisor}) has not ended after {timeout_s:.0f} s")
        time.sleep(POLL_S)


def processes(layout: Layout) -> dict[str, Process]:
    """Every process by its name: as the supervisor knows it or, where that does not answer, as it is recorded. Raises
    NotRunning."""
    try:
        found = {record["name"]: _process(record) for record in _call(layout, "getAllProcessInfo")}
        # The supervisor knows servers that may be added, too.
        return {name: process for name, process in found.items() if name in layout.names or process.pid}
    except NotRunning:
        alive = orphans.alive(layout)
        if not alive:
            raise
        return {name: _orphan(layout, name, alive) for name in layout.names if layout.record(name).exists()}


def answers(layout: Layout) -> bool:
    """Whether the supervisor runs, and answers."""
    return _answers(layout)


def restart(layout: Layout, name: str) -> None:
    """Stop this process, wait until it has ended, and start it. Raises NotRunning."""
    if processes(layout)[name].pid:
        stop_process(layout, name)
    start_process(layout, name)


def stop_process(layout: Layout, name: str, *, wait: bool = True) -> None:
    """Stop this process, without a restart, and return when it has ended; at once where not to `wait`. Raises
    NotRunning."""
    _call(layout, "stopProcess", f"{kind(name)}:{name}", wait, timeout_s=CHANGE_TIMEOUT_S)


def start_process(layout: Layout, name: str) -> None:
    """Start this process, where it does not run. Raises NotRunning."""
    _call(layout, "startProcess", f"{kind(name)}:{name}", timeout_s=CHANGE_TIMEOUT_S, is_done_by=_ALREADY_STARTED)


def _process(record: Mapping[str, Any]) -> Process:
    return Process(
        name=record["name"],
        pid=record["pid"],
        state=record["statename"].lower(),
        since=datetime.fromtimestamp(record["start"], UTC) if record["start"] else None,
    )


def _orphan(layout: Layout, name: str, alive: Mapping[str, Identity]) -> Process:
    changed = datetime.fromtimestamp(layout.record(name).stat().st_mtime, UTC)
    if name in alive:
        return Process(name=name, pid=alive[name].pid, state="running", since=changed)
    return Process(name=name, pid=0, state="exited", since=None)


def _call(
    layout: Layout, method: str, *arguments: str | bool, timeout_s: float = QUERY_TIMEOUT_S, is_done_by: int = 0
) -> Any:
    """What the supervisor returns; None where it refuses with the fault `is_done_by`. Raises NotRunning."""
    try:
        # Not installed where the topology runs in containers, and some commands ask in both places.
        from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise NotRunning from error
    transport = SupervisorTransport(None, None, f"unix://{layout.supervisor_socket}")
    # Its own connection waits for ever, and a supervisor may be suspended.
    transport._get_connection = lambda: UnixConnection(layout.supervisor_socket, timeout_s)
    try:
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)
    except (OSError, http.client.HTTPException, xmlrpc.client.Fault) as error:
        if isinstance(error, xmlrpc.client.Fault) and error.faultCode == is_done_by:
            return None
        # It refuses every question once it is stopping.
        raise (SupervisorGone if orphans.alive(layout) else NotRunning) from error


def _answers(layout: Layout) -> bool:
    try:
        _call(layout, "getPID")
    except NotRunning:
        return False
    return True


def _reap(child: int) -> None:
    """Reap a supervisor that this very process has started."""
    try:
        os.waitpid(child, os.WNOHANG)
    except ChildProcessError:
        return
