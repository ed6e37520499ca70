"""The Pods of the manifests, run by podman, in namespaces of their own (tests/kubernetes/purchase.py).

What a kubelet, a controller and kube-proxy do is done here: a StatefulSet becomes Pods with ordinals, variables are
resolved, Secrets and claims become directories with the group of the Pod, probes are carried out, and the packet filter
translates the address of a Service to that of its Pod. Containers, security contexts, volumes and the shop are real."""

import base64
import copy
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.announced import command, until
from tests.kubernetes.manifests import Manifests, pod_template
from tests.kubernetes.podman import Podman

NETWORK, SUBNET, GATEWAY = "pods", "10.244.0.0/24", "10.244.0.1"
#: Among the addresses of Services, of which none has it.
CALLER = "10.96.255.1"
START_S = 240.0


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A Pod as a kubelet gets it. `address` changes when it comes back."""

    name: str
    workload: str
    address: str
    spec: Mapping[str, Any]
    labels: Mapping[str, str]

    @property
    def container(self) -> Mapping[str, Any]:
        (found,) = self.spec["containers"]
        return found


class Node:
    """One machine: what its kubelet, its kube-proxy and the controllers would do."""

    def __init__(self, directory: Path, manifests: Manifests) -> None:
        self.directory = directory
        self.podman = Podman(directory / "podman")
        self.pods: dict[str, Pod] = {}
        self._addresses = (f"10.244.0.{number}" for number in range(10, 250))
        self.show(manifests)

    @property
    def authority(self) -> Path | None:
        """The certificate of the authority, where the tiers have TLS."""
        path = self.directory / "local" / "certificates" / "ca.pem"
        return path if path.exists() else None

    def show(self, manifests: Manifests) -> None:
        """Have what starts from now on be as these manifests have it."""
        self.manifests = manifests
        self._hosts = {
            f"{name.upper().replace('-', '_')}_SERVICE_HOST": self.address_of(name)
            for name in manifests.names("Service")
        }

    def prepare(self) -> None:
        """The network, and the images from what `docker save` wrote."""
        command("ip", "link", "set", "lo", "up")
        # podman writes down there which addresses and namespaces are in use.
        command("mount", "-t", "tmpfs", "tmpfs", "/run")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self.podman("load", "--input", str(self.directory / "images.tar"), limit_s=START_S)
        self.podman("network", "create", "--subnet", SUBNET, "--gateway", GATEWAY, NETWORK)
        # What calls from this node itself needs a way to the Services, until the packet filter translates it.
        command("ip", "address", "add", f"{CALLER}/16", "dev", "lo")
        # A Pod that calls a Service whose Pod is on the same bridge gets its answer by the way it has asked.
        translated = ("-m", "conntrack", "--ctstate", "DNAT", "-j", "MASQUERADE")
        command("iptables", "-t", "nat", "-A", "POSTROUTING", *translated)

    def start(self, workload: str) -> list[Pod]:
        """All Pods of the workload, side by side, as `podManagementPolicy: Parallel` does."""
        objects = self.manifests.of("StatefulSet", "Deployment")
        found = next(each for each in objects if each["metadata"]["name"] == workload)
        return [self.run(found, number) for number in range(found["spec"].get("replicas", 1))]

    def run(
        self, workload: Mapping[str, Any], number: int, words: Sequence[str] = (), *, is_called: bool = True
    ) -> Pod:
        """A Pod of this workload that runs, with an address that no Pod had before; whether its Services lead to it."""
        name, template = workload["metadata"]["name"], pod_template(workload)
        pod = Pod(
            name=f"{name}-{number}",
            workload=name,
            address=next(self._addresses),
            spec=copy.deepcopy(template["spec"]),
            labels={**template["metadata"]["labels"], "statefulset.kubernetes.io/pod-name": f"{name}-{number}"},
        )
        if words:
            pod.container["command"] = list(words)
        self.pods[pod.name] = pod
        if is_called:
            self.call(pod)
        file = self.directory / f"{pod.name}.yaml"
        file.write_text(yaml.safe_dump(self._resolved(pod)))
        network = f"{NETWORK}:ip={pod.address},alias={pod.workload}"
        self.podman("kube", "play", "--network", network, *self._configmaps(), str(file))
        return pod

    def call(self, pod: Pod) -> None:
        """Have its Services lead to this Pod, and to no other one."""
        for service in self._services(pod):
            self._translate(service, pod)

    def end(self, pod: Pod) -> None:
        """End the Pod within its grace period. Pauses before that are short here."""
        for container in pod.spec["containers"]:
            command = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ())
            if command:
                short = [re.sub(r"^\d+$|(?<=sleep )\d+", "1", word) for word in command]
                self.podman.succeeds("exec", self.container(pod), *short, limit_s=START_S)
        self.podman("pod", "stop", "--time", str(pod.spec["terminationGracePeriodSeconds"]), pod.name)
        self.remove(pod)

    def remove(self, pod: Pod) -> None:
        """SIGKILL to the Pod's processes; its claim stays."""
        self.podman("pod", "rm", "--force", "--time", "0", pod.name)

    def wait_until_started(self, *pods: Pod) -> None:
        """Return when the probe of each has found it started, and, where it has one, ready."""
        for pod in pods:
            probes = [pod.container[kind] for kind in ("startupProbe", "readinessProbe") if kind in pod.container]
            assert probes, pod.name
            for probe in probes:
                until(lambda pod=pod, probe=probe: self.is_passed(pod, probe), START_S)

    def is_passed(self, pod: Pod, probe: Mapping[str, Any]) -> bool:
        """Whether the probe finds the container as it should be, within its time."""
        # Starting a process in a container takes podman a while of its own.
        limit_s = float(probe["timeoutSeconds"]) + 10
        if "exec" in probe:
            return self.podman.succeeds("exec", self.container(pod), *probe["exec"]["command"], limit_s=limit_s)
        get = probe["httpGet"]
        port = next(each["containerPort"] for each in pod.container["ports"] if each["name"] == get["port"])
        url = f"http://{pod.address}:{port}{get['path']}"
        return subprocess.run(["curl", "-fsS", "-m", str(limit_s), "-o", "/dev/null", url], check=False).returncode == 0

    def logs(self) -> str:
        """The last lines that each Pod has written."""
        return "\n".join(f"--- {name}\n{self._tail(pod)}" for name, pod in self.pods.items())

    def _tail(self, pod: Pod) -> str:
        try:
            return self.podman("logs", "--tail", "15", self.container(pod))
        except AssertionError as error:
            return str(error)

    def output(self, pod: Pod) -> str:
        """What a Pod that ends has written. Raises AssertionError where it fails."""
        status = self.podman("wait", self.container(pod)).strip()
        written = self.podman("logs", self.container(pod))
        assert status == "0", written
        return written

    def container(self, pod: Pod) -> str:
        """What podman calls the container of this Pod."""
        return f"{pod.name}-{pod.container['name']}"

    def _services(self, pod: Pod) -> Iterator[Mapping[str, Any]]:
        for service in self.manifests.of("Service"):
            spec = service["spec"]
            if spec.get("clusterIP") != "None" and spec["selector"].items() <= pod.labels.items():
                yield service

    def address_of(self, service: str) -> str:
        """The address of this Service; those of the store are in the manifests."""
        names = sorted(each["metadata"]["name"] for each in self.manifests.of("Service"))
        pinned = self.manifests.one("Service", service)["spec"].get("clusterIP")
        return pinned or f"10.96.1.{names.index(service) + 1}"

    def _translate(self, service: Mapping[str, Any], pod: Pod) -> None:
        address = self.address_of(service["metadata"]["name"])
        for port in service["spec"]["ports"]:
            protocol = port.get("protocol", "TCP").lower()
            target = next(
                each["containerPort"] for each in pod.container["ports"] if each["name"] == port["targetPort"]
            )
            # The newest first: the Pod may have come back with another address.
            rule = ("-d", address, "-p", protocol, "--dport", str(port["port"]), "-j", "DNAT")
            for chain in ("PREROUTING", "OUTPUT"):
                command("iptables", "-t", "nat", "-I", chain, *rule, "--to", f"{pod.address}:{target}")

    def _configmaps(self) -> list[str]:
        file = self.directory / "configmaps.yaml"
        file.write_text(yaml.safe_dump_all([dict(each) for each in self.manifests.of("ConfigMap")]))
        return ["--configmap", str(file)]

    def _resolved(self, pod: Pod) -> dict[str, Any]:
        """What podman is given: no reference that a kubelet resolves, and no probe, which are carried out here."""
        spec = {**pod.spec, "volumes": [self._volume(pod, each) for each in pod.spec.get("volumes", ())]}
        claims = (
            self.manifests.one("StatefulSet", pod.workload)["spec"].get("volumeClaimTemplates", ())
            if pod.workload in self.manifests.names("StatefulSet")
            else ()
        )
        spec["volumes"] += [self._directory(pod, each["metadata"]["name"], stays=True) for each in claims]
        for unused in ("affinity", "topologySpreadConstraints", "priorityClassName", "automountServiceAccountToken"):
            spec.pop(unused, None)
        container = {name: value for name, value in pod.container.items() if not name.endswith("Probe")}
        container |= {"env": [self._variable(pod, each) for each in container.get("env", ())]}
        container["image"] = f"localhost/{container['image']}"
        container["imagePullPolicy"] = "Never"
        # podman would open ports on the node, and has no part of a cluster to ask for the rest.
        for unused in ("ports", "lifecycle", "resources"):
            container.pop(unused, None)
        container["volumeMounts"] = [self._mount(pod, each, spec["volumes"]) for each in container["volumeMounts"]]
        # podman takes the user from the container alone.
        container["securityContext"] = {**pod.spec["securityContext"], **container["securityContext"]}
        container["securityContext"].pop("fsGroup", None)
        container["securityContext"].pop("fsGroupChangePolicy", None)
        spec["containers"] = [container]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod.name, "labels": dict(pod.labels)},
            "spec": spec,
        }

    def _variable(self, pod: Pod, variable: Mapping[str, Any]) -> Mapping[str, Any]:
        fields = {"metadata.name": pod.name, "status.podIP": pod.address}
        if "valueFrom" in variable:
            return {"name": variable["name"], "value": fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]}
        value = re.sub(r"\$\((\w+)\)", lambda found: self._hosts[found[1]], variable["value"])
        return {"name": variable["name"], "value": value}

    def _mount(self, pod: Pod, mount: Mapping[str, Any], volumes: list[dict[str, Any]]) -> Mapping[str, Any]:
        """The mount, where it is one of a directory of the volume by a volume of its own."""
        if "subPathExpr" not in mount:
            return mount
        assert mount["subPathExpr"] == "$(EVERGREEN_POD)"
        (volume,) = [each for each in volumes if each["name"] == mount["name"]]
        path = f"{volume['hostPath']['path']}/{pod.name}"
        volumes.append({"name": f"{mount['name']}-own", "hostPath": {"path": path, "type": "Directory"}})
        return {"name": f"{mount['name']}-own", "mountPath": mount["mountPath"], "readOnly": True}

    def _volume(self, pod: Pod, volume: Mapping[str, Any]) -> Mapping[str, Any]:
        if "emptyDir" in volume:
            # podman gives those of the same name to all Pods.
            return self._directory(pod, volume["name"], stays=False)
        if "secret" not in volume:
            return volume
        secret, source = self.manifests.one("Secret", volume["secret"]["secretName"])["data"], volume["secret"]
        made = self._directory(pod, volume["name"], stays=False)
        group = pod.spec["securityContext"]["fsGroup"]
        for item in source.get("items") or [{"key": key, "path": key} for key in secret]:
            file = Path(made["hostPath"]["path"], item["path"])
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(base64.b64decode(secret[item["key"]]))
            file.chmod(source["defaultMode"])
            os.chown(file, 0, group)
        return made

    def _directory(self, pod: Pod, name: str, *, stays: bool) -> dict[str, Any]:
        path = self.directory / "volumes" / pod.name / name
        if not stays:
            shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, 0, pod.spec["securityContext"]["fsGroup"])
        path.chmod(0o2770)
        return {"name": name, "hostPath": {"path": str(path), "type": "Directory"}}
