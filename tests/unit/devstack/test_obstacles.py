import json

import pytest

from configuration import PROGRAM
from devstack import lifecycle, obstacles, supervision

REDIS = "17:M 28 Nov 2026 18:30:58.981"
DAMAGED = "/run/redis-2/appendonly.aof.2.incr.aof is damaged: Bad file format"


def line(event: str, level: str = "info", **fields: str) -> str:
    return json.dumps({"time": "2026-11-28T18:30:58Z", "level": level, "event": event, **fields})


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([line(DAMAGED, "error"), line("following nobody")], DAMAGED),
        ([f"{REDIS} # Can't open it: Permission denied", f"{REDIS} * Bye"], "Can't open it: Permission denied"),
        ([line("no other node"), f"{REDIS} * Connecting to PRIMARY 127.31.0.11:1"], "no other node"),
        ([f"{REDIS} * Server initialized"], "Server initialized"),
        ([line("exception", "error", exception="File x\nValueError")], "exception ValueError"),
        (["Traceback", "django.core.exceptions.ImproperlyConfigured: no Exception", ""],
         "django.core.exceptions.ImproperlyConfigured: no Exception"),
        ([], "its log says nothing"),
    ],
)  # fmt: skip
def test_the_reason_is_the_last_sentence_about_a_fault(tmp_path, lines, reason):
    log = tmp_path / "redis-2.log"
    log.write_text("\n".join(lines))
    assert obstacles.last_reason(log) == reason


def test_a_process_without_a_log_is_named_all_the_same(tmp_path):
    assert obstacles.last_reason(tmp_path / "none.log") == "its log says nothing"


def test_what_is_there_a_moment_later_is_no_obstacle(layout, monkeypatch):
    answers = iter([["api-2: not yet"], []])
    monkeypatch.setattr(obstacles, "find", lambda layout: next(answers))
    assert obstacles.wait_until_cleared(layout, 10) == []


def test_what_is_missing_after_the_time_is_named(layout, monkeypatch):
    monkeypatch.setattr(obstacles, "find", lambda layout: ["api-2: not there"])
    assert obstacles.wait_until_cleared(layout, 0) == ["api-2: not there"]


@pytest.fixture
def started(layout, monkeypatch) -> None:
    """A stack of which the supervisor knows two processes, and one does its part."""
    layout.logs.mkdir(parents=True)
    monkeypatch.setattr(supervision, "processes", lambda layout: {"redis-1": None, "redis-2": None, "prometheus": None})
    monkeypatch.setattr(supervision, "answers", lambda layout: True)
    monkeypatch.setattr(lifecycle, "does_its_part", lambda layout, name: name == "redis-1")


def test_a_process_that_does_not_do_its_part_is_named_with_the_reason_and_the_remedy(layout, started):
    layout.log("redis-2").write_text(f"{REDIS} # Write error: No space left on device\n")
    assert obstacles.find(layout) == [
        "redis-2: Write error: No space left on device. Make room on the disk; "
        f"`{PROGRAM} stack logs redis-2` has more."
    ]


def test_a_supervisor_that_ended_is_the_part_that_is_named(layout, started, monkeypatch):
    monkeypatch.setattr(supervision, "answers", lambda layout: False)
    layout.log("supervisor").write_text("Error: the directory cannot be used\n")
    (found,) = obstacles.find(layout)
    assert found.startswith("supervisor: Error: the directory cannot be used. ")
