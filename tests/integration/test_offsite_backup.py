"""`manage.py backup` and `restore` with an object store, which is another machine to them."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import pyrage
import pytest

from configuration import ROOT
from devstack.temporary import free_port
from operations.monitoring_access import authorization
from tests.integration.auditing import a_shop, seeded
from tests.object_store import BUCKET, MISSING_BUCKET, faulty, serving
from tests.stack_fixtures import wait_until

CONTENTS = "4 users, 12 products, 20 purchases"
IDENTITY = pyrage.x25519.Identity.generate()
PASSWORD = "a password of the monitoring, long enough"


@pytest.fixture(scope="module")
def objects():
    with serving() as found:
        yield found


@pytest.fixture
def container(redis_stack):
    with a_shop(redis_stack) as made:
        seeded(made)
        yield made


@pytest.fixture
def target(container) -> str:
    return f"s3://{BUCKET}/{store_of(container)}"


def store_of(container) -> str:
    return container.keys.revision.partition("}")[0].removeprefix("{")


@pytest.fixture
def start(redis_stack, container, objects, tmp_path):
    """Starts a command of `manage.py`."""

    def started(*words: object, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *map(str, words)],
            cwd=ROOT,
            env={
                **os.environ,
                **redis_stack.environment,
                **objects.environment(tmp_path),
                "EVERGREEN_STORE": store_of(container),
                "EVERGREEN_BACKUP_RECIPIENTS": str(IDENTITY.to_public()),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return started


@pytest.fixture
def run(start):
    """Runs it, and returns exit status, output and errors."""

    def ran(*words: object, **environment: str) -> tuple[int, str, str]:
        process = start(*words, **environment)
        out, errors = process.communicate()
        return process.returncode, out, errors

    return ran


def test_a_backup_goes_to_the_bucket_and_is_listed_dated_and_verified_there(run, target, tmp_path):
    key = tmp_path / "key.txt"
    key.write_text(f"{IDENTITY}\n")
    status, out, _ = run("backup", EVERGREEN_BACKUP_TARGET=target)
    assert (status, bool(re.match(rf"{target}/\S+\.tar\.age: {CONTENTS}, ", out))) == (0, True)
    location = out.partition(": 4 users")[0]
    status, out, _ = run("backup", "--list", target)
    assert re.fullmatch(rf"{re.escape(location)}  \d{{4}}-\S+Z  [\d,]+ bytes  encrypted\n", out)
    assert run("backup", "--max-age", "1h", target)[0] == 0
    status, _, errors = run("backup", "--max-age", "1h", f"{target}/nowhere")
    assert (status, "has no backup of this store" in errors) == (1, True)
    status, out, _ = run("backup", "--verify", f"{target}/newest", "--identity", key)
    assert (status, f"newest: {CONTENTS}" in out) == (0, True)
    status, _, errors = run("restore", f"{target}/newest", "--identity", key)
    assert (status, "Nothing was restored" in errors) == (2, True), "the store is not empty"


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"EVERGREEN_S3_SECRET_KEY_FILE": "/dev/null"}, "belong together"),
        ({"EVERGREEN_BACKUP_TARGET": f"s3://{MISSING_BUCKET}/x"}, "no such bucket"),
        ({"EVERGREEN_BACKUP_TARGET": "s3:/backups"}, "give a directory or s3://bucket/prefix"),
    ],
)
def test_what_is_wrong_is_named_and_the_status_is_2_or_that_of_settings(run, environment, reason):
    status, _, errors = run("backup", **{"EVERGREEN_BACKUP_TARGET": f"s3://{BUCKET}/x", **environment})
    assert status != 0 and reason in errors


def test_a_backup_whose_surplus_cannot_be_removed_is_made_all_the_same(run, objects, target, tmp_path):
    with faulty(objects) as proxy:
        proxy.plan = lambda method, path, headers: (403, "AccessDenied") if method == "DELETE" else None
        variables = {"EVERGREEN_S3_ENDPOINT": proxy.endpoint}
        assert run("backup", target, **variables)[0] == 0
        status, _, errors = run("backup", target, "--keep", "1", **variables)
    assert (status, "The backup was made, and older ones could not be removed" in errors) == (3, True)
    assert len(run("backup", "--list", target)[1].splitlines()) == 2


def samples(port: int) -> dict[str, float]:
    """The metrics of the schedule, by name and labels."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics")
    request.add_header("Authorization", authorization(PASSWORD))
    with urllib.request.urlopen(request, timeout=5) as answer:
        lines = [line for line in answer.read().decode().splitlines() if line.startswith("evergreen_backup")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_a_schedule_serves_the_age_of_the_newest_backup_and_whether_the_last_turn_failed(start, objects, target):
    port = free_port()
    with faulty(objects) as proxy:
        process = start(
            *("backup", target, "--every", "1s", "--keep", "2", "--listen", f"127.0.0.1:{port}"),
            EVERGREEN_S3_ENDPOINT=proxy.endpoint,
            EVERGREEN_MONITORING_PASSWORD=PASSWORD,
        )
        assert CONTENTS in process.stdout.readline()
        wait_until(lambda: samples(port)["evergreen_backups"] >= 1)
        healthy = samples(port)
        proxy.plan = lambda method, path, headers: (403, "QuotaExceeded") if method == "PUT" else None
        wait_until(lambda: samples(port)["evergreen_backup_failed"] == 1)
        proxy.plan = lambda method, path, headers: None
        wait_until(lambda: samples(port)["evergreen_backup_failed"] == 0)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    assert healthy["evergreen_backup_failed"] == 0 and healthy["evergreen_backup_max_age_seconds"] == 26 * 3600
    assert healthy["evergreen_backup_newest_timestamp_seconds"] > 1.7e9 and healthy["evergreen_backup_newest_bytes"] > 0
    assert "the store is full, or its quota is used up" in errors and "The next turn tries again." in errors
    assert process.returncode == 130
