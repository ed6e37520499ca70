"""What a cluster answers to the kubectl of deploy/kubernetes/scale and roll, carried out on the Pods of a Node.

It does what the controllers of StatefulSets, Deployments and Jobs do, as far as these scripts need it: Pods by number,
those that are replaced on deletion, and those that are replaced because their template has changed."""

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from tests.kubernetes.manifests import COMPONENT, Manifests, parse, pod_template, program, run
from tests.kubernetes.pods import Node, Pod

OPERATOR = "operator"


class Cluster:
    """Answers by the first words of what kubectl is asked, without the namespace."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.requests: list[str] = []
        self._numbers = iter(range(100, 10_000))
        self._jobs: dict[str, Pod] = {}
        self._verbs: Mapping[str, Callable[..., str]] = {
            "apply": self._apply,
            "get": self._get,
            "scale": self._scale,
            "exec": self._exec,
            "delete": self._delete,
            "create": self._create,
            "patch": self._patch,
            "logs": self._logs,
            "wait": lambda *_: "",
            # What is applied here is in place when the answer is there.
            "rollout": lambda *_: "",
        }

    @contextmanager
    def serving(self, socket: Path) -> Iterator[None]:
        """Answer at a socket while a block runs."""
        with Listener(str(socket), "AF_UNIX") as listener:

            def serve() -> None:
                while True:
                    with listener.accept() as connection:
                        if not self._serve(connection):
                            return

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            yield

    def _serve(self, connection: Connection) -> bool:
        words, text = connection.recv()
        if words[:1] == ("--namespace",):
            words = words[2:]
        self.requests.append(" ".join(words))
        try:
            connection.send((0, self._verbs[words[0]](words[1:], text)))
        except AssertionError as error:
            connection.send((1, str(error)))
        return True

    def _apply(self, words: Sequence[str], _: str) -> str:
        """Objects of the components that a selector leaves out stay as they are."""
        applied = parse(run(program("kubectl"), "kustomize", words[1]))
        excluded = set(re.findall(r"[\w-]+", words[3].partition("notin")[2])) if "--selector" in words else set()
        former = self.node.manifests
        present = [each for each in applied.objects if _component(each) not in excluded]
        present += [each for each in former.objects if _component(each) in excluded]
        # A ConfigMap that nothing names any more stays: the name of each ends with its digest.
        stale = former.names("ConfigMap") - applied.names("ConfigMap")
        present += [each for each in former.of("ConfigMap") if each["metadata"]["name"] in stale]
        self.node.show(Manifests(present))
        for stateful in self.node.manifests.of("StatefulSet"):
            self._have(stateful)
        for deployment in self.node.manifests.of("Deployment"):
            if pod_template(deployment) != pod_template(former.one("Deployment", deployment["metadata"]["name"])):
                self._roll(deployment)
        return ""

    def _have(self, stateful: Mapping[str, Any]) -> None:
        """As many Pods as it says."""
        name, count = stateful["metadata"]["name"], stateful["spec"]["replicas"]
        for pod in self._pods(name):
            if int(pod.name.rpartition("-")[2]) >= count:
                self._end(pod)
        for number in range(count):
            if f"{name}-{number}" not in self.node.pods:
                self.node.run(stateful, number)

    def _roll(self, deployment: Mapping[str, Any]) -> None:
        """One new Pod for each, which is ready and gets requests before the former one ends."""
        for pod in self._pods(deployment["metadata"]["name"]):
            new = self.node.run(deployment, next(self._numbers), is_called=False)
            self.node.wait_until_started(new)
            self.node.call(new)
            self._end(pod)

    def _pods(self, workload: str) -> list[Pod]:
        return [pod for pod in list(self.node.pods.values()) if pod.workload == workload]

    def _end(self, pod: Pod) -> None:
        self.node.end(pod)
        del self.node.pods[pod.name]

    def _get(self, words: Sequence[str], _: str) -> str:
        kind, name = words[0], words[1]
        if kind == "statefulset":
            return str(self.node.manifests.one("StatefulSet", name)["spec"]["replicas"])
        if kind == "service":
            return self.node.address_of(name)
        if kind == "deployment":
            chosen = set(re.findall(r"[\w-]+", words[2].partition(" in ")[2]))
            found = (each for each in self.node.manifests.of("Deployment") if _component(each) in chosen)
            return "".join(f"deployment.apps/{each['metadata']['name']}\n" for each in found)
        if kind == "job":
            return "1/" if self._ended(name) else "/1"
        pod = self.node.pods.get(name)
        if "name" in words:
            return f"pod/{name}\n" if pod else ""
        return str(pod is not None and self.node.is_passed(pod, pod.container["readinessProbe"]))

    def _scale(self, words: Sequence[str], _: str) -> str:
        stateful: Any = self.node.manifests.one("StatefulSet", words[1])
        stateful["spec"]["replicas"] = int(words[2].partition("=")[2])
        self._have(stateful)
        return ""

    def _exec(self, words: Sequence[str], _: str) -> str:
        return self.node.podman("exec", self.node.container(self.node.pods[words[0]]), *words[2:])

    def _delete(self, words: Sequence[str], _: str) -> str:
        """A Pod comes back, as its StatefulSet is now; what a claim held is gone."""
        kind, name = words[0], words[1]
        if kind == "pvc":
            volume, _, pod = name.partition("-")
            shutil.rmtree(self.node.directory / "volumes" / pod / volume)
            return ""
        workload, _, number = name.rpartition("-")
        self._end(self.node.pods[name])
        self.node.run(self.node.manifests.one("StatefulSet", workload), int(number))
        return ""

    def _create(self, words: Sequence[str], text: str) -> str:
        if words[0] == "job":
            return json.dumps({"name": words[1]})
        job = json.loads(text)
        workload = self.node.manifests.one("CronJob", OPERATOR)
        self._jobs[job["name"]] = self.node.run(workload, next(self._numbers), job["command"])
        return ""

    def _patch(self, words: Sequence[str], text: str) -> str:
        (change,) = json.loads(words[words.index("-p") + 1])
        return json.dumps({**json.loads(text), "command": change["value"]})

    def _logs(self, words: Sequence[str], _: str) -> str:
        name = words[-1].removeprefix("job/")
        self._ended(name)
        return self.node.podman("logs", self.node.container(self._jobs[name]))

    def _ended(self, job: str) -> bool:
        """Whether it has done what it was for, when it has ended."""
        return self.node.podman("wait", self.node.container(self._jobs[job])).strip() == "0"


def _component(each: Mapping[str, Any]) -> str:
    return str(each["metadata"].get("labels", {}).get(COMPONENT, ""))
