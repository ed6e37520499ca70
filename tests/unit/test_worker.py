"""An answer is sent in one piece, so that whoever dies has sent all of it or nothing."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from evergreen.worker import Joined


@pytest.fixture
def ends() -> Iterator[tuple[Joined, socket.socket]]:
    """A connection of a worker, and who is at its other end."""
    here, there = socket.socketpair()
    there.setblocking(False)
    with here, there:
        yield Joined(here), there


def heard(there: socket.socket) -> bytes:
    """What has come until now."""
    try:
        return there.recv(65536)
    except BlockingIOError:
        return b""


def test_the_head_waits_for_what_is_in_the_answer(ends: tuple[Joined, socket.socket]):
    joined, there = ends
    joined.sendall(b"head ")
    assert heard(there) == b""
    joined.sendall(b"body")
    assert heard(there) == b"head body"
    joined.sendall(b" and more")
    assert heard(there) == b" and more"


def test_a_head_alone_is_sent_at_the_end_and_once(ends: tuple[Joined, socket.socket]):
    joined, there = ends
    joined.sendall(b"head")
    joined.flush()
    joined.flush()
    assert heard(there) == b"head"


def test_a_file_comes_after_its_head(ends: tuple[Joined, socket.socket], tmp_path: Path):
    joined, there = ends
    (tmp_path / "file").write_bytes(b"0123456789")
    joined.sendall(b"head ")
    with (tmp_path / "file").open("rb") as file:
        joined.sendfile(file, offset=2, count=5)
    joined.flush()
    assert heard(there) + heard(there) == b"head 23456"


def test_it_is_the_connection_otherwise(ends: tuple[Joined, socket.socket]):
    joined, there = ends
    assert joined.family is there.family
