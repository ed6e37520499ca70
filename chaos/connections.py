"""A data node without a free connection: idle clients hold all of them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from exactly_once.client import Address, run_once
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError

#: Free connections that are left to be taken: a limit of thousands need not fit this process's own.
LEFT_FREE = 50
CONNECT_TIMEOUT_S, POLL_S = 0.5, 0.02
CONTROL_TIMEOUT_S, CONTROL_TRIES = 2.0, 20


@contextmanager
def full(address: Address, credentials: Credentials | None) -> Iterator[None]:
    """Take every free connection of the server, and each that becomes free, while the block runs."""
    before, connected = _limit(address, credentials)
    limit = min(before, connected + LEFT_FREE)
    _set_limit(address, limit, credentials)
    held: list[socket.socket] = []
    is_over = threading.Event()
    _take_all(address, held, limit)
    arguments = (address, held, limit, is_over)
    thread = threading.Thread(target=_take_repeatedly, args=arguments, name=f"connections-{address}")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        for connection in held:
            connection.close()
        _set_limit(address, before, credentials)


def _limit(address: Address, credentials: Credentials | None) -> tuple[int, int]:
    """The server's limit, and how many connections it has."""
    (_, limit), clients = run_once(
        address, ("CONFIG", "GET", "maxclients"), ("INFO", "clients"), credentials=credentials
    )
    connected = next(line for line in clients.splitlines() if line.startswith("connected_clients:"))
    return int(limit), int(connected.partition(":")[2])


def _set_limit(address: Address, limit: int, credentials: Credentials | None) -> None:
    """As soon as one of the connections that were closed is free; a server that was started anew has its own limit."""
    for _ in range(CONTROL_TRIES):
        with suppress(ServerError):
            command = ("CONFIG", "SET", "maxclients", limit)
            run_once(address, command, timeout=CONTROL_TIMEOUT_S, credentials=credentials)
            return


def _take_repeatedly(address: Address, held: list[socket.socket], limit: int, is_over: threading.Event) -> None:
    while not is_over.wait(POLL_S):
        _take_all(address, held, limit)


def _take_all(address: Address, held: list[socket.socket], limit: int) -> None:
    """As many as the server had at most: one that is started meanwhile has thousands."""
    while len(held) < limit and (connection := _take(address)):
        held.append(connection)


def _take(address: Address) -> socket.socket | None:
    """A connection that the server has accepted; None where it has none left, or does not run."""
    try:
        connection = socket.create_connection(address, CONNECT_TIMEOUT_S)
    except OSError:
        return None
    with suppress(OSError):
        connection.sendall(b"PING\r\n")
        # Not let in, and connected all the same.
        if connection.recv(64).startswith((b"+", b"-NOAUTH")):
            return connection
    connection.close()
    return None
