"""Data nodes and Sentinels that are announced by addresses of Services replicate, and elect another primary. They run
as processes, not as Pods."""

import json
import subprocess
import sys

import pytest

from devstack import servers
from devstack.settings import Settings
from tests import capabilities
from tests.architecture.sources import ROOT

LIMIT_S = 200
NAMESPACES = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture(scope="module")
def seen(local, tmp_path_factory):
    """What tests.kubernetes.announced has seen."""
    capabilities.require("root")
    directory = tmp_path_factory.mktemp("announced")
    server = servers.find(Settings(run=directory)).redis
    module = (sys.executable, "-m", "tests.kubernetes.announced")
    words = [*NAMESPACES, *module, str(directory), str(local / "secrets"), str(server)]
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    logs = "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in sorted(directory.glob("*.log")))
    assert answer.returncode == 0, answer.stdout + answer.stderr + logs
    return json.loads((directory / "seen.json").read_text())


def test_every_sentinel_names_the_address_of_the_same_service(seen):
    primaries = {tuple(each) for each in seen["before"]}
    assert len(primaries) == 1
    assert primaries.pop()[0].startswith("10.96.0.1")


def test_both_replicas_have_a_write(seen):
    assert seen["copies"] == 2


def test_another_node_takes_writes_after_the_primary_was_killed(seen):
    assert seen["elected"].startswith("10.96.0.1")
    assert seen["elected"] != seen["before"][0][0]
    assert seen["took_s"] < 15


def test_the_other_replica_follows_by_the_address_of_a_service(seen):
    following = [role for role in seen["roles"] if role and role[0] == "slave"]
    assert [role[1] for role in following] == [seen["elected"]]
