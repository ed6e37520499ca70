"""Connections, with somebody at the other end who is no server of ours."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from redis.exceptions import RedisError

from exactly_once import wire
from exactly_once.client import Address, Node, Nodes, run_once
from exactly_once.errors import Indeterminate, NotExecuted, ServerError
from exactly_once.wire import FRESH_S

TIMEOUT_S = 5


@pytest.fixture
def stranger():
    """An address at which every connection is answered by a web server's words."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT_S)

        def answer():
            caller, _ = listener.accept()
            with caller:
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                caller.settimeout(TIMEOUT_S)
                caller.recv(4096)

        thread = threading.Thread(target=answer)
        thread.start()
        yield Address(*listener.getsockname())
        thread.join()


def test_who_answers_nonsense_is_not_trusted_for_a_while(stranger):
    with closing(Nodes()) as nodes:
        with pytest.raises(ServerError):
            nodes[stranger].run(("PING",), timeout=TIMEOUT_S)
        assert nodes[stranger].is_suspect


@contextmanager
def server(reply: bytes | None) -> Iterator[Address]:
    """A server that sends this reply to its first request and hangs up; with None it sends nothing."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            if reply is None:
                done.wait()
            else:
                connection.sendall(reply)

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
    ("reply", "expected"),
    [
        (b"+OK\r\n", "OK"),
        (b":42\r\n", 42),
        (b"$5\r\na\r\nbc\r\n", "a\r\nbc"),
        (b"$-1\r\n", None),
        (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", ["a", [1]]),
    ],
)
def test_every_kind_of_reply_is_read(reply, expected):
    with server(reply) as address:
        assert run_once(address, ("PING",), timeout=TIMEOUT_S) == [expected]


def test_a_refused_command_has_its_error_in_its_place_among_the_replies():
    with server(b"-LOADING not yet\r\n:1\r\n") as address, closing(Node(address)) as node:
        refusal, reply = node.replies(("GET", "a"), ("WAIT", "1", "0"), timeout=TIMEOUT_S)
    assert isinstance(refusal, RedisError)
    assert reply == 1


@pytest.mark.parametrize("reply", [b"", b"$5\r\nab", b"+O"])
def test_a_reply_that_is_cut_off_is_indeterminate_and_no_timeout(reply):
    with server(reply) as address, pytest.raises(Indeterminate) as error:
        run_once(address, ("PING",), timeout=TIMEOUT_S)
    assert not error.value.timed_out


@pytest.mark.parametrize(
    ("pieces", "is_released"), [([b"+OK\r\n"], False), ([b"+O", b"K\r\n"], True)], ids=["at once", "late"]
)
def test_a_slot_is_released_while_a_reply_is_late(pieces, is_released):
    released = threading.Event()

    @contextmanager
    def release():
        released.set()
        yield

    def serve():
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            # It was released while the node connected.
            released.clear()
            connection.sendall(pieces[0])
            for piece in pieces[1:]:
                assert released.wait(TIMEOUT_S)
                connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with closing(Node(Address(*listening.getsockname()), release_slot=release)) as node:
            assert node.run(("PING",), timeout=TIMEOUT_S) == ["OK"]
        thread.join()
    assert released.is_set() is is_released


def test_a_slot_is_released_while_a_later_reply_of_the_same_message_is_late():
    released = threading.Event()

    @contextmanager
    def release():
        released.set()
        yield

    def serve():
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            released.clear()
            connection.sendall(b"+OK\r\n")
            assert released.wait(TIMEOUT_S)
            connection.sendall(b":2\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with closing(Node(Address(*listening.getsockname()), release_slot=release)) as node:
            assert node.run(("PING",), ("WAIT", 2, 0), timeout=TIMEOUT_S) == ["OK", 2]
        thread.join()


def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used_again():
    with socket.create_server(("127.0.0.1", 0)) as listening, closing(Node(Address(*listening.getsockname()))) as node:

        def serve():
            for _ in range(2):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"+OK\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert node.run(("PING",), timeout=TIMEOUT_S) == ["OK"]
        time.sleep(2 * FRESH_S)
        assert node.run(("PING",), timeout=TIMEOUT_S) == ["OK"]
        thread.join()


def test_a_server_that_does_not_reply_in_time_has_timed_out():
    with server(None) as address, pytest.raises(Indeterminate) as error:
        run_once(address, ("PING",), timeout=0.05)
    assert error.value.timed_out


@pytest.mark.parametrize(("timeout_s", "is_sent"), [(TIMEOUT_S, True), (1.0, False)])
def test_a_long_timeout_is_that_of_sending_too(monkeypatch, timeout_s, is_sent):
    monkeypatch.setattr(wire, "MAX_SEND_WAIT_S", 0.05)
    large, may_read = b"a" * 20_000_000, threading.Event()

    def serve():
        connection, _ = listening.accept()
        with connection:
            # Longer than MAX_SEND_WAIT_S, in which it takes nothing.
            may_read.wait(0.3 if is_sent else TIMEOUT_S)
            received = b"a"
            while received and not received.endswith(b"a\r\n"):
                received = connection.recv(1 << 20)
            if received:
                connection.sendall(b"+OK\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with closing(Node(Address(*listening.getsockname()))) as node:
            if is_sent:
                assert node.run(("SET", "a", large), timeout=timeout_s) == ["OK"]
            else:
                with pytest.raises(Indeterminate):
                    node.run(("SET", "a", large), timeout=timeout_s)
                may_read.set()
        thread.join()


def test_without_hiredis_commands_and_replies_are_the_same(monkeypatch):
    monkeypatch.setattr(wire, "hiredis", None)
    with server(b"+OK\r\n") as address, closing(Node(address)) as node:
        assert node.run(("SET", "a", 1, b"\x00", 0.5), timeout=TIMEOUT_S) == ["OK"]


def test_a_command_is_not_sent_where_connecting_took_all_its_time(monkeypatch):
    with server(b"+OK\r\n") as address, closing(Node(address)) as node:
        connect = node._connect

        def late():
            time.sleep(0.02)
            return connect()

        monkeypatch.setattr(node, "_connect", late)
        with pytest.raises(NotExecuted) as error:
            node.run(("PING",), timeout=0.01)
        assert error.value.timed_out
        # The connection is there for the next one.
        assert node.run(("PING",), timeout=TIMEOUT_S) == ["OK"]


def test_a_refused_connection_is_no_timeout():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = Address(*listening.getsockname())
    with pytest.raises(NotExecuted) as error:
        run_once(address, ("PING",))
    assert not error.value.timed_out


def test_an_address_is_written_as_it_is_read():
    assert str(Address.parse("127.20.0.11:6379")) == "127.20.0.11:6379"
    assert Address.parse_all("127.20.0.11:6379, [::1]:1")[1].port == 1
