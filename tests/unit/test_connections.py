"""Slow clients: what counts as progress, and when a connection ends."""

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest

from evergreen import connections
from evergreen.connections import AnswerCutOff, Connection

DATA = b"a" * 1_000_000
#: More than one piece in which the system holds what a client has not taken.
SIP_BYTES = 50_000


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end of a connection, and the client's."""
    ours, client = socket.socketpair()
    with ours, client:
        client.setblocking(False)
        yield ours, client


def begun(ours: socket.socket) -> Connection:
    connection = Connection(ours, "", "", nullcontext)
    connection.begin()
    return connection


def full_waits(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> list[bool]:
    """Let each wait take no time but for what the client does meanwhile. Returns a list to which each wait adds whether
    there was room after it."""
    real, outcomes = select.poll, list[bool]()

    class Poll:
        def __init__(self) -> None:
            self._poll = real()

        def register(self, source: socket.socket, event: int) -> None:
            self._poll.register(source, event)

        def poll(self, _: float) -> list[tuple[int, int]]:
            meanwhile()
            found = self._poll.poll(0)
            outcomes.append(bool(found))
            return found

    monkeypatch.setattr(select, "poll", Poll)
    return outcomes


def test_a_client_that_takes_less_than_the_system_calls_room_is_not_cut_off(monkeypatch, ends):
    ours, client = ends
    received = 0

    def take() -> None:
        nonlocal received
        received += len(client.recv(SIP_BYTES))

    outcomes = full_waits(monkeypatch, take)
    begun(ours).sendall(DATA)
    assert {True, False} == set(outcomes)
    assert 0 < received < len(DATA)


def test_a_client_that_takes_nothing_is_cut_off(monkeypatch, ends):
    outcomes = full_waits(monkeypatch, lambda: None)
    with pytest.raises(AnswerCutOff, match="has taken nothing for 10 s"):
        begun(ends[0]).sendall(DATA)
    assert outcomes == [False]


def test_a_client_that_takes_a_whole_answer_too_slowly_is_cut_off(monkeypatch, ends):
    ours, client = ends
    full_waits(monkeypatch, lambda: client.recv(SIP_BYTES))
    monkeypatch.setattr(connections, "ANSWER_TIMEOUT_S", 0.0)
    with pytest.raises(AnswerCutOff, match="within 0 s"):
        begun(ours).sendall(DATA)


@contextmanager
def trickling(client: socket.socket) -> Iterator[None]:
    """Send a byte of a TLS record from time to time, and close after a while."""
    is_over = threading.Event()

    def send() -> None:
        client.sendall(b"\x16\x03\x01\x3f\xff")
        for _ in range(60):
            if is_over.wait(0.05):
                break
            client.sendall(b"\x01")
        client.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_a_handshake_that_trickles_in_ends_at_the_time_limit_of_the_request(monkeypatch, ends):
    ours, client = ends
    monkeypatch.setattr(connections, "REQUEST_TIMEOUT_S", 0.2)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with context.wrap_socket(ours, server_side=True, do_handshake_on_connect=False) as encrypted:
        connection = begun(encrypted)
        with trickling(client), pytest.raises(TimeoutError, match="neither sends nor takes"):
            connection.shake_hands()
