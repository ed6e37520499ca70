"""What is said to a node for a copy of its data, and what comes back, word by word."""

import socket
import threading
from collections.abc import Iterator

import pytest

from exactly_once.client import Address
from exactly_once.credentials import Credentials
from operations.backup.replication import CHUNK, CopyFailed, copy_data

MARK = b"m" * 40
DATA = bytes(range(256)) * 20


class ANode:
    """Says OK to every REPLCONF, and to SYNC what it is told to."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = Address(*self._listener.getsockname())
        self.heard: list[str] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        wire, _ = self._listener.accept()
        with wire, wire.makefile("rb") as lines:
            for line in lines:
                self.heard.append(line.decode().strip())
                if self.heard[-1] == "SYNC":
                    wire.sendall(self._answer)
                    return
                wire.sendall(b"+OK\r\n")


@pytest.fixture
def a_node() -> Iterator:
    nodes = []

    def answering(answer: bytes) -> ANode:
        nodes.append(ANode(answer))
        return nodes[-1]

    yield answering
    for node in nodes:
        node.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"$5120\r\n" + DATA,
        b"\n\n\n$5120\r\n" + DATA,
        b"$EOF:" + MARK + b"\r\n" + DATA + MARK,
        b"\n$EOF:" + MARK + b"\r\n" + DATA + MARK,
    ],
)
def test_a_copy_comes_by_its_length_or_up_to_a_mark_after_signs_of_life(a_node, tmp_path, answer):
    assert copy_data(a_node(answer).address, tmp_path / "copy") == len(DATA)
    assert (tmp_path / "copy").read_bytes() == DATA


def test_a_copy_of_many_parts_is_put_together(a_node, tmp_path):
    large = DATA * (3 * CHUNK // len(DATA))
    copy_data(a_node(b"$EOF:" + MARK + b"\r\n" + large + MARK).address, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == large


def test_a_node_is_told_not_to_count_us(a_node, tmp_path):
    node = a_node(b"$0\r\n")
    copy_data(node.address, tmp_path / "copy")
    assert node.heard == ["REPLCONF capa eof", "REPLCONF rdb-only 1", "SYNC"]


def test_a_node_is_asked_after_the_password_alone(a_node, tmp_path):
    (tmp_path / "password").write_text("secret")
    node = a_node(b"$5120\r\n" + DATA)
    copy_data(node.address, tmp_path / "copy", credentials=Credentials("backup", tmp_path / "password"))
    assert node.heard[0] == "AUTH backup secret"


def test_a_primary_lists_us_as_the_replica_that_it_knows(a_node, tmp_path):
    node = a_node(b"$0\r\n")
    copy_data(node.address, tmp_path / "copy", known_as=Address("10.0.0.2", 6379))
    assert node.heard[2:4] == ["REPLCONF ip-address 10.0.0.2", "REPLCONF listening-port 6379"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"-NOMASTERLINK Can't SYNC while not connected with my master\r\n", "NOMASTERLINK"),
        (b"$5120\r\n" + DATA[:-1], "early"),
        (b"$EOF:" + MARK + b"\r\n" + DATA, "early"),
        (b"", "ended"),
    ],
)
def test_a_copy_that_is_refused_or_cut_short_is_none(a_node, tmp_path, answer, reason):
    with pytest.raises(CopyFailed, match=reason):
        copy_data(a_node(answer).address, tmp_path / "copy")


def test_nobody_there_gives_no_copy(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address(*listener.getsockname())
    with pytest.raises(CopyFailed):
        copy_data(address, tmp_path / "copy")
