"""A temporary topology, for as long as a block runs: for the fault table, the benchmarks and the tests."""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.node_status import NodeStatus, read_statuses
from configuration import accounts, rate_limits
from devstack import credentials, edge, lifecycle, preflight, supervision
from devstack.denials import read_denials
from devstack.layout import Layout
from devstack.settings import FAKE_PAYMENTS, Settings
from exactly_once.client import Address
from exactly_once.credentials import Credentials
from exactly_once.sentinels import read_consensus

TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
#: How many may run side by side below one network.
NETWORKS = 32
FIRST_PORT = 20_000
#: Behind those of the networks.
FREE_PORTS = range(FIRST_PORT + 256 * NETWORKS, 32_000)
MAX_PORTS_TRIED = 100
NO_CALLER_LIMITS = {each.name: "off" for each in rate_limits.CALLER_RATES}
#: Loads buy with few users, none of whom pays.
SHOP_VARIABLES = {accounts.MAX_OPEN_PURCHASES.name: "0", **FAKE_PAYMENTS}
#: The operators of the stacks of this process, by the addresses of their servers.
_OPERATORS: dict[Address, Credentials] = {}


class AccessDenied(Exception):
    """Servers of a stack have denied what no test meant to be denied; the text has every entry of their logs."""


class NoFreeNetwork(Exception):
    """No network can be used; the text says what is in the way on the last one that was tried."""


class NoFreePort(Exception):
    """Every port that was tried has a listener."""


@dataclass(kw_only=True, eq=False)
class RunningStack:
    """A topology that runs. Processes are named redis-1 to redis-3, sentinel-1 to sentinel-3, api-1,
    api-2 and nginx. Who stops everything and starts it again sets the new supervisor."""

    layout: Layout
    supervisor: subprocess.Popen[bytes]
    #: What servers had denied when they were ended or restarted, which empties their logs.
    denials: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return self.layout.url

    @property
    def environment(self) -> dict[str, str]:
        """What a command of the shop needs in its environment to work on this topology."""
        return credentials.environment(self.layout) | {"EVERGREEN_RUN": str(self.layout.run)}

    @property
    def primary(self) -> str | None:
        """The name of the data node that a majority of the Sentinels calls primary."""
        layout = self.layout
        address = read_consensus(list(layout.sentinels.values()), layout.settings.primary_name, layout.operator).primary
        return next((name for name, each in self.layout.redis.items() if each == address), None)

    @property
    def nodes(self) -> dict[str, NodeStatus]:
        """Every data node as it describes itself."""
        seen = read_statuses(list(self.layout.redis.values()), self.layout.revision_key, self.layout.operator)
        return dict(zip(self.layout.redis, seen, strict=True))

    def pid(self, name: str) -> int:
        """The process id, 0 while it does not run."""
        return supervision.processes(self.layout)[name].pid

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to this process, and return its process id."""
        if number == signal.SIGKILL:
            self.note_denials(name)
        return lifecycle.kill(self.layout, name, number)

    def restart(self, name: str) -> None:
        """Restart this process, and return when it does its part again."""
        self.note_denials(name)
        lifecycle.restart(self.layout, name, TIMEOUT_S)

    def stop(self, *names: str) -> None:
        """Stop these processes, which stay away until they are started."""
        self.note_denials(*names)
        for name in names:
            supervision.stop_process(self.layout, name)

    def start(self, *names: str) -> None:
        """Start these processes."""
        for name in names:
            supervision.start_process(self.layout, name)

    def note_denials(self, *names: str) -> None:
        """Note what these processes, as far as they are servers of the store, have denied."""
        known = [name for name in names if name in self.layout.redis or name in self.layout.sentinels]
        self.denials.extend(read_denials(self.layout, known) if known else [])

    def log(self, name: str) -> str:
        """All that this process has written to its log."""
        return self.layout.log(name).read_text(errors="replace")

    def wait_until_whole(self) -> None:
        """Return when there is a primary that every other data node follows."""
        lifecycle.wait_until_whole(self.layout, self.supervisor, timeout_s=TIMEOUT_S)

    def wait_until_serving(self) -> None:
        """Return when nginx answers for an instance that serves, and the store takes writes."""
        lifecycle.wait_until_serving(self.layout, self.supervisor, timeout_s=TIMEOUT_S)


@contextlib.contextmanager
def running(
    network: str, kinds: tuple[str, ...], prepared: Callable[[Layout], None] = lambda _: None, **settings: Any
) -> Iterator[RunningStack]:
    """These kinds of processes, on free addresses of this network, in a directory of their own; ended whatever
    happens. `prepared` is called before they start; further `settings` are those of the stack. A customer may have any
    number of open purchases, unless `shop_variables` say otherwise.

    Raises:
        NoFreeNetwork.
        DidNotStart: of the block, with the ends of all logs.
        AccessDenied: at the end of the block.
    """
    with (
        tempfile.TemporaryDirectory(prefix="evergreen-") as directory,
        free(network, kinds, run=Path(directory), **settings) as layout,
    ):
        lifecycle.prepare(layout, kinds)
        prepared(layout)
        register_operator(layout)
        started = RunningStack(layout=layout, supervisor=lifecycle.start(layout))
        try:
            yield started
        except lifecycle.DidNotStart as error:
            raise lifecycle.DidNotStart(f"{error}\n{_ends_of_logs(layout)}") from error
        finally:
            started.note_denials(*layout.redis, *layout.sentinels)
            _end(started)
        if started.denials:
            raise AccessDenied("\n".join(started.denials))


def register_operator(layout: Layout) -> None:
    """Remember the operator of the servers of this layout for `operator_of`."""
    _OPERATORS.update(dict.fromkeys((*layout.redis.values(), *layout.sentinels.values()), layout.operator))


def operator_of(address: Address) -> Credentials | None:
    """The operator of the stack that was started last with a data node or Sentinel at this address; None where none
    was."""
    return _OPERATORS.get(address)


@contextlib.contextmanager
def free(network: str, kinds: tuple[str, ...], **settings: Any) -> Iterator[Layout]:
    """The first layout that no other run has locked and that has no obstacles. Rate limits are off where `settings`
    has none: all load comes from one address."""
    chosen = {
        "address_limits": edge.NO_LIMITS,
        "caller_limits": NO_CALLER_LIMITS,
        "shop_variables": SHOP_VARIABLES,
        **settings,
    }

    def layout_on(free: str) -> Layout:
        return Layout(settings=Settings(network=free, port=_port_of(free), **chosen))

    with locked_network(network, lambda free: preflight.faults(layout_on(free), kinds)) as network_found:
        yield layout_on(network_found)


@contextlib.contextmanager
def locked_network(below: str, obstacles: Callable[[str], Sequence[str]] = lambda network: ()) -> Iterator[str]:
    """The first network, as in 127.21.0, below this one that no other process has locked and that has no obstacles.
    It stays locked, on this machine, until the block ends.

    Raises: NoFreeNetwork."""
    blockers: Sequence[str] = ()
    for number in range(NETWORKS):
        network = f"{below}.{number}"
        with Path(tempfile.gettempdir(), f"evergreen-{network}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            blockers = obstacles(network)
            if not blockers:
                yield network
                return
    raise NoFreeNetwork("\n".join([f"None of {below}.0 to {below}.{NETWORKS - 1} can be used.", *blockers]))


def _port_of(network: str) -> int:
    """A port for each network, below those that systems give to connections, so that no other process can get it in
    between."""
    _, second, third = network.split(".")
    return FIRST_PORT + int(second) * NETWORKS + int(third)


def free_port() -> int:
    """A port without a listener, below those that systems give to connections: one of those could be taken before its
    server listens.

    Raises: NoFreePort."""
    for _ in range(MAX_PORTS_TRIED):
        port = FREE_PORTS.start + secrets.randbelow(len(FREE_PORTS))
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("", port))
            return port
    raise NoFreePort(f"None of {MAX_PORTS_TRIED} ports that were tried is free.")


def _end(started: RunningStack) -> None:
    with contextlib.suppress(supervision.NotRunning):
        pids = [process.pid for process in supervision.processes(started.layout).values() if process.pid]
        _signal(pids, signal.SIGCONT)
        try:
            supervision.stop(started.layout, STOP_TIMEOUT_S)
        except supervision.DidNotStop:
            _signal([started.supervisor.pid, *pids], signal.SIGKILL)
    started.supervisor.kill()
    started.supervisor.wait()
    shutil.rmtree(started.layout.memory, ignore_errors=True)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _ends_of_logs(layout: Layout) -> str:
    ends = []
    for name in layout.names:
        if layout.log(name).exists():
            lines = layout.log(name).read_text(errors="replace").splitlines()[-15:]
            ends.append("\n".join([f"--- {name}", *lines]))
    return "\n".join(ends)
