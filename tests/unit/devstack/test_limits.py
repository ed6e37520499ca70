"""The limits of a stack: which use of them is a warning, and which a problem."""

import os
import resource
import shutil
import socket
from collections import namedtuple
from contextlib import ExitStack

import pytest

from devstack import limits
from devstack.layout import Layout
from operations.doctor.diagnosis import Diagnosis, Level

GIB = 2**30
Disk = namedtuple("Disk", "total used free")


def found(layout: Layout) -> list[tuple[str, str, Level]]:
    return [(line.check, line.subject, line.level) for line in lines(layout)]


def lines(layout: Layout) -> list[Diagnosis]:
    return [line for line in limits.diagnose(layout) if line.level is not Level.OK]


def disk_of(monkeypatch: pytest.MonkeyPatch, used: int, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(used + free, used, free))


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    disk_of(monkeypatch, 10 * GIB, 90 * GIB)


def test_a_stack_with_room_has_no_limit_that_is_close(layout):
    assert found(layout) == []


@pytest.mark.parametrize(
    ("used", "free", "level"),
    [
        (79 * GIB, 21 * GIB, Level.OK),
        (17 * GIB, 3 * GIB, Level.WARNING),
        (197 * GIB // 2, 3 * GIB // 2, Level.PROBLEM),
        (850 * GIB, 150 * GIB, Level.OK),
        (195 * GIB, 5 * GIB, Level.WARNING),
    ],
)
def test_a_disk_is_short_of_room_by_its_share_and_by_what_is_left(used, free, level):
    assert limits.disk_level(used, free) is level


def test_a_full_disk_is_a_problem_that_names_what_is_left(layout, monkeypatch):
    disk_of(monkeypatch, 99_000_000, 1_000_000)
    (line,) = lines(layout)
    assert (line.check, line.level, line.subject) == ("disk", Level.PROBLEM, str(layout.run))
    assert line.finding.startswith("1 MB are left")


def test_an_append_only_file_that_cannot_be_rewritten_is_a_warning(layout, monkeypatch):
    folder = layout.directory("redis-2") / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.1.base.rdb").write_bytes(bytes(2000))
    disk_of(monkeypatch, 1000, 1999)
    assert found(layout) == [("disk", str(layout.run), Level.WARNING)]


def test_an_nginx_that_has_used_up_its_connections_is_found(layout, monkeypatch):
    monkeypatch.setattr(limits, "_pids", lambda layout, name: [os.getpid()] if name == "nginx" else [])
    layout.directory("nginx").mkdir(parents=True)
    (layout.directory("nginx") / "nginx.conf").write_text("events {\n    worker_connections 100;\n}\n")
    with ExitStack() as opened:
        for _ in range(100):
            opened.enter_context(socket.socket())
        assert found(layout) == [("files", "nginx", Level.PROBLEM)]


def test_a_process_near_its_open_files_is_found(layout, monkeypatch):
    monkeypatch.setattr(limits, "_pids", lambda layout, name: [os.getpid()] if name == "api-1" else [])
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as opened:
        files = [opened.enter_context(socket.socket()) for _ in range(100)]
        limit = int((files[-1].fileno() + 2) / 0.9)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
        try:
            assert found(layout) == [("files", "api-1", Level.WARNING)]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_instance_with_almost_as_many_waiting_writes_as_it_takes_is_found(layout, monkeypatch):
    metrics = {limits.WRITES: 350.0, limits.MAX_WRITES: 400.0}
    monkeypatch.setattr(limits, "_metrics", lambda layout, name: metrics if name == "api-2" else {})
    assert found(layout) == [("waiting-writes", "api-2", Level.WARNING)]
