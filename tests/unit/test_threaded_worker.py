"""The worker sends a response's head and body in one piece: a dying instance has sent both or neither."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from evergreen.threaded_worker import BufferedHead


@pytest.fixture
def ends() -> Iterator[tuple[BufferedHead, socket.socket]]:
    """A connection of a worker, and its client's end."""
    server, client = socket.socketpair()
    client.setblocking(False)
    with server, client:
        yield BufferedHead(server), client


def received(client: socket.socket) -> bytes:
    """What has arrived until now."""
    try:
        return client.recv(65536)
    except BlockingIOError:
        return b""


def test_the_head_is_sent_with_the_beginning_of_the_body(ends: tuple[BufferedHead, socket.socket]):
    connection, client = ends
    connection.sendall(b"head ")
    assert received(client) == b""
    connection.sendall(b"body")
    assert received(client) == b"head body"
    connection.sendall(b" and more")
    assert received(client) == b" and more"


def test_a_head_without_a_body_is_sent_once_at_the_end(ends: tuple[BufferedHead, socket.socket]):
    connection, client = ends
    connection.sendall(b"head")
    connection.flush()
    connection.flush()
    assert received(client) == b"head"


def test_a_file_is_sent_after_its_head(ends: tuple[BufferedHead, socket.socket], tmp_path: Path):
    connection, client = ends
    (tmp_path / "file").write_bytes(b"0123456789")
    connection.sendall(b"head ")
    with (tmp_path / "file").open("rb") as file:
        connection.sendfile(file, offset=2, count=5)
    connection.flush()
    assert received(client) + received(client) == b"head 23456"


def test_other_attributes_are_those_of_the_socket(ends: tuple[BufferedHead, socket.socket]):
    connection, client = ends
    assert connection.family is client.family
