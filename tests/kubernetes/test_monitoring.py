"""The component `monitoring`: Prometheus finds what runs, and has what rules and dashboards ask for."""

import base64
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests import capabilities
from tests.architecture.sources import ROOT
from tests.kubernetes.manifests import COMPONENT

SOURCE = ROOT / "monitoring"
#: Jobs of prometheus.yml that have nothing to ask here: the cluster has exporters of its machines,
#: and an autoscaler.
ABSENT = {"node", "autoscale"}
#: `kubectl apply` writes an object into an annotation of itself, and annotations have 256 KiB.
MAX_APPLIED_BYTES = 256 * 1024
JOB_SELECTOR = re.compile(r'job(=~?)\\?"([\w|.-]+)\\?"')


def files(manifests, configmap):
    """The files of a generated ConfigMap, whose name ends with a digest."""
    return next(
        each["data"]
        for each in manifests.of("ConfigMap")
        if re.fullmatch(rf"{configmap}-[a-z0-9]{{10}}", each["metadata"]["name"])
    )


def configuration(manifests):
    return yaml.safe_load(files(manifests, "prometheus")["prometheus.yml"])


@pytest.fixture(scope="module")
def prometheus(manifests):
    return configuration(manifests)


@pytest.fixture(scope="module")
def original():
    return yaml.safe_load((SOURCE / "prometheus" / "prometheus.yml").read_text("utf-8"))


def jobs(prometheus):
    return {each["job_name"]: each for each in prometheus["scrape_configs"]}


def asked(job):
    """Name and port of each Service that a job's targets are asked through, its redis_exporter included."""
    addresses = {(name, each["port"]) for each in job.get("dns_sd_configs", ()) for name in each["names"]}
    for each in job.get("static_configs", ()):
        for target in (*each["targets"], *filter(None, [each["labels"].get("__exporter__")])):
            name, _, port = target.partition(":")
            addresses.add((name, int(port)))
    return addresses


def targeted(manifests, name, port):
    """The component behind this port of a Service; None where there is none."""
    spec = next((each["spec"] for each in manifests.of("Service") if each["metadata"]["name"] == name), {})
    if port not in {each["port"] for each in spec.get("ports", ())}:
        return None
    return spec["selector"][COMPONENT]


def test_every_target_is_a_port_of_a_service_and_every_job_finds_its_own(manifests, prometheus):
    found = {name: {targeted(manifests, *address) for address in asked(job)} for name, job in jobs(prometheus).items()}
    expected = {name: {name} for name in found}
    expected["backup"] = {"backup-exporter"}
    expected["redis"], expected["sentinel"] = {"redis", "redis-exporter"}, {"sentinel", "redis-exporter"}
    assert found == expected


def test_what_comes_and_goes_is_found_by_the_addresses_of_all_its_pods(manifests, prometheus):
    for name in ("api", "worker", "nginx"):
        (search,) = jobs(prometheus)[name]["dns_sd_configs"]
        assert search["type"] == "A"
        (service,) = (manifests.one("Service", each)["spec"] for each in search["names"])
        assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)
        # A name in DNS leads past the ports of the Service: the port is that of the container.
        ports = {
            port["containerPort"]
            for container in dict(manifests.templates())[name]["spec"]["containers"]
            for port in container["ports"]
        }
        assert search["port"] in ports


def test_every_data_node_and_sentinel_is_a_target(numbered):
    for kind in ("redis", "sentinel"):
        replicas = numbered.one("StatefulSet", kind)["spec"]["replicas"]
        instances = [each["labels"]["instance"] for each in jobs(configuration(numbered))[kind]["static_configs"]]
        assert instances == [f"{kind}-{number}" for number in range(replicas)]


def test_redis_exporter_has_a_password_for_every_target(numbered):
    secret = numbered.one("Secret", "secrets")["data"]["redis_exporter_passwords"]
    known = json.loads(base64.b64decode(secret))
    for kind in ("redis", "sentinel"):
        for each in jobs(configuration(numbered))[kind]["static_configs"]:
            assert all(f"rediss://exporter@{target}" in known for target in each["targets"])


def test_every_target_has_an_instance(prometheus):
    for name, job in jobs(prometheus).items():
        labelled = all("instance" in each["labels"] for each in job.get("static_configs", [{"labels": {}}]))
        assert labelled or "instance" in {each["target_label"] for each in job["relabel_configs"]}, name


def test_every_job_that_rules_and_dashboards_name_is_scraped(manifests, prometheus):
    texts = [*files(manifests, "prometheus-rules").values(), *files(manifests, "grafana-dashboards").values()]
    named = {job for text in texts for _, names in JOB_SELECTOR.findall(text) for job in names.split("|")}
    assert {"api", "redis", "sentinel", "worker", "exporter"} <= named
    assert named - ABSENT <= set(jobs(prometheus))


def test_rules_and_dashboards_are_those_of_every_way_to_run(manifests):
    for configmap, pattern in (
        ("prometheus-rules", "prometheus/rules/*.yml"),
        ("grafana-dashboards", "grafana/dashboards/*.json"),
        ("grafana-providers", "grafana/provisioning/dashboards/*.yml"),
    ):
        paths = {path.name: path.read_text("utf-8") for path in SOURCE.glob(pattern)}
        assert paths
        assert files(manifests, configmap) == paths
    source = (SOURCE / "grafana/provisioning/datasources/prometheus.yml").read_text("utf-8")
    assert files(manifests, "grafana-datasources") == {"prometheus.yml": source}


def test_no_configmap_is_too_large_to_be_applied(manifests):
    for each in manifests.of("ConfigMap"):
        assert len(json.dumps(each, ensure_ascii=False).encode()) < MAX_APPLIED_BYTES, each["metadata"]["name"]


def differences(ours, theirs):
    """The fields in which two descriptions of targets differ, beyond where targets and the password are."""

    def comparable(fields):
        password = {**fields["basic_auth"], "password_file": Path(fields["basic_auth"]["password_file"]).name}
        password["password_file"] = password["password_file"].removeprefix("monitoring_")
        return {
            **{name: value for name, value in fields.items() if not name.endswith("_sd_configs")},
            "basic_auth": password,
        }

    ours, theirs = comparable(ours), comparable(theirs)
    ours.pop("static_configs", None)
    return {name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)}


def test_prometheus_differs_from_other_ways_to_run_by_where_things_are(prometheus, original):
    assert prometheus["global"] == original["global"]
    assert set(jobs(prometheus)) == set(jobs(original)) - ABSENT
    different = {name: differences(job, jobs(original)[name]) for name, job in jobs(prometheus).items()}
    followed = {"relabel_configs"}
    assert {name: fields for name, fields in different.items() if fields} == {
        "backup": followed | {"metric_relabel_configs"},
        **dict.fromkeys(("api", "worker", "nginx"), followed),
    }
    (ours,), (theirs,) = (each["alerting"]["alertmanagers"] for each in (prometheus, original))
    assert differences(ours, theirs) == set()


def test_each_image_is_the_one_that_compose_runs(manifests):
    services = yaml.safe_load((ROOT / "deploy/compose.yml").read_text("utf-8"))["services"]
    for name in ("prometheus", "alertmanager", "grafana", "redis-exporter", "nginx-exporter"):
        pinned = re.sub(r"^\$\{\w+:-(.+)\}$", r"\1", services[name]["image"])
        images = {container["image"] for _, container in manifests.containers() if container["name"] == name}
        assert images == {pinned}


def test_what_is_named_on_a_command_line_is_mounted(manifests):
    for name, container in manifests.containers():
        mounts = {mount["mountPath"] for mount in container.get("volumeMounts", ())}
        for word in container.get("args", ()):
            path = word.partition("=")[2]
            if path.startswith("/"):
                assert any(path == mount or path.startswith(f"{mount}/") for mount in mounts), (name, word)


def test_what_asks_for_the_password_has_the_file_that_says_so(manifests):
    """It is written by a container that ends before: into the volume that the program reads, which others do not."""
    asking = {"prometheus": "prometheus", "alertmanager": "alertmanager", "nginx": "nginx-exporter"}
    for workload, program in asking.items():
        spec = dict(manifests.templates())[workload]["spec"]
        (writer,) = (each for each in spec["initContainers"] if each["name"] == "access")
        (reader,) = (each for each in spec["containers"] if each["name"] == program)
        assert f"--web.config.file={writer['command'][-1]}" in reader["args"]
        for container in (writer, reader):
            assert {"access": "/etc/monitoring"}.items() <= {
                mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]
            }.items()


def test_alerts_are_delivered_as_the_settings_say(manifests):
    spec = dict(manifests.templates())["alertmanager"]["spec"]
    (writer,) = (each for each in spec["initContainers"] if each["name"] == "alerting")
    (reader,) = spec["containers"]
    assert f"--config.file={writer['command'][-1]}" in reader["args"]
    settings = manifests.one("ConfigMap", writer["envFrom"][0]["configMapRef"]["name"])["data"]
    assert {"EVERGREEN_ALERT_TO", "EVERGREEN_ALERT_SMTP", "EVERGREEN_ALERT_WATCHDOG_URL"} <= set(settings)


def test_the_age_of_backups_is_asked_for_where_they_are_stored(manifests, prometheus):
    """Its alert asks for two metrics, which the job has; whatever else its target exports is another job's."""
    (relabel,) = jobs(prometheus)["backup"]["metric_relabel_configs"]
    rules = yaml.safe_load(files(manifests, "prometheus-rules")["backup.yml"])["groups"][0]["rules"]
    metrics = set(re.findall(r"evergreen_\w+", next(each["expr"] for each in rules if each["alert"] == "BackupTooOld")))
    assert len(metrics) == 2
    assert all(re.fullmatch(relabel["regex"], metric) for metric in metrics)
    assert not re.fullmatch(relabel["regex"], "evergreen_store_primaries")
    (watching,) = dict(manifests.templates())["backup-exporter"]["spec"]["containers"]
    (making,) = dict(manifests.templates())["backup"]["spec"]["containers"]
    assert watching["envFrom"] == making["envFrom"]
    assert "EVERGREEN_BACKUP_TARGET" not in {each["name"] for each in (*watching["env"], *making["env"])}


def test_promtool_takes_the_configuration_and_the_rules(manifests, prometheus, tmp_path):
    promtool = capabilities.program("promtool")
    if promtool is None:
        capabilities.require("prometheus")
    text = files(manifests, "prometheus")["prometheus.yml"]
    assert "/etc/rules/*.yml" in text
    (tmp_path / "password").write_text("password")
    (tmp_path / "prometheus.yml").write_text(
        text.replace("/etc/rules", str(tmp_path / "rules")).replace(
            "/run/secrets/monitoring_password", str(tmp_path / "password")
        )
    )
    (tmp_path / "rules").mkdir()
    rules = files(manifests, "prometheus-rules")
    for name, content in rules.items():
        (tmp_path / "rules" / name).write_text(content)
    words = [promtool, "check", "config", str(tmp_path / "prometheus.yml")]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{len(rules)} rule files found" in answer.stdout
