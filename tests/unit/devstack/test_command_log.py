"""What is written down about commands."""

import json
from pathlib import Path

import pytest

from devstack.command_log import record_command


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of commands of a stack that has run here."""
    monkeypatch.setenv("EVERGREEN_RUN", str(tmp_path))
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs" / "commands.log"


def run(*words: str, end: BaseException | None = None) -> None:
    with record_command(words):
        if end:
            raise end


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("create_staff", "--email", "ada@example.com"), "create_staff"),
        (("stack", "kill", "redis-1"), "stack kill redis-1"),
        (("stack", "logs", "-f"), "stack logs"),
        (("ada@example.com",), "unknown"),
        ((), "unknown"),
    ],
)
def test_a_command_is_written_down_by_its_name_alone(log: Path, words: tuple[str, ...], name: str):
    run(*words)
    line = json.loads(log.read_text())
    assert (line["event"], line["command"], line["status"], line["level"]) == ("command", name, 0, "info")
    assert line["seconds"] >= 0


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (SystemExit(2), 2),
        (SystemExit(None), 0),
        (SystemExit("what is wrong"), 1),
        (KeyboardInterrupt(), 130),
        (ValueError(), 1),
    ],
)
def test_how_it_ended_is_written_down_and_not_changed(log: Path, end: BaseException, status: int):
    with pytest.raises(type(end)):
        run("check_stock", end=end)
    assert json.loads(log.read_text())["status"] == status


def test_where_no_stack_has_run_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EVERGREEN_RUN", str(tmp_path))
    run("check_stock")
    assert list(tmp_path.iterdir()) == []


def test_settings_that_make_no_sense_are_for_the_command_to_complain_about(monkeypatch: pytest.MonkeyPatch, log: Path):
    monkeypatch.setenv("EVERGREEN_PORT", "none")
    run("check_stock")
    assert not log.exists()
