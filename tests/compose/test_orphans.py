"""What a killed run of these tests leaves to the next one."""

import os

from tests.compose.engine import PROJECT, remove_orphans


def volumes(engine):
    return set(engine.docker("volume", "ls", "--format", "{{.Name}}").split())


def test_what_a_killed_run_left_is_removed_and_nothing_of_one_that_runs(engine, ended_pid):
    orphan, live = (f"{PROJECT.format(pid=pid)}abcd_redis-1" for pid in (ended_pid, os.getpid()))
    try:
        for name in (orphan, live):
            engine.docker("volume", "create", name)
        remove_orphans(engine)
        assert volumes(engine) & {orphan, live} == {live}
    finally:
        engine.docker("volume", "rm", "--force", orphan, live)
