import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agents.wire import Address, ErrorReply, Silent, Unreachable, exchange


@contextmanager
def server(answer: bytes | None) -> Iterator[Address]:
    """One that answers this to whatever it is sent, and hangs up; with None it says nothing."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            if answer is None:
                done.wait()
            else:
                connection.sendall(answer)

    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Address(*listening.getsockname())
        finally:
            done.set()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"+OK\r\n", "OK"),
        (b":42\r\n", 42),
        (b"$5\r\na\r\nbc\r\n", "a\r\nbc"),
        (b"$-1\r\n", None),
        (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", ["a", [1]]),
    ],
)
def test_every_kind_of_reply_is_read(answer, expected):
    with server(answer) as address:
        assert exchange(address, ("PING",)) == [expected]


def test_a_refused_command_is_answered_in_its_place():
    with server(b"-LOADING not yet\r\n:1\r\n") as address:
        refused, answered = exchange(address, ("GET", "a"), ("WAIT", "1", "0"))
    assert isinstance(refused, ErrorReply)
    assert answered == 1


@pytest.mark.parametrize("answer", [b"", b"$5\r\nab", b"+O"])
def test_an_answer_cut_off_is_no_answer(answer):
    with server(answer) as address, pytest.raises(Unreachable):
        exchange(address, ("PING",))


def test_who_does_not_answer_is_silent():
    with server(None) as address, pytest.raises(Silent):
        exchange(address, ("PING",), timeout=0.05)


def test_where_nobody_listens_nobody_is_reached_at_once():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = Address(*listening.getsockname())
    with pytest.raises(Unreachable) as fault:
        exchange(address, ("PING",))
    assert not isinstance(fault.value, Silent)


def test_an_address_is_written_as_it_is_read():
    assert str(Address.parse("127.20.0.11:6379")) == "127.20.0.11:6379"
