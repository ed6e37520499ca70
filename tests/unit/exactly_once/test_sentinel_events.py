"""Listening to Sentinels: real sockets, and somebody at the other end who says what a Sentinel says."""

import socket
import threading
from contextlib import closing

import pytest

from exactly_once.client import Address, Nodes
from exactly_once.sentinel_events import CHANNELS, SentinelEvents

TIMEOUT_S = 10
ANNOUNCEMENT = b"*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$9\r\nevergreen\r\n"


@pytest.fixture
def sentinel():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT_S)
        yield listener


@pytest.fixture
def heard(sentinel):
    event = threading.Event()
    address = Address(*sentinel.getsockname())
    with closing(SentinelEvents([address], Nodes(), event.set)) as announcements:
        announcements.start()
        yield event


def answered(sentinel):
    """A listener who has called and subscribed."""
    caller, _ = sentinel.accept()
    caller.settimeout(TIMEOUT_S)
    asked = b""
    while b"SUBSCRIBE" not in asked:
        asked += caller.recv(4096)
        if b"SUBSCRIBE" not in asked:
            caller.sendall(b"+OK\r\n" * asked.count(b"CLIENT"))
    assert all(channel.encode() in asked for channel in CHANNELS)
    return caller


def test_an_announcement_is_heard(sentinel, heard):
    with answered(sentinel) as caller:
        assert not heard.is_set()
        caller.sendall(ANNOUNCEMENT)
        assert heard.wait(TIMEOUT_S)


def test_a_sentinel_that_hung_up_is_called_again(sentinel, heard):
    answered(sentinel).close()
    with answered(sentinel) as caller:
        caller.sendall(ANNOUNCEMENT)
        assert heard.wait(TIMEOUT_S)


def test_one_that_gives_no_sign_of_life_is_called_again(sentinel, heard):
    with answered(sentinel) as silent, answered(sentinel) as caller:
        assert b"PING" in silent.recv(4096)
        caller.sendall(ANNOUNCEMENT)
        assert heard.wait(TIMEOUT_S)
