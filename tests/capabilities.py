"""What tests need of the machine, beyond Python packages: named, looked for, and required here only."""

import functools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos import partition
from clients import tools
from devstack import servers
from tests.compose import engine

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
TLS_SERVERS = ("valkey-server", "redis-server")
#: Each program of the monitoring tests under every name that packages give it.
MONITORING = (
    ("nginx",),
    ("promtool",),
    ("amtool",),
    ("prometheus",),
    ("prometheus-alertmanager", "alertmanager"),
    ("prometheus-redis-exporter", "redis-exporter"),
    ("prometheus-nginx-exporter", "nginx-exporter"),
    ("prometheus-node-exporter", "node_exporter"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Capability:
    """Something that a machine has or has not. `missing` lists what it lacks; empty where the tests can run."""

    name: str
    tests: str
    remedy: str
    missing: Callable[[], list[str]]


def program(*names: str) -> str | None:
    """The path of the first of these programs that is installed."""
    return next(filter(None, map(shutil.which, names)), None)


def _missing_chromium() -> list[str]:
    return [] if program(*CHROMIUM) else ["chromium"]


def _missing_monitoring() -> list[str]:
    return [names[0] for names in MONITORING if not program(*names)]


def _missing_docker() -> list[str]:
    return [] if engine.find() else ["a Docker engine with Compose"]


def _missing_swarm() -> list[str]:
    programs = [name for name in ("dockerd", "ip", "nsenter", "unshare", "iptables") if not program(name)]
    return [*programs, *([] if os.geteuid() == 0 else ["root"])]


def _missing_podman() -> list[str]:
    programs = [name for name in ("podman", "conmon", "iptables", "unshare") if not program(name)]
    return [*programs, *([] if os.geteuid() == 0 else ["root"])]


def _missing_root() -> list[str]:
    return [] if partition.is_possible() else ["root and iptables"]


@functools.cache
def tls_server() -> str:
    """The path of an installed server that can listen by TLS, and that the project can run; empty without one."""
    for name in TLS_SERVERS:
        path = shutil.which(name)
        if path and servers.has_tls(Path(path)) and _is_recent(path):
            return path
    return ""


def _is_recent(server: str) -> bool:
    answer = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    return (servers.version(answer) or (0, 0)) >= servers.MIN_SERVER_VERSION


def _missing_tls() -> list[str]:
    return [] if tls_server() else ["a server with TLS, 7.2 or later"]


def _missing_node() -> list[str]:
    return [] if tools.is_installed() else ["generators and linters"]


CAPABILITIES = {
    capability.name: capability
    for capability in (
        Capability(
            name="chromium",
            tests="the status page in a browser",
            remedy="apt install chromium",
            missing=_missing_chromium,
        ),
        Capability(
            name="root",
            tests="partitions and full disks",
            remedy="run as root, apt install iptables",
            missing=_missing_root,
        ),
        Capability(
            name="docker",
            tests="the deployment in containers",
            remedy="install Docker with Compose",
            missing=_missing_docker,
        ),
        Capability(
            name="swarm",
            tests="a swarm of three engines in network namespaces",
            remedy="run as root, install Docker's engine, iproute2, iptables and util-linux",
            missing=_missing_swarm,
        ),
        Capability(
            name="podman",
            tests="the Pods of the manifests for Kubernetes",
            remedy="run as root, apt install podman netavark aardvark-dns catatonit iptables",
            missing=_missing_podman,
        ),
        Capability(
            name="node",
            tests="generated clients, and linters of the OpenAPI document",
            remedy="python -m clients.tools",
            missing=_missing_node,
        ),
        Capability(
            name="tls",
            tests="TLS between data nodes, Sentinels and instances",
            remedy="apt install valkey-server; on Debian 12 from bookworm-backports",
            missing=_missing_tls,
        ),
        Capability(
            name="prometheus",
            tests="alerts, dashboards and mails",
            remedy="apt install nginx prometheus prometheus-alertmanager prometheus-{redis,nginx,node}-exporter",
            missing=_missing_monitoring,
        ),
    )
}


@functools.cache
def missing(name: str) -> tuple[str, ...]:
    """What this capability lacks on this machine."""
    return tuple(CAPABILITIES[name].missing())


def lacking(names: tuple[str, ...]) -> Iterator[Capability]:
    """Those of these capabilities that this machine has not."""
    return (CAPABILITIES[name] for name in names if missing(name))


def is_ci() -> bool:
    """Whether a missing capability fails its tests instead of leaving them out."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def require(name: str) -> None:
    """Return where the machine has this capability. Leave the test out where it has not; in CI, fail it."""
    lacks = missing(name)
    if lacks:
        end = pytest.fail if is_ci() else pytest.skip
        end(f"{', '.join(lacks)} missing: {CAPABILITIES[name].remedy}")
