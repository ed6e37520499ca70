"""The preflight check: what would keep the topology from starting."""

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from devstack import supervision
from devstack.layout import EXPORTER, INSTANCES, MAX_SOCKET_PATH, NGINX, NGINX_STATUS, Layout
from devstack.render import kind
from exactly_once.client import Address

#: On the disk of the run directory, for the first files of a stack.
MIN_FREE_BYTES = 32_000_000


def faults(layout: Layout, kinds: tuple[str, ...]) -> list[str]:
    """Every obstacle to these kinds of processes, one line each that says what to do."""
    running = supervision_fault(layout)
    if running:
        return [running]
    return [*directory_faults(layout), *_address_faults(layout, kinds)]


def supervision_fault(layout: Layout) -> str | None:
    """The line for a stack that runs already in this run directory, or None."""
    supervisor = supervision.pid(layout)
    if supervisor is None:
        return None
    return (
        f"A stack already runs in {layout.run} (supervisor: process {supervisor}): `python manage.py stack status` "
        "shows it, `python manage.py stack down` stops it."
    )


def directory_faults(layout: Layout) -> Iterator[str]:
    """What keeps the run directory, which is made where it is missing, from being used: one line each."""
    longest = max(len(str(layout.socket(name))) for name in (*INSTANCES, NGINX_STATUS, "exporter-nginx"))
    if longest > MAX_SOCKET_PATH:
        yield f"The path {layout.run} is too long for sockets: name a shorter run directory with EVERGREEN_RUN."
    try:
        layout.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        yield f"{layout.run} cannot be made ({error.strerror}): name another run directory with EVERGREEN_RUN."
        return
    if not os.access(layout.run, os.R_OK | os.W_OK | os.X_OK):
        yield f"{layout.run} is not writable for this user: change its owner, or name another with EVERGREEN_RUN."
        return
    yield from _memory_faults(layout)
    free = shutil.disk_usage(layout.run).free
    if free < MIN_FREE_BYTES:
        yield (
            f"The disk of {layout.run} has {free / 1e6:,.0f} MB left, and a start needs {MIN_FREE_BYTES / 1e6:,.0f}: "
            "make room, or name a directory on another disk with EVERGREEN_RUN."
        )
    foreign = next((path for path in layout.run.iterdir() if not os.access(path, os.R_OK | os.W_OK)), None)
    if foreign:
        yield f"{foreign} is not writable for this user: change its owner, or name another with EVERGREEN_RUN."


def _memory_faults(layout: Layout) -> Iterator[str]:
    # Any user may make a directory of this name there.
    if layout.memory.exists() and layout.memory.stat().st_uid != os.geteuid():
        yield f"{layout.memory} belongs to another user: remove it, or name another run directory with EVERGREEN_RUN."


def _address_faults(layout: Layout, kinds: tuple[str, ...]) -> Iterator[str]:
    addresses: dict[str, Address] = {**layout.redis, **layout.sentinels, NGINX: layout.nginx, **layout.monitors}
    if EXPORTER in kinds:
        # Where their metrics are.
        addresses |= layout.instances
    for name, address in addresses.items():
        fault = _address_fault(name, address) if kind(name) in kinds else None
        if fault:
            yield fault


def _address_fault(name: str, address: Address) -> str | None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            return _explained(name, address, error)
    return None


def _explained(name: str, address: Address, fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        remedy = "set EVERGREEN_PORT to another port" if name == NGINX else "set EVERGREEN_NETWORK, as in 127.30.0"
        return f"{address}, which {name} needs, is in use{_by_whom(address)}: stop that, or {remedy}."
    if fault.errno == errno.EADDRNOTAVAIL:
        return (
            f"{address.host}, which {name} needs, is no address of this machine. On macOS, add it with `sudo ifconfig "
            f"lo0 alias {address.host}`."
        )
    if fault.errno == errno.EACCES:
        return f"{address}, which {name} needs, is reserved for root: set EVERGREEN_PORT to one above 1023."
    return f"{address}, which {name} needs, cannot be used: {fault.strerror}."


def _by_whom(address: Address) -> str:
    """The process that listens there, as far as this user may see it."""
    inode = _listening_inode(address)
    if inode is None:
        return ""
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) == f"socket:[{inode}]":
                process = descriptor.parts[2]
                return f" by {Path('/proc', process, 'comm').read_text().strip()} (process {process})"
        except OSError:
            continue
    return ""


def _listening_inode(address: Address) -> str | None:
    table = Path("/proc/net/tcp")
    if not table.exists():
        return None
    wanted = {_as_in_table(host, address.port) for host in (address.host, "0.0.0.0")}
    for line in table.read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] in wanted and fields[3] == "0A":
            return fields[9]
    return None


def _as_in_table(host: str, port: int) -> str:
    return f"{int.from_bytes(socket.inet_aton(host), 'little'):08X}:{port:04X}"
