"""A backup made in a container brings everything back into empty volumes, as docs/deploy.md says."""

import subprocess

from configuration import ROOT
from tests.compose.containers import NODES, SENTINELS
from tests.system.shopping import check_what_was_sold, go_on

RUN = ("run", "--rm", "-T", "--no-deps", "operator", "python", "manage.py")


def command(containers, *words, given=b""):
    """What a command in a container of its own writes, of what it is given. Nothing of it is text."""
    files = ("-f", "deploy/compose.yml", "--env-file", str(containers.env_file))
    return subprocess.run(
        ["docker", "compose", *files, *RUN, *words],
        cwd=ROOT,
        env=containers.engine.environment,
        input=given,
        capture_output=True,
        timeout=120,
        check=True,
    ).stdout


def test_every_volume_lost_and_everything_is_there_again(containers, load, staff):
    with load:
        go_on(load, 50)
    backup = command(containers, "backup", "-")
    command(containers, "backup", "--verify", "-", given=backup)
    containers.compose("down")
    names = [f"{containers.project}_{name}" for name in (*NODES, *SENTINELS)]
    containers.engine.docker("volume", "rm", *names)
    containers.up(*SENTINELS, *NODES)
    command(containers, "restore", "-", given=backup)
    containers.up()
    assert load.failures == []
    check_what_was_sold(load, staff)


def test_the_schedule_makes_one_at_once_and_keeps_it(containers):
    containers.compose("up", "-d", "--no-build", "backup")
    words = ("exec", "-T", "backup", "sh", "-c", "until ls /backups/*.tar; do sleep 0.2; done")
    assert "/backups/evergreen-" in containers.compose(*words, timeout_s=60)
    containers.compose("rm", "--stop", "--force", "backup")
