"""What a killed run of these tests leaves to the next one."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.capabilities import require
from tests.swarm.machines import BASES, MARK, remove_orphans, run


@pytest.fixture
def namespace_of():
    """Makes a namespace as the process with this id would, with a process in it."""
    require("swarm")
    made = {}

    def make(pid):
        name = f"{MARK.format(pid=pid)}9"
        run("ip", "netns", "add", name)
        made[name] = subprocess.Popen(["ip", "netns", "exec", name, "sleep", "60"])
        return name

    yield make
    for name, process in made.items():
        process.kill()
        process.wait()
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def test_machines_of_a_killed_run_are_ended_and_none_of_one_that_runs(namespace_of, ended_pid):
    orphan, live = namespace_of(ended_pid), namespace_of(os.getpid())
    files = Path(tempfile.mkdtemp(prefix=MARK.format(pid=ended_pid), dir=BASES[-1]))
    remove_orphans()
    namespaces = run("ip", "netns", "list").split()
    assert (orphan in namespaces, live in namespaces, files.exists()) == (False, True, False)
    assert run("ip", "netns", "pids", live).split() != []
