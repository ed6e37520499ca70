"""What the injector of the embedded topology does to files, processes, sockets and clocks."""

import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from chaos import append_only, clients, connections, duty_cycle, shifted_clock
from chaos.append_only import FileDamage
from exactly_once.client import Address
from shop import clock

COMMAND = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n"
WHOLE = COMMAND * 10


@pytest.fixture
def node(tmp_path):
    """The directory of a data node that has two files of commands."""
    directory = tmp_path / "appendonlydir"
    directory.mkdir()
    (directory / "appendonly.aof.manifest").write_text(
        "file appendonly.aof.9.base.rdb seq 9 type b\n"
        "file appendonly.aof.9.incr.aof seq 9 type i\n"
        "file appendonly.aof.10.incr.aof seq 10 type i\n"
    )
    for number in (9, 10):
        (directory / f"appendonly.aof.{number}.incr.aof").write_bytes(WHOLE)
    return tmp_path


def damaged(node, damage):
    append_only.damage(node, damage)
    older, last = (node / "appendonlydir" / f"appendonly.aof.{number}.incr.aof" for number in (9, 10))
    assert older.read_bytes() == WHOLE
    return last.read_bytes()


def test_a_torn_tail_leaves_every_whole_command(node):
    data = damaged(node, FileDamage.TORN_TAIL)
    assert data.startswith(WHOLE)
    assert len(WHOLE) < len(data) < len(WHOLE) + len(COMMAND) + 10


def test_a_cut_tail_loses_the_last_bytes(node):
    assert damaged(node, FileDamage.CUT_TAIL) == WHOLE[:-37]


def test_damage_in_the_middle_overwrites_the_beginning_of_a_command_and_leaves_the_end(node):
    data = damaged(node, FileDamage.MIDDLE)
    assert (len(data), data.count(b"*3\r\n")) == (len(WHOLE), 9)
    assert data.endswith(COMMAND)


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_slow_process_is_suspended_most_of_the_time_and_resumed_at_the_end():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        with duty_cycle.slow(process.pid):
            states = []
            for _ in range(20):
                time.sleep(0.03)
                states.append(state(process.pid))
        resumed = state(process.pid)
        process.kill()
    assert states.count("T") > 10
    assert resumed != "T"


def test_a_slow_process_may_end_meanwhile():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        with duty_cycle.slow(process.pid):
            process.kill()
            process.wait()
        assert process.returncode == -9


@pytest.fixture
def present(monkeypatch):
    """The true time; what the test shifts is put back."""
    monkeypatch.setattr(time, "time", time.time)
    monkeypatch.setattr(clock, "datetime", vars(clock)["datetime"])
    return time.time


@pytest.mark.parametrize("seconds", [120.0, -120.0])
def test_a_shifted_process_has_another_time_of_day(present, seconds):
    shifted_clock.shift(seconds)
    assert abs(time.time() - present() - seconds) < 5
    assert abs(clock.SystemClock().now().timestamp() - present() - seconds) < 5
    assert type(clock.SystemClock().now()).__name__ == "datetime"


def test_clients_hang_up_after_sending_a_whole_request():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        clients.hang_up(Address(*listener.getsockname()), 2)
        received = [_received(listener) for _ in range(2)]
    assert received[0].startswith(b"GET ")
    assert received[0].endswith(b"\r\n\r\n")
    assert received[1].startswith(b"POST ")
    assert received[1].endswith(clients.LARGE_BODY)


def _received(listener):
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as stream:
        return stream.read()


def test_a_server_that_does_not_run_has_no_connection_to_take():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = Address(*listener.getsockname())
    assert connections._take(address) is None
