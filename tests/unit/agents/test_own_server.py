"""An agent calls the server beside it where that listens, and names it as it is announced."""

import socket
from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import pytest

from agents.own_server import NodesBeside, OwnServer
from exactly_once.client import Address
from exactly_once.errors import NotExecuted

ANNOUNCED, BIND = "127.20.9.1", "127.20.9.2"


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server that listens at BIND alone, and answers one PING a connection."""
    with socket.create_server((BIND, 0)) as listener:
        Thread(target=_serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            client.recv(1024)
            client.sendall(b"+PONG\r\n")


def test_a_server_is_called_where_it_listens_and_named_as_it_is_announced(port):
    with closing(OwnServer(Address(ANNOUNCED, port), BIND)) as server:
        assert server.run(("PING",), timeout=1.0) == ["PONG"]
        assert server.address == Address(ANNOUNCED, port)


def test_other_servers_are_called_at_their_announced_addresses(port):
    with closing(NodesBeside(Address(ANNOUNCED, 1), BIND)) as nodes:
        with pytest.raises(NotExecuted):
            nodes[Address(ANNOUNCED, port)].run(("PING",), timeout=1.0)
        assert nodes[Address(BIND, port)].run(("PING",), timeout=1.0) == ["PONG"]


def test_the_own_server_is_called_from_the_named_source(port):
    with closing(NodesBeside(Address(ANNOUNCED, port), BIND, BIND)) as nodes:
        assert nodes[Address(ANNOUNCED, port)].run(("PING",), timeout=1.0) == ["PONG"]
