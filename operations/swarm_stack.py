"""A stack file for Docker Swarm, made of deploy/compose.yml as Compose resolves it.

`docker compose config --format json | python -m operations.swarm_stack --directory DIRECTORY [--only SERVICE ...]`
writes it to standard output. deploy/swarm/ runs it; docs/swarm.md has the reasons for what differs from Compose.
"""

import argparse
import hashlib
import hmac
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from operations.swarm_checks import checked

Service = dict[str, Any]

MAX_DATA_NODES = MAX_SENTINELS = 5
#: Services of Compose by whose pattern several are made: what differs between them is an address.
API, WORKER, NGINX, BACKUP = "api", "worker", "nginx", "backup"
WORKERS = 2
#: What Compose runs at each `up`, before others, and what an operator runs by hand.
ONCE, OPERATOR, AUTOSCALE = ("settings", "monitoring-access", "alerting"), "operator", "autoscale"
#: On the machine with the label of this name, beside their volumes.
MONITORING = ("exporter", "redis-exporter", "prometheus", "alertmanager", "grafana")
HOST_NETWORK = "host"
#: The network that a container outside of the stack may join, as deploy/swarm/autoscale does, and Prometheus in it.
ATTACHABLE, PROMETHEUS_URL = "monitoring", "http://prometheus:9090"
INSTANCES_FILE = "/run/nginx/instances.conf"
ACCESS_LOG_PORT = 5514
#: What Swarm has no word for, or another one: docker stack deploy ignores or refuses these.
UNSUPPORTED = (
    *("build", "container_name", "depends_on", "mem_limit", "network_mode", "pids_limit", "profiles"),
    *("pull_policy", "restart", "security_opt", "tmpfs", "networks", "ports", "volumes", "secrets"),
)
KEYS = ("privkey.pem",)
#: Characters of a digest in a name; Swarm allows 64 in all.
DIGEST_CHARACTERS = 12


class StackError(Exception):
    """The configuration cannot become a stack; the text says what is missing."""


class Stack:
    """The stack file of a resolved Compose configuration. `directory` has what deploy/swarm/init has written."""

    def __init__(self, compose: Mapping[str, Any], directory: Path, stamp: str = "") -> None:
        self._compose = compose
        self._directory = directory
        self._stamp = stamp
        self._key = (directory / "secrets" / "secret_key").read_bytes()
        self._configs: dict[str, Any] = {}
        self._secrets: dict[str, Any] = {}

    def file(self, only: Sequence[str] = ()) -> dict[str, Any]:
        """The stack file; with these services alone where any is named. Raises StackError."""
        services = dict(self._services())
        unknown = sorted(set(only) - set(services))
        if unknown:
            raise StackError(f"There is no service {', '.join(unknown)}: {', '.join(services)}.")
        chosen = {name: make() for name, make in services.items() if not only or name in only}
        networks = {name for service in chosen.values() for name in service["networks"]}
        mounts = (mount for service in chosen.values() for mount in service["volumes"])
        volumes = {mount["source"] for mount in mounts if mount["type"] == "volume"}
        return {
            "version": "3.9",
            "services": chosen,
            "networks": {name: self._network(name) for name in sorted(networks)},
            "volumes": {name: {} for name in sorted(volumes)},
            "configs": dict(sorted(self._configs.items())),
            "secrets": dict(sorted(self._secrets.items())),
        }

    def commands(self) -> dict[str, Any]:
        """A Compose file with what an operator runs on one machine, without the networks of the others; what decides
        about the number of instances is in the one of the monitoring, which is there once the stack is."""
        services = {}
        for name in (*ONCE, OPERATOR, AUTOSCALE):
            pattern = self._pattern(name)
            left_out = ("build", "depends_on", "networks", "profiles", "restart")
            services[name] = {key: value for key, value in pattern.items() if key not in left_out}
            services[name]["volumes"] = [self._shared(each) for each in pattern.get("volumes", ())]
        services[OPERATOR]["network_mode"] = HOST_NETWORK
        services[AUTOSCALE]["networks"] = {ATTACHABLE: {}}
        # Compose looks for the networks of all services without a profile; this one is not there at deploy/swarm/init.
        services[AUTOSCALE]["profiles"] = [AUTOSCALE]
        services[AUTOSCALE]["environment"]["EVERGREEN_AUTOSCALE_PROMETHEUS"] = PROMETHEUS_URL
        used = {secret["source"] for service in services.values() for secret in service.get("secrets", ())}
        return {
            "name": f"{self._compose['name']}-operator",
            "services": services,
            "secrets": {name: {"file": self._compose["secrets"][name]["file"]} for name in sorted(used)},
            # The one of the schedule, where that is on this machine.
            "volumes": {"backups": {"name": f"{self._compose['name']}_backups"}},
            "networks": {ATTACHABLE: {"external": True, "name": f"{self._compose['name']}_{ATTACHABLE}"}},
        }

    def _shared(self, mount: Mapping[str, Any]) -> Mapping[str, Any]:
        """The volume in which one container of Compose writes for others is a directory of the manager."""
        if mount["source"] not in ONCE:
            return mount
        return {"type": "bind", "source": str(self._directory / "configs" / mount["source"]), "target": mount["target"]}

    def _services(self) -> Iterator[tuple[str, Any]]:
        for number, host in enumerate(self._hosts("redis-1", "EVERGREEN_REDIS_NODES", MAX_DATA_NODES), 1):
            yield f"redis-{number}", lambda n=number, h=host: self._pinned("redis", n, h, "evergreen.data")
        for number, host in enumerate(self._hosts("redis-1", "REDIS_SENTINEL", MAX_SENTINELS), 1):
            yield f"sentinel-{number}", lambda n=number, h=host: self._pinned("sentinel", n, h, "evergreen.sentinel")
        yield API, self._api
        yield WORKER, self._worker
        yield NGINX, self._nginx
        profiles = self._setting("COMPOSE_PROFILES").split(",")
        for name in MONITORING:
            if not self._compose["services"][name].get("profiles") or "dashboards" in profiles:
                yield name, lambda n=name: self._monitoring(n)
        if BACKUP in profiles:
            yield BACKUP, self._backup

    def _setting(self, name: str) -> str:
        return str(self._compose.get("x-swarm", {}).get(name) or "")

    def _hosts(self, service: str, variable: str, most: int) -> Sequence[str]:
        addresses = [each.strip() for each in self._pattern(service)["environment"][variable].split(",")]
        hosts = [address.rpartition(":")[0] for address in addresses]
        if not all(hosts) or len(hosts) > most:
            raise StackError(f"{variable} must name 1 to {most} addresses with their ports.")
        return hosts

    def _pattern(self, service: str) -> Service:
        return dict(self._compose["services"][service])

    def _common(self, service: str, networks: Sequence[str], placement: Sequence[str]) -> Service:
        """What is the same in Compose and here, and what Swarm says otherwise."""
        pattern = self._pattern(service)
        made = {key: value for key, value in pattern.items() if key not in UNSUPPORTED and value is not None}
        limits = {"memory": str(pattern["mem_limit"]), "pids": pattern["pids_limit"]}
        made["networks"] = {HOST_NETWORK: {}} if HOST_NETWORK in networks else {name: {} for name in networks}
        made["environment"] = dict(pattern.get("environment") or {})
        made["secrets"] = [self._secret(each) for each in pattern.get("secrets", ()) if not self._is_empty(each)]
        # Swarm has no empty secret: what is not set is no file here.
        for empty in filter(self._is_empty, pattern.get("secrets", ())):
            made["environment"] = {key: value for key, value in made["environment"].items() if value != _path(empty)}
        made["volumes"], made["configs"] = [], []
        self._mount(pattern, made)
        made["deploy"] = {
            "replicas": 1,
            "endpoint_mode": "dnsrr",
            "labels": {"evergreen.part": service.rpartition("-")[0] or service},
            "placement": {"constraints": list(placement)},
            "resources": {"limits": limits},
            "restart_policy": {"condition": "any", "delay": "1s"},
            "update_config": {"parallelism": 1, "order": "stop-first", "failure_action": "pause", "monitor": "2s"},
        }
        if self._stamp:
            made["labels"] = {"evergreen.rolled": self._stamp}
        return made

    def _pinned(self, kind: str, number: int, host: str, label: str) -> Service:
        """A data node or a Sentinel: the machine's address is its own, and its volume is on that machine."""
        made = self._common(f"{kind}-1", [HOST_NETWORK], [f"node.labels.{label} == {number}"])
        made["environment"]["EVERGREEN_ADDRESS"] = host
        made["volumes"] = [{**each, "source": f"{kind}-{number}"} for each in made["volumes"]]
        return checked(made, kind)

    def _api(self) -> Service:
        made = self._common("api-1", ["edge"], [])
        made["environment"] |= {"EVERGREEN_INSTANCE": "api-{{.Task.Slot}}", "GUNICORN_BIND": "0.0.0.0:8000"}
        made["deploy"]["replicas"] = int(self._setting("EVERGREEN_API_REPLICAS") or 3)
        # A new one serves before the former one stops; where it does not become healthy, the former image comes back.
        made["deploy"]["update_config"] |= {"order": "start-first", "failure_action": "rollback"}
        made["deploy"]["rollback_config"] = {"parallelism": 1, "order": "start-first", "monitor": "2s"}
        return checked(made, API)

    def _worker(self) -> Service:
        made = self._common("worker-1", ["edge", "monitoring"], [])
        made["environment"]["EVERGREEN_INSTANCE"] = "worker-{{.Task.Slot}}"
        made["deploy"]["replicas"] = WORKERS
        return made

    def _nginx(self) -> Service:
        made = self._common("nginx", ["edge"], ["node.labels.evergreen.edge == on"])
        made["environment"] |= {
            "EVERGREEN_INSTANCES_NAME": API,
            "EVERGREEN_NGINX_INSTANCES": INSTANCES_FILE,
            "EVERGREEN_ACCESS_LOG": f"{self._monitoring_address()}:{ACCESS_LOG_PORT}",
        }
        made["ports"] = [
            {"target": port["target"], "published": int(port["published"]), "protocol": "tcp", "mode": "host"}
            for port in self._pattern("nginx")["ports"]
        ]
        made["deploy"]["mode"] = "global"
        del made["deploy"]["replicas"]
        return checked(made, NGINX)

    def _monitoring(self, name: str) -> Service:
        networks = {"exporter": ["monitoring"], "prometheus": ["edge", "monitoring"]}.get(name, ["monitoring"])
        made = self._common(name, networks, ["node.labels.evergreen.monitoring == on"])
        if name == "exporter":
            made["command"] = [*made["command"][:-1], f"0.0.0.0:{ACCESS_LOG_PORT}"]
            port = {"target": ACCESS_LOG_PORT, "published": ACCESS_LOG_PORT, "protocol": "udp", "mode": "host"}
            made["ports"] = [port]
        return made

    def _monitoring_address(self) -> str:
        address = self._setting("EVERGREEN_MONITORING_ADDRESS")
        if not address:
            raise StackError("EVERGREEN_MONITORING_ADDRESS is missing: run deploy/swarm/init.")
        return address

    def _backup(self) -> Service:
        return self._common(BACKUP, ["monitoring"], ["node.labels.evergreen.backup == on"])

    def _network(self, name: str) -> dict[str, Any]:
        if name == HOST_NETWORK:
            return {"external": True, "name": "host"}
        return {"driver": "overlay", "attachable": True} if name == ATTACHABLE else {"driver": "overlay"}

    def _file(self, wanted: Mapping[str, Any]) -> Path:
        return Path(self._compose["secrets"][wanted["source"]]["file"])

    def _is_empty(self, wanted: Mapping[str, Any]) -> bool:
        return not self._file(wanted).stat().st_size

    def _secret(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        name = wanted["source"]
        self._secrets[name] = self._versioned(name, self._file(wanted))
        # As Compose has them: a container's user reads them, and the engine keeps others out.
        return {"source": name, "target": _path(wanted), "mode": 0o444}

    def _mount(self, pattern: Service, made: Service) -> None:
        """What Compose mounts: volumes stay, memory is one without an owner, and files of the manager become configs,
        or secrets where they are keys, which Swarm brings to each machine."""
        for mount in pattern.get("volumes", ()):
            generated = self._directory / "configs" / str(mount["source"])
            if mount["type"] == "bind" or generated.is_dir():
                source = Path(mount["source"]) if mount["type"] == "bind" else generated
                self._bind(source, Path(mount["target"]), made)
            else:
                made["volumes"].append({"type": "volume", "source": mount["source"], "target": mount["target"]})
        for entry in pattern.get("tmpfs", ()):
            target, _, options = entry.partition(":")
            size = next((each[5:] for each in options.split(",") if each.startswith("size=")), "64m")
            made["volumes"].append({"type": "tmpfs", "target": target, "tmpfs": {"size": _bytes(size)}})

    def _bind(self, source: Path, target: Path, made: Service) -> None:
        # nginx's list of instances is made in the container.
        if source == self._directory / "nginx":
            return
        for path in sorted(each for each in source.rglob("*") if each.is_file()) if source.is_dir() else [source]:
            changed = self._directory / path.name
            read = changed if path.name == "prometheus.yml" and changed.exists() else path
            where = target / path.relative_to(source) if source.is_dir() else target
            key = re.sub(r"[^A-Za-z0-9]+", "-", str(where)).strip("-")
            kind, known = ("secrets", self._secrets) if path.name in KEYS else ("configs", self._configs)
            known[key] = self._versioned(key, read)
            made[kind].append({"source": key, "target": str(where), "mode": 0o444})

    def _versioned(self, name: str, path: Path) -> dict[str, Any]:
        """Swarm never changes a secret or a config: another content has another name. Keyed, so that no name tells of
        a weak password."""
        digest = hmac.new(self._key, path.read_bytes(), hashlib.sha256).hexdigest()[:DIGEST_CHARACTERS]
        prefix = str(self._compose["name"])
        return {"name": f"{prefix}_{name}"[: 63 - DIGEST_CHARACTERS] + f"_{digest}", "file": str(path)}


def _path(secret: Mapping[str, Any]) -> str:
    """Where a container has it."""
    return str(Path("/run/secrets", secret.get("target") or secret["source"]))


def _bytes(size: str) -> int:
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    return int(size[:-1]) * units[size[-1]] if size[-1] in units else int(size)


def main() -> None:
    """Write the stack file of the configuration at standard input."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m operations.swarm_stack")
    parser.add_argument("--directory", type=Path, required=True, help="what deploy/swarm/init has written")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the stack")
    parser.add_argument("--stamp", default="", help="replaces containers where nothing else has changed")
    parser.add_argument("--commands", action="store_true", help="a Compose file with an operator's commands")
    parser.add_argument("--list", action="store_true", help="write the services' names alone")
    parser.add_argument("only", nargs="*", metavar="SERVICE")
    options = parser.parse_args()
    compose = json.load(sys.stdin)
    compose["x-swarm"] = dict(each.split("=", 1) for each in options.set)
    try:
        stack = Stack(compose, options.directory, options.stamp)
        made = stack.commands() if options.commands else stack.file(options.only)
    except StackError as error:
        sys.exit(str(error))
    print("\n".join(made["services"]) if options.list else json.dumps(made, indent=2))


if __name__ == "__main__":
    main()
