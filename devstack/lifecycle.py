"""The lifecycle of the embedded topology: start, wait, inspect, restart, kill."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from agents.node_status import NodeState, NodeStatus, read_statuses
from configuration import stack
from devstack import credentials, preflight, render, secrets, servers, stack_record, supervision
from devstack.layout import NGINX, Layout
from devstack.settings import ROOT, Misconfigured
from devstack.supervision import Process
from devstack.unix_http import instance_connection
from exactly_once.client import Address
from exactly_once.sentinels import Consensus, read_consensus
from operations.deployment import ProcessStatus

START_TIMEOUT_S = 60.0
#: Data nodes that are needed to acknowledge a write.
MIN_NODES = 2
POLL_S = 0.05
READY_TIMEOUT_S = 2.0
EVERYTHING = ("redis", "sentinel", "api", "worker", "nginx")
#: As far as installed.
MONITORING = ("exporter", "prometheus", "alertmanager")
#: Where there is a target.
SCHEDULED = ("backup",)
DATA_ONLY = ("redis", "sentinel")
FIRST_STAFF = "admin@evergreen.example"
#: Exit status of `create_staff` where a user has the address already.
EMAIL_TAKEN = 3


class DidNotStart(Exception):
    """The topology does not serve in time; the text says what is missing."""


class NoAccount(Exception):
    """The staff account could not be made; the text says why."""


def prepare(layout: Layout, kinds: tuple[str, ...] = EVERYTHING) -> None:
    """Check that these kinds of processes can start, and write their configuration. Raises Misconfigured, with a line
    for each obstacle; nothing has been started then."""
    programs = servers.find(layout.settings)
    obstacles = preflight.faults(layout, kinds)
    if obstacles:
        raise Misconfigured("\n".join(obstacles))
    secrets.write_all(layout)
    render.write_all(layout, programs, credentials.write_environment(layout), kinds)
    stack_record.write(layout)


def start(layout: Layout) -> subprocess.Popen[bytes]:
    """Start what was prepared, and return the supervisor."""
    return supervision.start(layout)


def wait_until_serving(
    layout: Layout,
    supervisor: subprocess.Popen[bytes],
    asked_to_stop: threading.Event | None = None,
    timeout_s: float = START_TIMEOUT_S,
) -> None:
    """Return when nginx passes requests to an instance that serves and the store takes writes, or when asked to
    stop. Raises DidNotStart."""
    wait_until_whole(layout, supervisor, asked_to_stop, timeout_s)
    _wait(supervisor, lambda: _serves(layout), asked_to_stop, timeout_s, f"{layout.url}/readyz does not answer 200")


def wait_until_whole(
    layout: Layout,
    supervisor: subprocess.Popen[bytes],
    asked_to_stop: threading.Event | None = None,
    timeout_s: float = START_TIMEOUT_S,
) -> None:
    """Return when the Sentinels agree on a primary that every other data node follows, or when asked to stop. Raises
    DidNotStart."""
    _wait(supervisor, lambda: is_whole(layout), asked_to_stop, timeout_s, "there is no primary with all its replicas")


def wait_until_usable(
    layout: Layout,
    supervisor: subprocess.Popen[bytes],
    asked_to_stop: threading.Event,
    timeout_s: float = START_TIMEOUT_S,
) -> None:
    """Return when there is a primary with one replica, or when asked to stop. Raises DidNotStart."""
    _wait(supervisor, lambda: is_usable(layout), asked_to_stop, timeout_s, "there is no primary with a replica")


def wait_until_answering(
    layout: Layout,
    supervisor: subprocess.Popen[bytes],
    asked_to_stop: threading.Event,
    timeout_s: float = START_TIMEOUT_S,
) -> None:
    """Return when nginx passes requests to an instance that serves, or when asked to stop. Raises DidNotStart."""
    _wait(supervisor, lambda: _serves(layout), asked_to_stop, timeout_s, f"{layout.url}/readyz does not answer 200")


def is_usable(layout: Layout) -> bool:
    """Whether the Sentinels agree on a primary, it is one, and a replica is in step with it and could take its place:
    what it takes to acknowledge a write."""
    named = primary(layout)
    fit = [node for node in _nodes(layout).values() if node.is_electable and _has_its_role(node, named)]
    return any(node.is_primary for node in fit) and len(fit) >= MIN_NODES


def is_whole(layout: Layout) -> bool:
    """Whether the Sentinels agree on a primary, it is one, and every other data node is in step with it and could take
    its place."""
    named = primary(layout)
    return all(node.is_electable and _has_its_role(node, named) for node in _nodes(layout).values())


def processes(layout: Layout) -> list[ProcessStatus]:
    """Every process as it is now. Raises NotRunning."""
    known = supervision.processes(layout)
    roles = _roles(layout)
    return [_status(layout, known[name], roles) for name in layout.names if name in known]


def restart(layout: Layout, name: str, timeout_s: float = START_TIMEOUT_S) -> int:
    """Restart this process, and return its process id when it does its part again, so that several can be restarted in
    turn without an outage. Raises NotRunning and DidNotStart."""
    supervision.restart(layout, name)
    wait_until_part(layout, name, timeout_s)
    return supervision.processes(layout)[name].pid


def role(layout: Layout, name: str) -> str:
    """What this data node is, as in primary; empty for any other process."""
    return _roles(layout).get(name, "")


def wait_until_part(layout: Layout, name: str, timeout_s: float = START_TIMEOUT_S) -> None:
    """Return when this process does its part. Raises DidNotStart."""
    end = time.monotonic() + timeout_s
    while not does_its_part(layout, name):
        if time.monotonic() > end:
            raise DidNotStart(f"{name} does not serve {timeout_s:.0f} s after it was started.")
        time.sleep(POLL_S)


def does_its_part(layout: Layout, name: str) -> bool:
    """Whether this data node, Sentinel, instance, worker, schedule of backups or nginx is not only running but in its
    role, or serving."""
    if name in layout.redis:
        node = _nodes(layout)[name]
        return node.is_electable and _has_its_role(node, primary(layout))
    if name in layout.sentinels:
        return _consensus(layout, [layout.sentinels[name]]).primary is not None
    if name in layout.workers or name in layout.schedules:
        return _is_alive({**layout.workers, **layout.schedules}[name])
    return _serves(layout) if name == NGINX else _is_ready(instance_connection(layout, name, READY_TIMEOUT_S))


def kill(layout: Layout, name: str, number: signal.Signals = signal.SIGKILL) -> int:
    """Send a signal to this process, and return its process id. Raises NotRunning."""
    process = supervision.processes(layout)[name]
    if not process.pid:
        raise supervision.NotRunning(name)
    os.kill(process.pid, number)
    return process.pid


def first_staff_account(layout: Layout, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Create the staff account of a new store. Return its email and password, which is stored nowhere; None where the
    account exists, as in a store restored from a backup. Raises NoAccount."""
    record = layout.run / "staff_account"
    if record.exists():
        return None
    result = _create_staff(layout, environ)
    if result.returncode == EMAIL_TAKEN:
        record.write_text(f"{FIRST_STAFF}\n")
        return None
    if result.returncode:
        raise NoAccount(f"The staff account could not be made: {result.stderr.strip() or result.stdout.strip()}")
    record.write_text(f"{FIRST_STAFF}\n")
    return _account(result)


def reset_staff_account(layout: Layout, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the staff account of a store another password. Return its email and password. Raises NoAccount."""
    result = _create_staff(layout, environ, "--reset")
    if result.returncode:
        raise NoAccount(f"The staff account has no new password: {result.stderr.strip() or result.stdout.strip()}")
    return _account(result)


def command_environment(layout: Layout, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables with which a command, as a process of its own, works on this stack."""
    return {**environ, **credentials.environment(layout), stack.RUN.name: str(layout.run)}


def as_record(layout: Layout, statuses: list[ProcessStatus]) -> dict[str, Any]:
    """The topology for JSON."""
    return {"url": layout.url, "processes": [asdict(process) for process in statuses]}


def _create_staff(layout: Layout, environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "evergreen",
        "create_staff",
        "--email",
        FIRST_STAFF,
        "--generate",
        "--json",
        *words,
    ]
    variables = command_environment(layout, environ)
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


def _account(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    account: dict[str, str] = json.loads(result.stdout)
    return account


def _status(layout: Layout, process: Process, roles: Mapping[str, str]) -> ProcessStatus:
    return ProcessStatus(
        name=process.name,
        address=layout.address(process.name),
        pid=process.pid,
        state=process.state,
        role=roles.get(process.name, ""),
    )


def _roles(layout: Layout) -> dict[str, str]:
    return {name: _role(node) for name, node in _nodes(layout).items()}


def _role(node: NodeStatus) -> str:
    if node.state is not NodeState.READY:
        return str(node.state.value)
    if node.is_primary:
        return "primary"
    if node.has_no_role:
        return "waiting for its role"
    return "replica" if node.link_is_up else "replica, link down"


def _has_its_role(node: NodeStatus, primary: Address | None) -> bool:
    if node.address == primary:
        return node.is_primary
    return node.follows == primary and node.link_is_up


def _nodes(layout: Layout) -> dict[str, NodeStatus]:
    return dict(zip(layout.redis, _statuses(layout), strict=True))


def primary(layout: Layout) -> Address | None:
    """The primary that a majority of the Sentinels names, or None."""
    return _consensus(layout, list(layout.sentinels.values())).primary


def _statuses(layout: Layout) -> list[NodeStatus]:
    return read_statuses(list(layout.redis.values()), layout.revision_key, layout.operator)


def _consensus(layout: Layout, sentinels: Sequence[Address]) -> Consensus:
    return read_consensus(sentinels, layout.settings.primary_name, layout.operator)


def _serves(layout: Layout) -> bool:
    return _is_ready(http.client.HTTPConnection(*layout.nginx, timeout=READY_TIMEOUT_S))


def _is_alive(address: Address) -> bool:
    return _is_ready(http.client.HTTPConnection(*address, timeout=READY_TIMEOUT_S), "/livez")


def _is_ready(connection: http.client.HTTPConnection, path: str = "/readyz") -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _wait(
    supervisor: subprocess.Popen[bytes],
    is_so: Callable[[], bool],
    asked_to_stop: threading.Event | None,
    timeout_s: float,
    otherwise: str,
) -> None:
    end = time.monotonic() + timeout_s
    while not (asked_to_stop and asked_to_stop.is_set()) and not is_so():
        if supervisor.poll() is not None:
            raise DidNotStart("The supervisor has ended: its log says why.")
        if time.monotonic() > end:
            raise DidNotStart(f"After {timeout_s:.0f} s, {otherwise}.")
        time.sleep(POLL_S)
