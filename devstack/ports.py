"""Addresses that are in use, the process that uses them, and the next free ones.

Nothing but the standard library is imported: `make run` looks here before anything is installed.
"""

import errno
import socket
from collections.abc import Sequence
from pathlib import Path

HOST = "127.0.0.1"
#: The first data node of a network: where it is free, no other stack is there.
FIRST_NODE, FIRST_NODE_PORT = 11, 6379
#: How many ports and networks after the one in use are tried.
MAX_TRIES = 50
MAX_PORT, MAX_NUMBER = 65535, 255


def conflict(network: str, port: int) -> str | None:
    """The line for a stack whose port or network is in use, with others that are free; None where nothing is."""
    wanted = ((first_node(network), FIRST_NODE_PORT), (HOST, port))
    in_use = [(host, number) for host, number in wanted if is_in_use(host, number)]
    return f"{describe(in_use)}: {remedy(network, port)}." if in_use else None


def describe(in_use: Sequence[tuple[str, int]]) -> str:
    """These addresses, of which there is one at least, and the process that uses the first."""
    (host, port), *others = in_use
    more = f" (and {len(others)} more of the stack's addresses)" if others else ""
    verb = "are" if others else "is"
    return f"{host}:{port}{more} {verb} in use{holder(host, port)}"


def remedy(network: str, port: int) -> str:
    """What starts a stack beside the one that has this network and this port, as far as they are in use."""
    if is_in_use(first_node(network), FIRST_NODE_PORT):
        variables = {"EVERGREEN_RUN": ".run-2", "EVERGREEN_NETWORK": next_free_network(network)}
    else:
        variables = {}
    if is_in_use(HOST, port):
        variables["EVERGREEN_PORT"] = next_free_port(port)
    words = " ".join(f"{name}={value}" for name, value in variables.items())
    return f"stop that, or start beside it: {words} make run"


def first_node(network: str) -> str:
    """The address of the first data node."""
    return f"{network}.{FIRST_NODE}"


def next_free_port(port: int) -> str:
    """The first port after this one without a listener; `PORT` where none of the next ones is free."""
    candidates = range(port + 1, min(port + MAX_TRIES, MAX_PORT) + 1)
    return next((str(number) for number in candidates if not is_in_use(HOST, number)), "PORT")


def next_free_network(network: str) -> str:
    """The first network after this one, by its third number, without a data node; `NETWORK` where none is free."""
    first, second, third = network.split(".")
    candidates = range(int(third) + 1, min(int(third) + MAX_TRIES, MAX_NUMBER) + 1)
    networks = (f"{first}.{second}.{number}" for number in candidates)
    return next((each for each in networks if not is_in_use(first_node(each), FIRST_NODE_PORT)), "NETWORK")


def is_in_use(host: str, port: int) -> bool:
    """Whether another process listens at this address."""
    fault = bind_fault(host, port)
    return fault is not None and fault.errno == errno.EADDRINUSE


def bind_fault(host: str, port: int) -> OSError | None:
    """Why no server can be started at this address; None where one can."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            return error
    return None


def holder(host: str, port: int) -> str:
    """The process that listens there, as far as this user may see it, as the end of a sentence."""
    inode = _listening_inode(host, port)
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


def _listening_inode(host: str, port: int) -> str | None:
    table = Path("/proc/net/tcp")
    if not table.exists():
        return None
    wanted = {_as_in_table(each, port) for each in (host, "0.0.0.0")}
    for line in table.read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] in wanted and fields[3] == "0A":
            return fields[9]
    return None


def _as_in_table(host: str, port: int) -> str:
    return f"{int.from_bytes(socket.inet_aton(host), 'little'):08X}:{port:04X}"
