"""The Pods are held to the level `restricted` of the Pod Security Standards, and to what goes beyond it here."""

import copy
import re

import pytest

#: What a Pod of this level may mount.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(template) -> list[str]:
    """What the level `restricted` forbids in this Pod template."""
    spec, found = template["spec"], []
    pod = spec.get("securityContext", {})
    found += [field for field in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if spec.get(field)]
    found += [f"volume {each['name']}" for each in spec.get("volumes", ()) if not set(each) - {"name"} <= VOLUMES]
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        own = container.get("securityContext", {})
        both = {**pod, **own}
        checks = {
            "privileged": own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
            "capabilities": own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"),
            "runAsNonRoot": both.get("runAsNonRoot") is not True,
            "runAsUser": both.get("runAsUser", 0) == 0,
            "seccompProfile": both.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"},
            "hostPort": any(port.get("hostPort") for port in container.get("ports", ())),
            "procMount": own.get("procMount", "Default") != "Default",
        }
        found += [f"{container['name']}: {name}" for name, is_forbidden in checks.items() if is_forbidden]
    return found


def test_every_pod_is_restricted(manifests):
    assert {name: violations(template) for name, template in manifests.templates() if violations(template)} == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec.update(hostNetwork=True),
        lambda spec: spec["volumes"].append({"name": "root", "hostPath": {"path": "/"}}),
        lambda spec: spec["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
        lambda spec: spec["containers"][0]["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
        lambda spec: spec["securityContext"].update(runAsUser=0),
        lambda spec: spec["securityContext"].pop("seccompProfile"),
    ],
)
def test_what_is_not_restricted_is_found(change, manifests):
    template = copy.deepcopy(dict(manifests.templates())["redis"])
    change(template["spec"])
    assert len(violations(template)) == 1


def test_the_namespace_enforces_it(manifests):
    labels = manifests.one("Namespace", "evergreen")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_container_writes_to_its_image_or_talks_to_the_cluster(manifests):
    for name, template in manifests.templates():
        assert template["spec"]["automountServiceAccountToken"] is False, name
    for name, container in manifests.containers():
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, name


def test_every_container_has_a_limit_of_memory_and_a_request_of_both(manifests):
    for name, container in manifests.containers():
        assert container["resources"]["limits"]["memory"], name
        assert set(container["resources"]["requests"]) >= {"cpu", "memory"}, name


def test_a_secret_is_a_file_and_never_a_variable(manifests):
    for name, container in manifests.containers():
        assert not [each for each in container.get("env", ()) if "secretKeyRef" in each.get("valueFrom", {})], name
        assert not [each for each in container.get("envFrom", ()) if "secretRef" in each], name


def text_of(spec, manifests) -> str:
    """All that the containers of a Pod are given to read: words, variables, and files of ConfigMaps."""
    configured = {volume["configMap"]["name"] for volume in spec.get("volumes", ()) if "configMap" in volume}
    files = [manifests.one("ConfigMap", name)["data"] for name in sorted(configured)]
    return str([spec.get("initContainers"), spec["containers"], files])


def test_a_container_gets_the_secrets_that_it_reads_and_no_others(manifests):
    """Those of the launchers are named in their code, by user."""
    by_launchers = {
        "redis": {"redis_acl", "redis_password_node", "redis_password_replica"},
        "sentinel": {"sentinel_acl", "redis_password_node", "redis_password_sentinel"},
    }
    for name, template in manifests.templates():
        mounted = {
            item["path"]
            for volume in template["spec"].get("volumes", ())
            if volume.get("secret", {}).get("secretName") == "secrets"
            for item in volume["secret"]["items"]
        }
        text = text_of(template["spec"], manifests)
        read = {path for path in mounted if re.search(rf"/run/secrets/{path}\b", text)}
        assert mounted == by_launchers.get(name, read), name
