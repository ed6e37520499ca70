"""What an operator does with the topology: start it, stop it, look at it, take one part away."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from agents.observe import Node, State, ask_sentinels, look_at
from agents.wire import Address
from devstack import credentials, preflight, render, servers, stack_record, supervision
from devstack.layout import NGINX, Layout
from devstack.settings import ROOT, Misconfigured
from devstack.supervision import Process
from devstack.unix_http import UnixConnection

START_PATIENCE = 60.0
#: Data nodes that it takes to acknowledge a write.
MIN_NODES = 2
POLL = 0.05
READY_TIMEOUT = 2.0
EVERYTHING = ("redis", "sentinel", "api", "nginx")
#: As far as it is installed.
MONITORING = ("exporter", "prometheus", "alertmanager")
DATA_ONLY = ("redis", "sentinel")
FIRST_STAFF = "admin@evergreen.example"
# The exit status of `create_staff` where somebody has the address already.
TAKEN = 3


class DidNotStart(Exception):
    """The topology does not serve after all the time it was given; the text says what is missing."""


class NoAccount(Exception):
    """The staff account could not be made; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One process of the topology, as it is now."""

    name: str
    address: str
    pid: int
    state: str
    role: str


def prepare(layout: Layout, kinds: tuple[str, ...] = EVERYTHING) -> None:
    """Checks that these kinds of processes can start, and writes what they are started with. Raises Misconfigured, one
    line for each thing in the way; nothing has been started then."""
    programs = servers.find(layout.settings)
    found = preflight.faults(layout, kinds)
    if found:
        raise Misconfigured("\n".join(found))
    render.write_all(layout, programs, credentials.write_environment(layout), kinds)
    stack_record.write(layout)


def start(layout: Layout) -> subprocess.Popen[bytes]:
    """Starts what was prepared, and returns the supervisor."""
    return supervision.start(layout)


def wait_until_serving(
    layout: Layout,
    supervisor: subprocess.Popen[bytes],
    asked_to_stop: threading.Event | None = None,
    patience: float = START_PATIENCE,
) -> None:
    """Returns when nginx passes requests to an instance that serves and the store takes writes, or when somebody asks
    to stop. Raises DidNotStart."""
    wait_until_whole(layout, supervisor, asked_to_stop, patience)
    _wait(supervisor, lambda: _serves(layout), asked_to_stop, patience, f"{layout.url}/readyz does not answer 200")


def wait_until_whole(
    layout: Layout,
    supervisor: subprocess.Popen[bytes],
    asked_to_stop: threading.Event | None = None,
    patience: float = START_PATIENCE,
) -> None:
    """Returns when the Sentinels agree on a primary that every other data node follows, or when somebody asks to stop.
    Raises DidNotStart."""
    _wait(supervisor, lambda: is_whole(layout), asked_to_stop, patience, "there is no primary with all its replicas")


def wait_until_usable(
    layout: Layout,
    supervisor: subprocess.Popen[bytes],
    asked_to_stop: threading.Event,
    timeout_s: float = START_PATIENCE,
) -> None:
    """Return when there is a primary with one replica, or when asked to stop. Raises DidNotStart."""
    _wait(supervisor, lambda: is_usable(layout), asked_to_stop, timeout_s, "there is no primary with a replica")


def wait_until_answering(
    layout: Layout,
    supervisor: subprocess.Popen[bytes],
    asked_to_stop: threading.Event,
    timeout_s: float = START_PATIENCE,
) -> None:
    """Return when nginx passes requests to an instance that serves, or when asked to stop. Raises DidNotStart."""
    _wait(supervisor, lambda: _serves(layout), asked_to_stop, timeout_s, f"{layout.url}/readyz does not answer 200")


def is_usable(layout: Layout) -> bool:
    """Whether the Sentinels agree on a primary, it is one, and a replica is in step with it and could take its place:
    what it takes to acknowledge a write."""
    primary = _primary(layout)
    fit = [node for node in _nodes(layout).values() if node.is_electable and _has_its_role(node, primary)]
    return any(node.is_primary for node in fit) and len(fit) >= MIN_NODES


def is_whole(layout: Layout) -> bool:
    """Whether the Sentinels agree on a primary, it is one, and every other data node is in step with it and could take
    its place."""
    primary = _primary(layout)
    return all(node.is_electable and _has_its_role(node, primary) for node in _nodes(layout).values())


def parts(layout: Layout) -> list[Part]:
    """Every process as it is now. Raises NotRunning."""
    known = supervision.processes(layout)
    roles = _roles(layout)
    return [_part(layout, known[name], roles) for name in layout.names if name in known]


def restart(layout: Layout, name: str, patience: float = START_PATIENCE) -> None:
    """Stops this process and starts it, and returns when it does its part again: one after the other can be restarted
    so while all of them serve. Raises NotRunning, and DidNotStart."""
    supervision.restart(layout, name)
    wait_until_part(layout, name, patience)


def wait_until_part(layout: Layout, name: str, patience: float = START_PATIENCE) -> None:
    """Returns when this process does its part. Raises DidNotStart."""
    end = time.monotonic() + patience
    while not does_its_part(layout, name):
        if time.monotonic() > end:
            raise DidNotStart(f"{name} does not serve {patience:.0f} s after it was started.")
        time.sleep(POLL)


def does_its_part(layout: Layout, name: str) -> bool:
    """Whether this data node, Sentinel, instance or nginx is not only running but in its role, or serving."""
    if name in layout.redis:
        node = _nodes(layout)[name]
        return node.is_electable and _has_its_role(node, _primary(layout))
    if name in layout.sentinels:
        return ask_sentinels([layout.sentinels[name]], layout.settings.primary_name).primary is not None
    return _serves(layout) if name == NGINX else _is_ready(UnixConnection(layout.socket(name), READY_TIMEOUT))


def kill(layout: Layout, name: str, number: signal.Signals = signal.SIGKILL) -> int:
    """Sends a signal to this process, and returns the process id it had. Raises NotRunning."""
    process = supervision.processes(layout)[name]
    if not process.pid:
        raise supervision.NotRunning(name)
    os.kill(process.pid, number)
    return process.pid


def first_staff_account(layout: Layout, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Makes the staff account of a new store, and returns its email and password, which is kept nowhere; None when that
    was done before, and in a store that was restored from a backup with it. Raises NoAccount."""
    done = layout.run / "staff_account"
    if done.exists():
        return None
    command = [sys.executable, "manage.py", "create_staff", "--email", FIRST_STAFF, "--generate", "--json"]
    variables = {**environ, **credentials.environment(layout)}
    result = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if result.returncode == TAKEN:
        done.write_text(f"{FIRST_STAFF}\n")
        return None
    if result.returncode:
        raise NoAccount(f"The staff account could not be made: {result.stderr.strip() or result.stdout.strip()}")
    done.write_text(f"{FIRST_STAFF}\n")
    account: dict[str, str] = json.loads(result.stdout)
    return account


def as_record(layout: Layout, found: list[Part]) -> dict[str, Any]:
    """The topology as JSON takes it."""
    return {"url": layout.url, "processes": [asdict(part) for part in found]}


def _part(layout: Layout, process: Process, roles: Mapping[str, str]) -> Part:
    return Part(
        name=process.name,
        address=layout.address(process.name),
        pid=process.pid,
        state=process.state,
        role=roles.get(process.name, ""),
    )


def _roles(layout: Layout) -> dict[str, str]:
    return {name: _role(node) for name, node in _nodes(layout).items()}


def _role(node: Node) -> str:
    if node.state is not State.READY:
        return str(node.state.value)
    if node.is_primary:
        return "primary"
    if node.stands:
        return "waiting for its role"
    return "replica" if node.link_is_up else "replica, link down"


def _has_its_role(node: Node, primary: Address | None) -> bool:
    if node.address == primary:
        return node.is_primary
    return node.follows == primary and node.link_is_up


def _nodes(layout: Layout) -> dict[str, Node]:
    return dict(zip(layout.redis, look_at(list(layout.redis.values()), layout.revision_key), strict=True))


def _primary(layout: Layout) -> Address | None:
    return ask_sentinels(list(layout.sentinels.values()), layout.settings.primary_name).primary


def _serves(layout: Layout) -> bool:
    return _is_ready(http.client.HTTPConnection(*layout.nginx, timeout=READY_TIMEOUT))


def _is_ready(connection: http.client.HTTPConnection) -> bool:
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _wait(
    supervisor: subprocess.Popen[bytes],
    is_so: Callable[[], bool],
    asked_to_stop: threading.Event | None,
    patience: float,
    otherwise: str,
) -> None:
    end = time.monotonic() + patience
    while not (asked_to_stop and asked_to_stop.is_set()) and not is_so():
        if supervisor.poll() is not None:
            raise DidNotStart("The supervisor has ended: its log says why.")
        if time.monotonic() > end:
            raise DidNotStart(f"After {patience:.0f} s, {otherwise}.")
        time.sleep(POLL)
