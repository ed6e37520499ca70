"""The manifests for Kubernetes, rendered as `kubectl apply -k` would."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.sources import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
COMPONENTS = tuple(sorted(path.parent.name for path in KUBERNETES.glob("components/*/kustomization.yaml")))
#: The component that takes settings and certificates of its own.
TLS = "internal-tls"
COMPONENT = "app.kubernetes.io/component"
TIMEOUT_S = 240.0
WORKLOADS = ("StatefulSet", "Deployment", "CronJob")


@dataclass(frozen=True, slots=True)
class Manifests:
    """Rendered objects."""

    objects: Sequence[Mapping[str, Any]]

    def of(self, *kinds: str) -> Iterator[Mapping[str, Any]]:
        return (each for each in self.objects if each["kind"] in kinds)

    def one(self, kind: str, name: str) -> Mapping[str, Any]:
        """The object of this kind and name. Raises StopIteration where there is none."""
        return next(each for each in self.of(kind) if each["metadata"]["name"] == name)

    def names(self, kind: str) -> set[str]:
        return {each["metadata"]["name"] for each in self.of(kind)}

    def templates(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The Pod template of each workload, with its name."""
        return ((each["metadata"]["name"], pod_template(each)) for each in self.of(*WORKLOADS))

    def containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every container, those that initialise included, with the name of its workload."""
        for name, template in self.templates():
            for container in (*template["spec"].get("initContainers", ()), *template["spec"]["containers"]):
                yield name, container

    def service_hosts(self) -> set[str]:
        """The variables in which a Pod finds the address of each Service."""
        services = (each for each in self.of("Service") if each["spec"].get("clusterIP") != "None")
        return {f"{each['metadata']['name'].upper().replace('-', '_')}_SERVICE_HOST" for each in services}


def pod_template(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = workload["spec"]
    template: Mapping[str, Any] = (spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec)["template"]
    return template


def program(name: str) -> str:
    """A program that came with the packages of the tests."""
    return str(Path(sys.executable).with_name(name))


def run(*words: str | Path, **variables: str) -> str:
    """What a program writes. Raises AssertionError, with all of it, where it fails."""
    answer = subprocess.run(
        list(map(str, words)),
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def prepare(directory: Path, *components: str, **settings: str) -> Path:
    """An overlay as deploy/kubernetes/init makes it, with these settings; with these components, where there are any,
    instead of those that it chooses."""
    local = directory / "local"
    run(KUBERNETES / "init", EVERGREEN_LOCAL=str(local))
    if components:
        choose(local, *components)
    if components or settings:
        file = local / "settings"
        lines = [line for line in file.read_text().splitlines() if line.partition("=")[0] not in settings]
        file.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in settings.items()), ""]))
        run(KUBERNETES / "init", EVERGREEN_LOCAL=str(local))
    return local


def choose(local: Path, *components: str) -> None:
    """Have the overlay name these components. Each takes what is rendered before it, so TLS comes last."""
    file = local / "kustomization.yaml"
    kustomization = yaml.safe_load(file.read_text())
    base = kustomization["resources"][0]
    kustomization["components"] = [
        *(f"{Path(base).parent}/components/{name}" for name in sorted(components, key=lambda name: name == TLS)),
        "generated",
    ]
    file.write_text(yaml.safe_dump(kustomization))


def render(local: Path, *components: str) -> str:
    """The overlay with these components, as YAML."""
    choose(local, *components)
    return run(program("kubectl"), "kustomize", local)


def parse(text: str) -> Manifests:
    """The objects of this YAML. By libyaml where it is there, which is faster."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Manifests([each for each in yaml.load_all(text, Loader=loader) if each])


def choices() -> Iterator[tuple[str, ...]]:
    """Components to be rendered together: none, each alone, all."""
    yield ()
    yield from itertools.combinations(COMPONENTS, 1)
    yield COMPONENTS
