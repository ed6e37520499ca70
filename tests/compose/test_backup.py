"""A backup made in a container brings everything back into empty volumes, as docs/deploy.md says."""

import re
import subprocess
from dataclasses import replace

import pyrage
import pytest

from configuration import ROOT
from tests.compose.containers import NODES, SENTINELS
from tests.object_store import BUCKET, REGION, serving
from tests.stack_fixtures import wait_until
from tests.system.shopping import check_what_was_sold, go_on

PREFIX = "shop"


def command(containers, *words, given=b""):
    """What a command in a container of its own writes, of what it is given. Nothing of it is text."""
    files = ("-f", "deploy/compose.yml", "--env-file", str(containers.env_file))
    run = ("run", "--rm", "-T", "--no-deps", "operator", "python", "manage.py")
    return subprocess.run(
        ["docker", "compose", *files, *run, *words],
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


@pytest.fixture
def objects(containers):
    """An object store on this machine, as containers call it."""
    with serving("0.0.0.0") as found:
        yield found, replace(found, endpoint=found.endpoint.replace("127.0.0.1", containers.host_address("nginx")))


def test_the_schedule_makes_encrypted_ones_in_an_object_store(containers, objects, staff):
    """And an operator can open the newest one, with the key that no container of the shop has."""
    product = staff.new_product(stock=3)
    found, as_called = objects
    identity = pyrage.x25519.Identity.generate()
    before = containers.env_file.read_text()
    containers.set(
        EVERGREEN_BACKUP_TARGET=f"s3://{BUCKET}/{PREFIX}",
        EVERGREEN_BACKUP_RECIPIENTS=str(identity.to_public()),
        EVERGREEN_S3_ENDPOINT=as_called.endpoint,
        EVERGREEN_S3_REGION=REGION,
        EVERGREEN_S3_ACCESS_KEY=as_called.access_key,
        EVERGREEN_S3_SECRET_KEY=as_called.secret_key,
    )
    try:
        assert containers.script("init").returncode == 0
        containers.compose("up", "-d", "--no-build", "--no-deps", "backup")
        wait_until(lambda: len(found.names(PREFIX)) == 1, 60)
        newest = f"s3://{BUCKET}/{PREFIX}/newest"
        words = ("backup", "--verify", newest, "--identity", "-")
        verified = command(containers, *words, given=f"{identity}\n".encode())
        assert re.search(rb"[1-9]\d* products", verified), verified
    finally:
        containers.compose("rm", "--stop", "--force", "backup")
        containers.env_file.write_text(before)
        assert containers.script("init").returncode == 0
    assert staff.stock(product) == 3
