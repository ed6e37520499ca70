"""`init` as a program; `roll`, `scale` and `operate` against a kubectl that records what it is asked for."""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from tests.kubernetes.announced import NODES
from tests.kubernetes.manifests import COMPONENTS, KUBERNETES, parse, prepare, program, run

#: A cluster of three data nodes and three Sentinels, of which redis-$PRIMARY is primary until a Job fails over; then
#: redis-0 is, or redis-2 where it was redis-0 or redis-1. What is applied or scaled has as many Pods at once.
KUBECTL = """#!/bin/sh
echo "$*" >>"$STUB/calls"
case "$1 $2" in
  "apply -k")
    for kind in redis sentinel; do
      grep -A 2 "kind: StatefulSet, name: $kind" "$3/generated/kustomization.yaml" |
        sed -n 's/.*replicas, value: \\(.*\\)}$/\\1/p' >"$STUB/$kind"
    done
    exit ;;
esac
shift 2
case "$*" in
  "get pod $UNREADY -o jsonpath"*)
    echo look >>"$STUB/looks"
    [ "$(wc -l <"$STUB/looks")" -le "$UNREADY_LOOKS" ] && echo False || echo True ;;
  "get pod "*" -o name"*) [ "${3##*-}" -ge "$(cat "$STUB/${3%-*}")" ] || echo "pod/$3" ;;
  "get pod "*) echo True ;;
  "get statefulset "*) cat "$STUB/$3" ;;
  "get service redis-"*) echo "10.96.0.1${3#redis-}" ;;
  "get service sentinel-"*) echo "10.96.0.2${3#sentinel-}" ;;
  "get deployment "*) printf '%s\\n' deployment.apps/api deployment.apps/worker ;;
  "scale statefulset "*) echo "${4#--replicas=}" >"$STUB/$3" ;;
  "exec sentinel-"*" get-master-addr-by-name "*) echo "10.96.0.1$(cat "$STUB/primary")"; echo 6379 ;;
  "create job "*) echo '{"spec": {"template": {"spec": {"containers": [{"command": ["unset"]}]}}}}' ;;
  "patch --local "*) cat >/dev/null; printf '%s\\n' "$7" >"$STUB/patch"; echo "job $7" >>"$STUB/calls" ;;
  "create -f -")
    cat >/dev/null
    ! grep -q failover "$STUB/patch" || case $(cat "$STUB/primary") in
      0 | 1) echo 2 >"$STUB/primary" ;;
      *) echo 0 >"$STUB/primary" ;;
    esac ;;
  "logs --follow "*) echo "from the Job" ;;
  "get job "*) echo "$JOB" ;;
esac
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A directory with what kubectl was called with; variables UNREADY, for UNREADY_LOOKS, and JOB change what it
    answers. Nothing sleeps."""
    for name, text in (("kubectl", KUBECTL), ("sleep", "#!/bin/sh\n")):
        file = tmp_path / name
        file.write_text(text)
        file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("STUB", str(tmp_path))
    for name, value in (("redis", 3), ("sentinel", 3), ("primary", 1)):
        (tmp_path / name).write_text(f"{value}\n")
    monkeypatch.setenv("EVERGREEN_LOCAL", str(tmp_path / "local"))
    monkeypatch.setenv("UNREADY", "none")
    monkeypatch.setenv("UNREADY_LOOKS", "1000")
    monkeypatch.setenv("JOB", "1/")
    return tmp_path


def calls(stub):
    return (stub / "calls").read_text().splitlines()


def deleted(stub):
    """The Pods that were deleted and the Jobs that were made, in order."""
    steps = [line.split() for line in calls(stub)]
    return [words[4] if words[2] == "delete" else words[3] for words in steps if words[2:4] in ACTIONS]


ACTIONS = (["delete", "pod"], ["create", "job"])
#: What changes something, by a pattern of the call, and how a test names it.
STEPS = {
    r"job .*\"python\", \"manage.py\", (.*)\]\}\]": r"\1",
    r"apply -k \S+ --selector .* notin .*": "apply store",
    r"apply -k \S+": "apply all",
    r"--namespace evergreen (scale statefulset|delete pod|delete pvc|rollout status) (\S+).*": r"\1 \2",
}


def changes(stub):
    """The steps that change something, in order."""
    found = []
    for line in calls(stub):
        for pattern, name in STEPS.items():
            if match := re.fullmatch(pattern, line):
                found.append(match.expand(name).replace('"', "").replace(",", ""))
                break
    return found


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


def test_roll_waits_for_a_pod_that_is_not_ready_for_a_moment(stub, monkeypatch):
    monkeypatch.setenv("UNREADY", "sentinel-2")
    monkeypatch.setenv("UNREADY_LOOKS", "5")
    run(KUBERNETES / "roll", "sentinel")
    assert deleted(stub) == ["sentinel-0", "sentinel-1", "sentinel-2"]


def test_roll_does_not_replace_the_primary_where_the_failover_failed(stub, monkeypatch):
    monkeypatch.setenv("JOB", "/1")
    answer = subprocess.run([KUBERNETES / "roll", "redis"], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert deleted(stub) == ["redis-0", "redis-2", "job"]


def test_roll_refuses_what_it_does_not_know(stub):
    answer = subprocess.run([KUBERNETES / "roll", "exporter"], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert not (stub / "calls").exists()


@pytest.fixture
def scaled(stub, local):
    """Scales, and returns what was changed in the cluster, in order."""
    shutil.copytree(local, stub / "local")

    def scale(*words):
        run(KUBERNETES / "scale", *words)
        return changes(stub)

    return scale


CALLERS_RENEWED = ["apply all", "rollout status deployment.apps/api", "rollout status deployment.apps/worker"]


def setting(stub, name):
    return dict(line.split("=", 1) for line in (stub / "local" / "settings").read_text().splitlines())[name]


def test_a_data_node_is_announced_before_it_starts_and_counted_before_the_others_learn_of_it(stub, scaled):
    replaced = [f"delete pod redis-{number}" for number in (0, 2, 3)]
    assert scaled("redis", "4") == [
        "topology --announce 10.96.0.13:6379",
        "apply store",
        *CALLERS_RENEWED,
        *replaced,
        "failover",
        "delete pod redis-1",
        "topology --forget-stale",
    ]
    assert setting(stub, "EVERGREEN_REPLICAS") == "3"
    assert run(KUBERNETES / "scale", "redis").strip() == "4"


def test_two_data_nodes_are_both_announced_before_either_starts(scaled):
    announced = [f"topology --announce 10.96.0.1{number}:6379" for number in (3, 4)]
    assert scaled("redis", "5")[:3] == [*announced, "apply store"]


def test_the_last_data_node_hands_over_and_is_stopped_before_it_is_no_longer_counted(stub, scaled):
    (stub / "primary").write_text("2\n")
    assert scaled("redis", "2") == [
        "failover",
        "resize_step spare 10.96.0.12:6379",
        "scale statefulset redis",
        "resize_step down 10.96.0.12:6379",
        "apply store",
        *CALLERS_RENEWED,
        "delete pod redis-1",
        "failover",
        "delete pod redis-0",
        "topology --forget-stale",
    ]
    assert setting(stub, "EVERGREEN_REPLICAS") == "1"


def test_an_interrupted_removal_is_completed_by_a_repeat(stub, scaled):
    """The Pod is gone, and the settings count it still."""
    (stub / "redis").write_text("2\n")
    steps = scaled("redis", "2")
    assert steps[0] == "apply store"
    assert steps[-1] == "topology --forget-stale"
    assert setting(stub, "EVERGREEN_REPLICAS") == "1"


def test_sentinels_are_added_one_by_one_with_the_quorum_of_all(stub, scaled):
    steps = scaled("sentinel", "5")
    added = [step for number in (4, 5) for step in ("apply store", f"resize_step agreed --first {number}")]
    replaced = [f"delete pod sentinel-{number}" for number in range(5)]
    begun = [*added, "resize_step quorum 5", "apply store", *CALLERS_RENEWED]
    assert steps[: len(begun)] == begun
    assert steps[len(begun) :][:6] == ["topology --forget-stale", *replaced]
    assert setting(stub, "EVERGREEN_SENTINELS") == "5"


def test_sentinels_that_go_are_forgotten_with_what_they_knew(stub, scaled):
    (stub / "sentinel").write_text("5\n")
    steps = scaled("sentinel", "3")
    claims = [f"delete pvc data-sentinel-{number}" for number in (3, 4)]
    begun = ["resize_step quorum 3 --first 5", "apply store", *claims, *CALLERS_RENEWED, "topology --forget-stale"]
    assert steps[: len(begun)] == begun


def test_addresses_that_are_given_are_completed_by_those_of_the_cluster(stub, scaled):
    file = stub / "local" / "settings"
    given = "10.96.0.10:6379,10.96.0.11:6379,10.96.0.12:6379"
    file.write_text(file.read_text().replace("EVERGREEN_REDIS_NODES=", f"EVERGREEN_REDIS_NODES={given}"))
    scaled("redis", "4")
    assert setting(stub, "EVERGREEN_REDIS_NODES") == f"{given},10.96.0.13:6379"
    scaled("redis", "2")
    assert setting(stub, "EVERGREEN_REDIS_NODES") == f"{given},10.96.0.13:6379"


@pytest.mark.parametrize("words", [("redis", "6"), ("redis", "1"), ("redis", "x"), ("sentinel", "4"), ("api", "3")])
def test_scale_refuses_other_numbers(words, stub, scaled):
    with pytest.raises(AssertionError, match=r"There can be|Say"):
        scaled(*words)
    assert not (stub / "calls").exists()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("EVERGREEN_REPLICAS", {"EVERGREEN_REPLICAS": "5"}),
        ("EVERGREEN_SENTINELS", {"EVERGREEN_SENTINELS": "4"}),
        ("EVERGREEN_REDIS_NODES", {"EVERGREEN_REPLICAS": "3", "EVERGREEN_REDIS_NODES": NODES}),
    ],
    ids=["six data nodes", "four Sentinels", "fewer addresses than data nodes"],
)
def test_init_refuses_other_numbers(name, settings, local, tmp_path):
    shutil.copytree(local, tmp_path / "local")
    with pytest.raises(AssertionError, match=name):
        run(KUBERNETES / "init", EVERGREEN_LOCAL=str(tmp_path / "local"), **settings)


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
