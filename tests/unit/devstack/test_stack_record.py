"""What a stack was started with is in its data directory."""

import json
import stat

import pytest

from devstack import stack_record, supervision
from devstack.layout import Layout
from devstack.settings import Misconfigured, Settings


@pytest.fixture
def started(tmp_path) -> Layout:
    """A stack on a port and a network of its own."""
    found = Layout(settings=Settings(run=tmp_path, network="127.30.0", port=9000, store="other", durability="fsynced"))
    stack_record.write(found)
    return found


@pytest.fixture
def running(started, monkeypatch) -> Layout:
    """The same, and its supervisor answers."""
    monkeypatch.setattr(supervision, "pid", lambda layout: 4711)
    return started


def test_the_record_can_be_read_by_its_owner_alone(started):
    assert stat.S_IMODE((started.run / "stack.json").stat().st_mode) == 0o600


def test_the_record_holds_no_secret(started):
    assert [name for name in json.loads((started.run / "stack.json").read_text()) if "SECRET" in name] == []


def test_a_command_addresses_the_stack_in_the_data_directory(started):
    assert stack_record.layout({"EVERGREEN_RUN": str(started.run)}) == started


def test_the_next_start_makes_backups_as_this_one_and_is_given_the_keys_anew(tmp_path):
    environ = {
        "EVERGREEN_RUN": str(tmp_path),
        "EVERGREEN_BACKUP_TARGET": "s3://bucket/shop",
        "EVERGREEN_BACKUP_EVERY": "6h",
        "EVERGREEN_S3_ENDPOINT": "https://objects.example",
        "EVERGREEN_S3_ACCESS_KEY": "the key",
        "EVERGREEN_S3_SECRET_KEY": "the secret",
    }
    started = stack_record.layout(environ)
    stack_record.write(started)
    found = stack_record.layout({"EVERGREEN_RUN": str(tmp_path)})
    assert found == started and found.settings.backups.variables["EVERGREEN_S3_ENDPOINT"] == "https://objects.example"
    assert "the " not in (tmp_path / "stack.json").read_text()


def test_a_variable_goes_before_the_record_of_a_stack_that_does_not_run(started, monkeypatch):
    monkeypatch.setattr(supervision, "pid", lambda layout: None)
    found = stack_record.layout({"EVERGREEN_RUN": str(started.run), "EVERGREEN_PORT": "9001"})
    assert (found.settings.port, found.settings.network) == (9001, "127.30.0")


def test_variables_that_contradict_a_running_stack_are_refused_all_at_once(running):
    environ = {"EVERGREEN_RUN": str(running.run), "EVERGREEN_PORT": "9001", "EVERGREEN_DURABILITY": "memory"}
    with pytest.raises(Misconfigured) as raised:
        stack_record.layout(environ)
    assert [line.partition(", and")[0] for line in str(raised.value).splitlines()] == [
        "EVERGREEN_PORT is '9001'",
        "EVERGREEN_DURABILITY is 'memory'",
    ]
    assert "was started with '9000': unset it to address that stack" in str(raised.value)


def test_variables_that_agree_with_a_running_stack_are_accepted(running):
    environ = {"EVERGREEN_RUN": str(running.run), "EVERGREEN_PORT": "9000", "EVERGREEN_NETWORK": "127.30.0"}
    assert stack_record.layout(environ) == running


def test_a_running_stack_without_a_record_is_contradicted_by_nothing(running):
    (running.run / "stack.json").unlink()
    assert stack_record.layout({"EVERGREEN_RUN": str(running.run), "EVERGREEN_PORT": "9001"}).settings.port == 9001
