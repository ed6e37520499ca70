"""The preflight check: what would keep the topology from starting."""

import errno
import os
import shutil
from collections.abc import Iterator, Sequence

from configuration import PROGRAM
from devstack import ports, supervision
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
        f"A stack already runs in {layout.run} (supervisor: process {supervisor}): `{PROGRAM} stack status` "
        f"shows it, `{PROGRAM} stack down` stops it."
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
    addresses: dict[str, Address] = {
        **layout.redis,
        **layout.sentinels,
        **layout.workers,
        NGINX: layout.nginx,
        **layout.schedules,
        **layout.monitors,
    }
    if EXPORTER in kinds:
        # Where their metrics are.
        addresses |= layout.instances
    faults = {name: ports.bind_fault(*address) for name, address in addresses.items() if kind(name) in kinds}
    in_use = [name for name, fault in faults.items() if fault and fault.errno == errno.EADDRINUSE]
    if in_use:
        yield _in_use(layout, [addresses[name] for name in in_use])
    for name, fault in faults.items():
        if fault and name not in in_use:
            yield _explained(name, addresses[name], fault)


def _in_use(layout: Layout, addresses: Sequence[Address]) -> str:
    """One line for all of them: a stack that runs already has every one."""
    network, port = layout.settings.network, layout.settings.port
    if addresses == [layout.nginx] or ports.is_in_use(ports.first_node(network), ports.FIRST_NODE_PORT):
        remedy = ports.remedy(network, port)
    else:
        remedy = f"stop that, or choose another network: EVERGREEN_NETWORK={ports.next_free_network(network)} make run"
    return f"{ports.describe(addresses)}: {remedy}."


def _explained(name: str, address: Address, fault: OSError) -> str:
    if fault.errno == errno.EADDRNOTAVAIL:
        return (
            f"{address.host}, which {name} needs, is no address of this machine. On macOS, add it with `sudo ifconfig "
            f"lo0 alias {address.host}`."
        )
    if fault.errno == errno.EACCES:
        return f"{address}, which {name} needs, is reserved for root: set EVERGREEN_PORT to one above 1023."
    return f"{address}, which {name} needs, cannot be used: {fault.strerror}."
