"""Connections, with somebody at the other end who is no server of ours."""

import socket
import threading
from contextlib import closing

import pytest

from exactly_once.client import Address, Nodes
from exactly_once.errors import ServerError

PATIENCE = 5


@pytest.fixture
def stranger():
    """An address at which every connection is answered by a web server's words."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)

        def answer():
            caller, _ = listener.accept()
            with caller:
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                caller.settimeout(PATIENCE)
                caller.recv(4096)

        thread = threading.Thread(target=answer)
        thread.start()
        yield Address(*listener.getsockname())
        thread.join()


def test_who_answers_nonsense_is_not_trusted_for_a_while(stranger):
    with closing(Nodes()) as nodes:
        with pytest.raises(ServerError):
            nodes[stranger].run(("PING",), timeout=PATIENCE)
        assert nodes[stranger].is_suspect
