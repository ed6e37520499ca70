"""The stack file for Swarm: what it has of Compose, and what differs."""

import copy
import functools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from configuration import ROOT
from operations.swarm_checks import CHECKS
from operations.swarm_stack import Stack, StackError

MACHINES = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
SETTINGS = {"EVERGREEN_API_REPLICAS": "4", "EVERGREEN_MONITORING_ADDRESS": "10.0.0.1"}


@functools.cache
def parsed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yml").read_text("utf-8"))
    return found


def resolved(directory: Path) -> dict[str, Any]:
    """deploy/compose.yml as `docker compose config` prints it, as far as the stack reads that."""
    compose: dict[str, Any] = copy.deepcopy(parsed())
    secrets = directory / "secrets"
    secrets.mkdir()
    for name in compose["secrets"]:
        (secrets / name).write_text("" if name in {"smtp_password", "secret_key_fallbacks"} else f"secret {name}")
        compose["secrets"][name] = {"file": str(secrets / name)}
    for name in ("monitoring-access", "alerting"):
        (directory / "configs" / name).mkdir(parents=True)
        (directory / "configs" / name / "file.yml").write_text(name)
    (directory / "targets").mkdir()
    (directory / "targets" / "redis.json").write_text("[]")
    compose["name"] = "evergreen"
    for service in compose["services"].values():
        _resolve(service, directory)
    return compose | {"x-swarm": SETTINGS}


def _resolve(service: dict[str, Any], directory: Path) -> None:
    service["secrets"] = [
        {"source": each, "target": f"/run/secrets/{each}"} if isinstance(each, str) else each
        for each in service.get("secrets", ())
    ]
    volumes = []
    for each in service.get("volumes", ()):
        source, target, *_ = each.replace("${EVERGREEN_LOCAL:-./local}", str(directory)).split(":")
        is_path = source.startswith((".", "/"))
        path = str((ROOT / "deploy" / source).resolve()) if is_path else source
        volumes.append({"type": "bind" if is_path else "volume", "source": path, "target": target})
    service["volumes"] = volumes
    service["mem_limit"] = "536870912"
    service["ports"] = [{"target": 80, "published": "8080"}] if service.get("ports") else []
    service["environment"] = {
        **service.get("environment", {}),
        **({"REDIS_SENTINEL": _hosts(26379)} if "REDIS_SENTINEL" in service.get("environment", {}) else {}),
        **(
            {"EVERGREEN_REDIS_NODES": _hosts(6379)} if "EVERGREEN_REDIS_NODES" in service.get("environment", {}) else {}
        ),
    }


def _hosts(port: int) -> str:
    return ",".join(f"{host}:{port}" for host in MACHINES)


@pytest.fixture
def compose(tmp_path: Path) -> dict[str, Any]:
    return resolved(tmp_path)


def stack(compose: dict[str, Any], directory: Path, *only: str, stamp: str = "") -> dict[str, Any]:
    return Stack(compose, directory, stamp).file(only)


#: Service of the stack, and the one of Compose that it is made of.
PATTERNS = {
    **{f"{kind}-{n}": f"{kind}-{n}" for kind in ("redis", "sentinel") for n in (1, 2, 3)},
    "api": "api-1",
    "worker": "worker-1",
    "nginx": "nginx",
    "exporter": "exporter",
    "redis-exporter": "redis-exporter",
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
}
#: What a machine or a task decides, and a secret that is empty.
DIFFERENT = {
    *("EVERGREEN_ADDRESS", "EVERGREEN_INSTANCE", "GUNICORN_BIND", "EVERGREEN_INSTANCES_NAME"),
    *("EVERGREEN_NGINX_INSTANCES", "EVERGREEN_ACCESS_LOG", "SECRET_KEY_FALLBACKS_FILE"),
}
SAME = ("image", "command", "entrypoint", "user", "healthcheck", "init", "read_only", "cap_drop", "logging", "sysctls")


@pytest.mark.parametrize("name", PATTERNS)
def test_a_service_is_the_one_of_compose(compose, tmp_path, name):
    made, pattern = stack(compose, tmp_path)["services"][name], compose["services"][PATTERNS[name]]
    command = ("command",) if name == "exporter" else ()
    if name.rstrip("-0123456789") in CHECKS:
        # See test_no_health_check_fails_because_others_are_away.
        for each in (made, pattern):
            del each["healthcheck"]["test"]
    assert {key: made.get(key) for key in SAME if key not in command} == {
        key: pattern.get(key) for key in SAME if key not in command
    }
    assert {key: value for key, value in made["environment"].items() if key not in DIFFERENT} == {
        key: value for key, value in pattern["environment"].items() if key not in DIFFERENT
    }
    assert made["deploy"]["resources"]["limits"] == {"memory": pattern["mem_limit"], "pids": pattern["pids_limit"]}


def test_no_health_check_fails_because_others_are_away(compose, tmp_path):
    services = stack(compose, tmp_path)["services"]
    tests = {name: services[name]["healthcheck"]["test"][-1] for name in ("redis-1", "sentinel-2", "nginx", "api")}
    assert not [name for name, test in tests.items() if "healthy" in test and name != "api"]
    assert "/readyz" not in tests["nginx"]
    # An instance has been ready once, and is asked whether it lives from then on.
    assert tests["api"].index("-e /tmp/ready") < tests["api"].index("/livez") < tests["api"].index("/readyz")


def test_every_service_that_runs_in_compose_runs_here_or_is_named_as_left_out(compose, tmp_path):
    always = {name for name, service in compose["services"].items() if not service.get("profiles")}
    left_out = {"settings", "monitoring-access", "alerting", "nginx-exporter"}
    made = set(stack(compose, tmp_path)["services"])
    assert made == (always - left_out - {"api-1", "api-2", "worker-1", "worker-2"}) | {"api", "worker"}


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("kind", ["redis", "sentinel"])
def test_a_data_node_and_a_sentinel_have_the_address_network_and_volume_of_their_machine(
    compose, tmp_path, kind, number
):
    made = stack(compose, tmp_path)["services"][f"{kind}-{number}"]
    assert made["environment"]["EVERGREEN_ADDRESS"] == MACHINES[number - 1]
    assert list(made["networks"]) == ["host"]
    assert [mount["source"] for mount in made["volumes"] if mount["type"] == "volume"] == [f"{kind}-{number}"]
    label = {"redis": "data", "sentinel": "sentinel"}[kind]
    assert made["deploy"]["placement"]["constraints"] == [f"node.labels.evergreen.{label} == {number}"]


def test_no_service_has_a_virtual_address(compose, tmp_path):
    services = stack(compose, tmp_path)["services"].values()
    assert {service["deploy"]["endpoint_mode"] for service in services} == {"dnsrr"}
    assert {port["mode"] for service in services for port in service.get("ports", ())} == {"host"}


def test_nginx_runs_on_every_machine_at_the_edge_and_follows_the_name_of_the_instances(compose, tmp_path):
    made = stack(compose, tmp_path)["services"]["nginx"]
    assert made["deploy"]["mode"] == "global"
    assert made["environment"]["EVERGREEN_INSTANCES_NAME"] == "api"
    assert {each["target"] for each in made["configs"]} >= {"/etc/evergreen/serve", "/etc/evergreen/nginx.conf"}


def test_a_new_instance_serves_before_the_former_one_stops(compose, tmp_path):
    deploy = stack(compose, tmp_path)["services"]["api"]["deploy"]
    assert deploy["replicas"] == 4
    assert (deploy["update_config"]["order"], deploy["update_config"]["parallelism"]) == ("start-first", 1)


def test_everything_that_a_service_names_is_defined(compose, tmp_path):
    made = stack(compose, tmp_path)
    for service in made["services"].values():
        assert set(service["networks"]) <= set(made["networks"])
        assert {each["source"] for each in service["secrets"]} <= set(made["secrets"])
        assert {each["source"] for each in service["configs"]} <= set(made["configs"])
        volumes = {each["source"] for each in service["volumes"] if each["type"] == "volume"}
        assert volumes <= set(made["volumes"])


def test_an_empty_secret_is_left_out_with_the_variable_that_names_its_file(compose, tmp_path):
    made = stack(compose, tmp_path)["services"]["api"]
    assert "secret_key_fallbacks" not in {each["source"] for each in made["secrets"]}
    assert "SECRET_KEY_FALLBACKS_FILE" not in made["environment"]
    assert made["environment"]["SECRET_KEY_FILE"] == "/run/secrets/secret_key"


def test_another_content_of_a_secret_has_another_name_that_does_not_tell_of_it(compose, tmp_path):
    former = stack(compose, tmp_path)["secrets"]["redis_acl"]["name"]
    assert former == stack(compose, tmp_path)["secrets"]["redis_acl"]["name"]
    (tmp_path / "secrets" / "redis_acl").write_text("another one")
    later = stack(compose, tmp_path)["secrets"]["redis_acl"]["name"]
    assert later != former
    assert later.startswith("evergreen_redis_acl_")
    assert all(len(each["name"]) <= 64 for each in stack(compose, tmp_path)["configs"].values())


def test_a_part_of_the_stack_has_nothing_of_the_others(compose, tmp_path):
    made = stack(compose, tmp_path, "redis-2", stamp="7")
    assert list(made["services"]) == ["redis-2"]
    assert list(made["volumes"]) == ["redis-2"]
    assert made["configs"] == {}
    assert made["services"]["redis-2"]["labels"] == {"evergreen.rolled": "7"}


def test_there_are_as_many_data_nodes_and_sentinels_as_addresses(compose, tmp_path):
    five = ",".join(f"10.0.0.{n}:6379" for n in range(1, 6))
    compose["services"]["redis-1"]["environment"]["EVERGREEN_REDIS_NODES"] = five
    services = stack(compose, tmp_path)["services"]
    assert [name for name in services if name.startswith("redis-") and name[-1].isdigit()] == [
        f"redis-{n}" for n in range(1, 6)
    ]


@pytest.mark.parametrize("value", ["", "10.0.0.1", ",".join(["10.0.0.1:6379"] * 6)])
def test_addresses_that_cannot_be_used_are_refused(compose, tmp_path, value):
    compose["services"]["redis-1"]["environment"]["EVERGREEN_REDIS_NODES"] = value
    with pytest.raises(StackError, match="EVERGREEN_REDIS_NODES must name 1 to 5 addresses"):
        stack(compose, tmp_path)


def test_a_service_that_is_not_there_is_refused(compose, tmp_path):
    with pytest.raises(StackError, match="There is no service nothing"):
        stack(compose, tmp_path, "nothing")


def test_commands_of_an_operator_need_no_network_of_the_others(compose, tmp_path):
    made = Stack(compose, tmp_path).commands()
    assert set(made["services"]) == {"settings", "monitoring-access", "alerting", "operator", "autoscale"}
    assert made["services"]["operator"]["network_mode"] == "host"
    assert "networks" not in made["services"]["operator"]
    (mount,) = made["services"]["alerting"]["volumes"]
    assert mount == {"type": "bind", "source": str(tmp_path / "configs" / "alerting"), "target": "/etc/alertmanager"}
    # There is no network of the stack yet when the first of them runs; Compose looks for those of every other service.
    assert [name for name, each in made["services"].items() if each.get("networks") and not each.get("profiles")] == []


def test_what_decides_about_instances_joins_the_network_of_prometheus(compose, tmp_path):
    made, deployed = Stack(compose, tmp_path).commands(), stack(compose, tmp_path)
    autoscale, (network,) = made["services"]["autoscale"], made["networks"].items()
    assert autoscale["environment"]["EVERGREEN_AUTOSCALE_PROMETHEUS"] == "http://prometheus:9090"
    assert list(autoscale["networks"]) == [network[0]] == ["monitoring"]
    assert network[1] == {"external": True, "name": "evergreen_monitoring"}
    assert "monitoring" in deployed["services"]["prometheus"]["networks"]
    assert {name for name, each in deployed["networks"].items() if each.get("attachable")} == {"monitoring"}
    assert [each["source"] for each in autoscale["secrets"]] == ["monitoring_password"]
    assert not autoscale["volumes"]


def test_the_stack_file_is_json(compose, tmp_path):
    made = stack(compose, tmp_path)
    assert json.loads(json.dumps(made)) == made
