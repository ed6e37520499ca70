import json
import subprocess
import sys
from pathlib import Path

from devstack import process_records
from devstack import spawn as devstack_spawn
from devstack.settings import ROOT

TALK = "import sys; print(input() if sys.stdin.read(1) else 'output'); print('errors', file=sys.stderr)"


def spawn(
    directory: Path, *words: str, errors: str = "api-1.log", definition: Path | None = None
) -> subprocess.Popen[bytes]:
    command = devstack_spawn.command(
        record=directory / "record",
        output=directory / "api-1.log",
        errors=directory / errors,
        definition=definition,
        words=words,
    )
    return subprocess.Popen(command, cwd=ROOT)


def test_a_program_writes_to_its_own_log_and_keeps_the_recorded_id(tmp_path):
    process = spawn(tmp_path, sys.executable, "-c", TALK, errors="errors.log")
    assert process.wait(10) == 0
    assert (tmp_path / "api-1.log").read_text() == "output\n"
    assert (tmp_path / "errors.log").read_text() == "errors\n"
    record = process_records.read(tmp_path / "record")
    assert record and record.pid == process.pid


def test_a_log_goes_on_where_it_ended(tmp_path):
    (tmp_path / "api-1.log").write_text("before\n")
    assert spawn(tmp_path, sys.executable, "-c", TALK).wait(10) == 0
    assert sorted((tmp_path / "api-1.log").read_text().split()) == ["before", "errors", "output"]


def test_a_program_starts_without_a_log_and_a_record_where_neither_can_be_written(tmp_path):
    assert spawn(tmp_path / "missing" / "missing", sys.executable, "-c", "raise SystemExit(7)").wait(10) == 7


def test_a_program_that_does_not_exist_is_named_in_the_log(tmp_path):
    assert spawn(tmp_path, "/nonexistent/program").wait(10) == 127
    expected = "/nonexistent/program cannot be started: No such file or directory\n"
    assert (tmp_path / "api-1.log").read_text() == expected


def test_a_definition_replaces_the_program_and_adds_to_its_environment(tmp_path):
    program = {
        "command": [sys.executable, "-c", "import os; print(os.environ['ADDED'])"],
        "environment": {"ADDED": "5"},
    }
    (tmp_path / "definition.json").write_text(json.dumps(program))
    assert spawn(tmp_path, "/nonexistent/program", definition=tmp_path / "definition.json").wait(10) == 0
    assert (tmp_path / "api-1.log").read_text() == "5\n"


def test_without_the_file_of_a_definition_the_program_is_as_it_was(tmp_path):
    missing = tmp_path / "definition.json"
    assert spawn(tmp_path, sys.executable, "-c", "print(1)", definition=missing).wait(10) == 0
    assert (tmp_path / "api-1.log").read_text() == "1\n"
