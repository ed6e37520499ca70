"""`roll`, `operate` and `init` as programs: the first two against a kubectl that records what it is asked for."""

import json
import os
import subprocess

import pytest
import yaml

from tests.kubernetes.manifests import COMPONENTS, KUBERNETES, parse, prepare, program, run

#: A cluster of three data nodes, of which redis-1 is primary until a Job of the operator begins; then redis-2 is.
KUBECTL = """#!/bin/sh
echo "$*" >>"$STUB/calls"
shift 2
case "$*" in
  "get pod $UNREADY -o"*) echo False ;;
  "get pod "*) echo True ;;
  "get service redis-"*) number=${3#redis-}; echo "10.96.0.1$number" ;;
  "exec sentinel-"*) if [ -e "$STUB/failed-over" ]; then echo 10.96.0.12; else echo 10.96.0.11; fi; echo 6379 ;;
  "create job "*) echo '{"spec": {"template": {"spec": {"containers": [{"command": ["unset"]}]}}}}' ;;
  "patch --local "*) cat >/dev/null; printf '%s\\n' "$7" >"$STUB/patch" ;;
  "create -f -") cat >/dev/null; : >"$STUB/failed-over" ;;
  "logs --follow "*) echo "from the Job" ;;
  "get job "*) echo "$JOB" ;;
esac
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A directory with what kubectl was called with; variables UNREADY and JOB change what it answers."""
    file = tmp_path / "kubectl"
    file.write_text(KUBECTL)
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("STUB", str(tmp_path))
    monkeypatch.setenv("UNREADY", "none")
    monkeypatch.setenv("JOB", "1/")
    return tmp_path


def calls(stub):
    return (stub / "calls").read_text().splitlines()


def deleted(stub):
    """The Pods that were deleted and the Jobs that were made, in order."""
    steps = [line.split() for line in calls(stub)]
    return [words[4] if words[2] == "delete" else words[3] for words in steps if words[2:4] in ACTIONS]


ACTIONS = (["delete", "pod"], ["create", "job"])


def test_roll_replaces_replicas_then_hands_over_then_replaces_the_former_primary(stub):
    run(KUBERNETES / "roll")
    assert deleted(stub) == ["redis-0", "redis-2", "job", "redis-1", "sentinel-0", "sentinel-1", "sentinel-2"]
    assert json.loads((stub / "patch").read_text())[0]["value"] == ["python", "manage.py", "failover"]


def test_roll_replaces_nothing_while_a_pod_is_not_ready(stub, monkeypatch):
    monkeypatch.setenv("UNREADY", "redis-2")
    answer = subprocess.run([KUBERNETES / "roll"], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert "redis-2 is not ready" in answer.stderr
    assert deleted(stub) == []


def test_roll_does_not_replace_the_primary_where_the_failover_failed(stub, monkeypatch):
    monkeypatch.setenv("JOB", "/1")
    answer = subprocess.run([KUBERNETES / "roll", "redis"], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert deleted(stub) == ["redis-0", "redis-2", "job"]


def test_roll_refuses_what_it_does_not_know(stub):
    answer = subprocess.run([KUBERNETES / "roll", "exporter"], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert not (stub / "calls").exists()


@pytest.mark.parametrize(("job", "status"), [("1/", 0), ("/1", 1)])
def test_operate_ends_as_its_job_does(job, status, stub, monkeypatch):
    monkeypatch.setenv("JOB", job)
    words = ["python", "manage.py", "check", 'a "quoted" \\ word']
    answer = subprocess.run([KUBERNETES / "operate", *words], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == status
    assert answer.stdout == "from the Job\n"
    assert json.loads((stub / "patch").read_text())[0]["value"] == words


def test_an_overlay_names_the_images_of_every_component(tmp_path):
    """In the order in which `init` writes the components."""
    local = prepare(tmp_path, EVERGREEN_VERSION="7")
    file = local / "kustomization.yaml"
    file.write_text(file.read_text().replace("  # - ", "  - "))
    assert len(yaml.safe_load(file.read_text())["components"]) == len(COMPONENTS) + 1
    manifests = parse(run(program("kubectl"), "kustomize", local))
    images = {container["image"] for _, container in manifests.containers() if "/" not in container["image"]}
    assert images == {"evergreen-api:7", "evergreen-redis:7", "evergreen-nginx:7"}


def test_keys_of_the_object_store_are_in_the_secret_alone(tmp_path):
    settings = {
        "EVERGREEN_BACKUP_TARGET": "s3://bucket/shop",
        "EVERGREEN_S3_ENDPOINT": "https://objects.example",
        "EVERGREEN_S3_ACCESS_KEY": "access",
        "EVERGREEN_S3_SECRET_KEY": "secret",
    }
    generated = prepare(tmp_path, **settings) / "generated"
    configured = (generated / "settings.env").read_text()
    assert "EVERGREEN_S3_ENDPOINT=https://objects.example\n" in configured
    assert "EVERGREEN_BACKUP_TARGET=s3://bucket/shop\n" in configured
    assert "_KEY=" not in configured
    assert (generated / "secrets" / "s3_secret_key").read_text() == "secret"
