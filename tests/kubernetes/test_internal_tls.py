"""The component internal-tls: who shows which certificate, and that nothing is called in plain text."""

import base64
import re

import pytest
import yaml
from cryptography import x509

from tests.kubernetes.announced import ENCRYPTED
from tests.kubernetes.manifests import KUBERNETES, TLS, prepare, run

DIRECTORY = "/run/certificates"
#: What calls data nodes and Sentinels, and shows no certificate of its own.
CLIENTS = ("worker", "exporter", "operator", "backup", "backup-exporter")


def container_of(manifests, workload):
    return dict(manifests.templates())[workload]["spec"]["containers"][0]


def values(container):
    return {each["name"]: each.get("value") for each in container.get("env", ())}


def certificates_of(manifests, workload):
    """The files that the workload's container finds in its directory, by name: keys of the Secret."""
    spec = dict(manifests.templates())[workload]["spec"]
    (mount,) = [each for each in spec["containers"][0]["volumeMounts"] if each["mountPath"] == DIRECTORY]
    (volume,) = [each for each in spec["volumes"] if each["name"] == mount["name"]]
    data = manifests.one("Secret", volume["secret"]["secretName"])["data"]
    items = volume["secret"].get("items") or [{"key": key, "path": key} for key in data]
    return mount, {item["path"]: data[item["key"]] for item in items}


def names(data):
    certificate = x509.load_pem_x509_certificate(base64.b64decode(data))
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}


@pytest.mark.parametrize("kind", ["redis", "sentinel"])
def test_each_server_of_the_store_has_a_certificate_for_the_address_that_it_is_announced_by(kind, numbered):
    mount, files = certificates_of(numbered, kind)
    assert mount["subPathExpr"] == "$(EVERGREEN_POD)"
    assert values(container_of(numbered, kind))["EVERGREEN_TIER_CERTIFICATE"] == f"{DIRECTORY}/tls"
    pods = [f"{kind}-{number}" for number in range(numbered.one("StatefulSet", kind)["spec"]["replicas"])]
    for pod in pods:
        # redis_exporter calls it by its name.
        assert names(files[f"{pod}/tls.pem"]) == {pod, numbered.one("Service", pod)["spec"]["clusterIP"]}
    assert set(files) == {f"{pod}/{name}" for pod in pods for name in ("tls.pem", "tls.key", "ca.pem")}


def test_an_instance_shows_the_name_that_nginx_and_prometheus_ask_for(encrypted):
    _, files = certificates_of(encrypted, "api")
    assert names(files["tls.pem"]) == {"api", "127.0.0.1"}
    assert values(container_of(encrypted, "api"))["GUNICORN_CERTIFICATE"] == f"{DIRECTORY}/tls"
    assert "proxy_ssl_name api;" in (KUBERNETES.parent / "nginx" / "serve").read_text()
    assert values(container_of(encrypted, "nginx"))["EVERGREEN_INSTANCE_SCHEME"] == "https"
    assert set(certificates_of(encrypted, "nginx")[1]) == {"ca.pem", "tls.pem", "tls.key"}


def test_no_probe_calls_an_instance_without_a_certificate(encrypted):
    container = container_of(encrypted, "api")
    for probe in (container[name] for name in container if name.endswith("Probe")):
        assert "httpGet" not in probe
        assert (KUBERNETES.parents[1] / probe["exec"]["command"][2]).is_file()


@pytest.mark.parametrize("workload", [*CLIENTS, "api"])
def test_what_calls_the_store_believes_the_authority_alone(workload, encrypted):
    assert values(container_of(encrypted, workload))["EVERGREEN_REDIS_CA_FILE"] == f"{DIRECTORY}/ca.pem"
    assert "ca.pem" in certificates_of(encrypted, workload)[1]


@pytest.mark.parametrize("workload", [*CLIENTS, "redis-exporter"])
def test_a_client_has_no_key(workload, encrypted):
    assert [name for name in certificates_of(encrypted, workload)[1] if name.endswith(".key")] == []


def test_the_key_of_the_authority_stays_where_it_was_made(encrypted, encrypted_local):
    assert (encrypted_local / "certificates" / "ca.key").is_file()
    assert [key for each in encrypted.of("Secret") for key in each["data"] if key.endswith("ca.key")] == []


def test_prometheus_calls_instances_and_the_store_by_tls(encrypted):
    spec = dict(encrypted.templates())["prometheus"]["spec"]
    (name,) = [each["configMap"]["name"] for each in spec["volumes"] if each["name"] == "configuration"]
    written = yaml.safe_load(encrypted.one("ConfigMap", name)["data"]["prometheus.yml"])
    jobs = {job["job_name"]: job for job in written["scrape_configs"]}
    assert jobs["api"]["scheme"] == "https"
    files = {value for name, value in jobs["api"]["tls_config"].items() if name.endswith("_file")}
    mounted = certificates_of(encrypted, "prometheus")[1]
    assert {name.removeprefix(f"{DIRECTORY}/") for name in files} == set(mounted) == {"ca.pem", "tls.pem", "tls.key"}
    for name in ("redis", "sentinel"):
        assert re.search(r"rediss://\$1", str(jobs[name]["relabel_configs"]))
    assert f"-tls-ca-cert-file={DIRECTORY}/ca.pem" in container_of(encrypted, "redis-exporter")["command"][-1]


def test_renewing_replaces_what_is_shown_and_not_who_is_believed(tmp_path):
    local = prepare(tmp_path, TLS, **ENCRYPTED)
    files = [local / "certificates" / name for name in ("redis-1/tls.pem", "api/tls.pem", "ca.pem")]
    before = [file.read_bytes() for file in files]
    run(KUBERNETES / "certificates", "renew", EVERGREEN_LOCAL=str(local))
    after = [file.read_bytes() for file in files]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True]


@pytest.mark.parametrize(
    ("components", "settings"),
    [((), {"EVERGREEN_INTERNAL_TLS": "on"}), ((TLS,), {}), ((TLS,), {"EVERGREEN_INTERNAL_TLS": "on"})],
    ids=["without the component", "without the setting", "without addresses"],
)
def test_half_of_it_is_refused(components, settings, tmp_path):
    with pytest.raises(AssertionError, match="EVERGREEN_INTERNAL_TLS"):
        prepare(tmp_path, *components, **settings)
