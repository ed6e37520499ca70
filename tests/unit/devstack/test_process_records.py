import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from agents.launch import is_running
from devstack import process_records
from devstack.process_records import Identity
from tests.stack_fixtures import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
SHELL = ["/bin/sh", "-c", "sleep 60 & echo; wait"]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP, process_group=0) as started:
        yield started
        started.kill()


def test_a_record_names_a_living_process(process, tmp_path):
    process_records.write(tmp_path / "pids" / "api-1", process.pid)
    found = process_records.read(tmp_path / "pids" / "api-1")
    assert found
    assert found.is_alive
    assert found.members == [process.pid]


def test_a_later_process_of_the_same_id_is_another_one(process):
    earlier = Identity(pid=process.pid, started="1")
    assert not earlier.is_alive
    assert earlier.members == []


def test_a_process_that_has_ended_and_is_not_reaped_is_not_alive(process):
    identity = process_records.identify(process.pid)
    process.kill()
    wait_until(lambda: identity is not None and not identity.is_alive)
    assert process_records.identify(process.pid) is None
    assert not is_running(process.pid)


def test_what_a_process_has_left_behind_in_its_group_is_found():
    with subprocess.Popen(SHELL, process_group=0, stdout=subprocess.PIPE) as shell:
        identity = process_records.identify(shell.pid)
        assert shell.stdout and identity
        shell.stdout.readline()
        shell.kill()
        shell.wait()
    (child,) = identity.members
    os.kill(child, 9)
    assert not identity.is_alive


@pytest.mark.parametrize("text", ["", "nonsense", "12x 7"])
def test_a_spoilt_record_names_no_process(tmp_path, text):
    (tmp_path / "api-1").write_text(text)
    assert process_records.read(tmp_path / "api-1") is None
