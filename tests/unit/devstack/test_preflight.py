import contextlib
import os
import socket

import pytest

from devstack import preflight
from devstack.lifecycle import EVERYTHING
from devstack.preflight import faults


@pytest.fixture
def listener(layout):
    with socket.create_server(layout.redis["redis-2"]) as listening:
        yield listening


def test_nothing_is_in_the_way_of_a_topology_on_free_addresses(layout):
    assert faults(layout, EVERYTHING) == []


def test_an_address_in_use_is_named_with_who_uses_it_and_what_to_do(layout, listener):
    (fault,) = faults(layout, EVERYTHING)
    assert fault.startswith("127.24.0.12:6379 is in use by ")
    assert f"(process {os.getpid()})" in fault
    assert fault.endswith("EVERGREEN_NETWORK=127.24.1 make run.")


def test_a_stack_on_the_same_addresses_is_one_line_with_free_ones_beside_it(layout):
    with contextlib.ExitStack() as listeners:
        for address in (*layout.redis.values(), layout.nginx):
            listeners.enter_context(socket.create_server(address))
        (fault,) = faults(layout, EVERYTHING)
    assert fault.startswith("127.24.0.11:6379 (and 3 more of the stack's addresses) are in use by ")
    assert fault.endswith("EVERGREEN_RUN=.run-2 EVERGREEN_NETWORK=127.24.1 EVERGREEN_PORT=18081 make run.")


def test_only_what_is_to_run_is_looked_at(layout, listener):
    assert faults(layout, ("api", "nginx")) == []


def test_a_run_directory_that_cannot_be_made_is_one_line(layout):
    layout.run.parent.joinpath("run").write_text("a file")
    (fault,) = faults(layout, ())
    assert fault.endswith("name another run directory with EVERGREEN_RUN.")


def test_without_shared_memory_a_path_too_long_for_sockets_is_one_line(layout, monkeypatch):
    monkeypatch.setattr("devstack.layout.SHARED_MEMORY", layout.run / "missing")
    longer = type(layout)(settings=type(layout.settings)(run=layout.run / ("long" * 30)))
    (fault,) = faults(longer, ())
    assert "is too long for sockets" in fault


def test_a_disk_without_room_for_a_start_is_one_line_that_says_how_much_is_left(layout, monkeypatch):
    monkeypatch.setattr(preflight, "MIN_FREE_BYTES", 2**60)
    (fault,) = faults(layout, ())
    assert "MB left, and a start needs" in fault
    assert "make room" in fault


def test_a_directory_in_memory_that_another_user_made_is_one_line(layout, monkeypatch):
    layout.memory.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    try:
        (fault,) = faults(layout, ())
    finally:
        layout.memory.rmdir()
    assert fault.startswith(f"{layout.memory} belongs to another user: remove it")
