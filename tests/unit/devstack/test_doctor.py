import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from devstack import doctor, process_records, supervision
from devstack.layout import Layout
from devstack.settings import Settings
from devstack.supervision import Process
from operations.doctor.diagnosis import Diagnosis, Level


@pytest.fixture
def layout(tmp_path) -> Layout:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Layout(settings=Settings(run=tmp_path / "run", network="127.19.7", port=port))


def started(layout: Layout) -> None:
    layout.run.mkdir()
    (layout.run / "supervisord.conf").touch()


def wrong(layout: Layout) -> list[Diagnosis]:
    return [line for line in doctor.diagnose(layout) if line.level is not Level.OK]


def test_where_no_stack_was_started_nothing_is_guessed_about_it(layout):
    (line,) = wrong(layout)
    assert (line.level, line.check) == (Level.UNKNOWN, "processes")
    assert not layout.run.exists()


def test_a_stack_that_does_not_run_is_found_and_who_has_its_port(layout):
    started(layout)
    with socket.create_server(("127.0.0.1", layout.settings.port)):
        stopped, taken = wrong(layout)
    assert (stopped.check, stopped.level, stopped.remedy) == ("processes", Level.PROBLEM, "`make run` starts it")
    assert (taken.check, taken.level) == ("ports", Level.PROBLEM)
    assert f"127.0.0.1:{layout.settings.port} is in use by " in taken.finding


def test_a_server_that_cannot_be_used_is_found(layout):
    started(layout)
    settings = Settings(run=layout.run, network="127.19.7", port=layout.settings.port, server="/bin/true")
    assert "programs" in [line.check for line in wrong(Layout(settings=settings))]


def test_files_that_were_set_aside_are_counted_and_named(layout):
    started(layout)
    node = layout.directory("redis-2")
    for directory in (node / "torn-1", node / "torn-2", node / "replaced-1", layout.run / "redis-2.damaged-1"):
        directory.mkdir(parents=True)
    lines = [line for line in wrong(layout) if line.check == "files"]
    assert [(line.level, line.subject) for line in lines] == [(Level.WARNING, "redis-2")] * 3
    assert lines[0].finding == f"2 times was cut back after its end was torn: {node}/torn-1, {node}/torn-2"
    assert f"{node}/replaced-1" in lines[1].finding
    assert f"{layout.run}/redis-2.damaged-1" in lines[2].finding


def running(monkeypatch, **states: tuple[str, timedelta]) -> None:
    """Processes that the supervisor speaks of: their states, and for how long they have been in them."""
    now = datetime.now(UTC)
    found = {
        name: Process(name=name, pid=1, state=state, since=now - age)
        for name, (state, age) in ((name.replace("_", "-"), each) for name, each in states.items())
    }
    monkeypatch.setattr(supervision, "processes", lambda layout: found)
    monkeypatch.setattr(supervision, "answers", lambda layout: True)


def test_processes_that_ended_or_were_restarted_are_found(layout, monkeypatch):
    started(layout)
    hour, moment = timedelta(hours=1), timedelta(seconds=5)
    running(monkeypatch, redis_1=("running", hour), redis_2=("fatal", hour), redis_3=("running", moment))
    found = [(line.check, line.subject, line.level) for line in wrong(layout)]
    assert found == [
        ("processes", "redis-2", Level.PROBLEM),
        ("processes", "redis-3", Level.WARNING),
        ("readiness", "", Level.UNKNOWN),
    ]


def test_a_stack_that_has_just_been_started_was_not_restarted(layout, monkeypatch):
    started(layout)
    running(monkeypatch, redis_1=("running", timedelta(seconds=9)), redis_2=("running", timedelta(seconds=5)))
    assert [line.check for line in wrong(layout)] == ["readiness"]


def test_an_instance_that_does_not_answer_is_found(layout, monkeypatch):
    started(layout)
    running(monkeypatch, api_1=("running", timedelta(hours=1)), nginx=("running", timedelta(hours=1)))
    assert [(line.check, line.subject) for line in wrong(layout)] == [
        ("readiness", "api-1"),
        ("readiness", "nginx"),
        ("request", "nginx"),
    ]


class Dated(BaseHTTPRequestHandler):
    """Answers as a server does whose clock is `ahead_s` ahead."""

    ahead_s = 0.0

    def do_GET(self) -> None:
        self.send_response_only(200)
        self.send_header("Date", formatdate(time.time() + self.ahead_s, usegmt=True))
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        return


@pytest.mark.parametrize(
    ("ahead_s", "found"),
    [
        (0.0, []),
        (0.9, []),
        (4.5, [(Level.WARNING, "ahead of")]),
        (-4.5, [(Level.WARNING, "behind")]),
        (120.0, [(Level.PROBLEM, "ahead of")]),
        (-120.0, [(Level.PROBLEM, "behind")]),
    ],
)
def test_a_clock_that_is_wrong_is_found_and_named(layout, monkeypatch, ahead_s, found):
    started(layout)
    running(monkeypatch, nginx=("running", timedelta(hours=1)))
    monkeypatch.setattr(Dated, "ahead_s", ahead_s)
    with ThreadingHTTPServer(layout.nginx, Dated) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        lines = wrong(layout)
        server.shutdown()
    assert [
        (line.level, direction) for line in lines for direction in ("ahead of", "behind") if direction in line.finding
    ] == found
    assert {(line.check, line.subject) for line in lines} <= {("clock", "nginx")}


def test_a_supervisor_that_is_gone_is_found(layout, monkeypatch):
    started(layout)
    running(monkeypatch, redis_1=("running", timedelta(hours=1)))
    monkeypatch.setattr(supervision, "answers", lambda layout: False)
    assert [(line.check, line.level) for line in wrong(layout)] == [
        ("supervisor", Level.PROBLEM),
        ("readiness", Level.UNKNOWN),
    ]


def test_processes_without_their_supervisor_are_known_by_their_records(layout):
    layout.run.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0) as process:
        process_records.write(layout.record("api-1"), process.pid)
        process_records.write(layout.record("api-2"), os.getpid())
        layout.record("api-2").write_text("1 1")
        found = supervision.processes(layout)
        with pytest.raises(supervision.SupervisorGone):
            supervision.restart(layout, "api-1")
        supervision.stop(layout)
        assert process.wait(10) == -signal.SIGTERM
    assert [(each.name, each.state, each.pid) for each in found.values()] == [
        ("api-1", "running", process.pid),
        ("api-2", "exited", 0),
    ]
    with pytest.raises(supervision.NotRunning):
        supervision.processes(layout)
