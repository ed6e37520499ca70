"""What `manage.py logs` says where there is something to follow, and where there is not."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

ID = "5" * 32
LINE = {"time": "2026-11-24T12:00:01.4Z", "event": "request", "request_id": ID, "method": "POST", "route": "auth-token"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run directory of a stack with one line in its logs."""
    monkeypatch.setenv("EVERGREEN_RUN", str(tmp_path))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "api-1.log").write_text(json.dumps({**LINE, "status": 401, "request_time": 0.0251}))
    return tmp_path


@pytest.mark.parametrize("given", [ID, f"urn:request:{ID}", f" {ID} "])
def test_a_request_is_found_by_what_an_answer_says_of_it(run: Path, capsys: pytest.CaptureFixture, given: str):
    call_command("logs", request=given)
    shown = capsys.readouterr().out
    assert [word in shown for word in (ID, "api-1", "POST auth-token", "401", "25.1")] == [True] * 5


def test_programs_get_json(run: Path, capsys: pytest.CaptureFixture):
    call_command("logs", request=ID, json=True)
    trace = json.loads(capsys.readouterr().out)
    assert trace["request_id"] == ID
    assert [(span["process"], span["status"], span["seconds"]) for span in trace["spans"]] == [("api-1", 401, 0.0251)]


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [("6" * 32, 1, "names request 6666"), ("ada@example.com", 2, "32 hexadecimal digits")],
)
def test_what_cannot_be_found_is_said_with_what_to_do(run: Path, given: str, status: int, says: str):
    with pytest.raises(CommandError, match=says) as raised:
        call_command("logs", request=given)
    assert raised.value.returncode == status


def test_where_no_stack_has_run_there_is_nothing_to_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EVERGREEN_RUN", str(tmp_path))
    with pytest.raises(CommandError, match="No stack has run here") as raised:
        call_command("logs", request=ID)
    assert raised.value.returncode == 2


def test_settings_that_make_no_sense_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EVERGREEN_PORT", "none")
    with pytest.raises(CommandError, match="EVERGREEN_PORT"):
        call_command("logs", request=ID)
