"""Ports for servers that a test starts."""

import socket
from pathlib import Path

import pytest

from devstack import temporary

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_free_port_is_none_that_the_system_gives_to_a_connection():
    ports = {temporary.free_port() for _ in range(20)}
    assert len(ports) > 1
    assert max(ports) < int(EPHEMERAL.read_text().split()[0])


def test_a_port_with_a_listener_is_not_free(monkeypatch):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", temporary.free_port()))
        listener.listen()
        port = listener.getsockname()[1]
        monkeypatch.setattr(temporary, "FREE_PORTS", range(port, port + 1))
        with pytest.raises(temporary.NoFreePort):
            temporary.free_port()
