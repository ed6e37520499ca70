"""The deployment as it runs in containers for the tests."""

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.node_status import NodeStatus, read_statuses
from configuration import ROOT, rate_limits, stack
from devstack import lifecycle
from devstack.credentials import store_user
from devstack.layout import Layout
from devstack.settings import Settings
from devstack.temporary import free_port, register_operator
from exactly_once.sentinels import read_consensus
from tests.compose.engine import PROJECT, Engine
from tests.stack_fixtures import wait_until

NODES = ("redis-1", "redis-2", "redis-3")
SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")
WORKERS = ("worker-1", "worker-2")
SHOP = (*NODES, *SENTINELS, "api-1", "api-2", *WORKERS, "nginx")
#: What Compose notes of each container.
LABEL = "com.docker.compose"
TIMEOUT_S, UP_TIMEOUT_S, CHECK_TIMEOUT_S = 60.0, 180.0, 5.0
#: Between two looks at the health of containers, each of which takes the engine a moment on each core.
LOOK_S = 1.0
#: The first build downloads packages.
BUILD_TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Containers:
    """A deployment with a name, a network and settings of its own. Services are named as in compose.yml. The addresses
    are those of the embedded topology, so what looks at that looks at this too."""

    engine: Engine
    project: str
    layout: Layout
    env_file: Path
    files: tuple[str, ...] = ("compose.yml",)

    @property
    def base_url(self) -> str:
        return self.layout.url

    @property
    def environment(self) -> dict[str, str]:
        """What a command of the shop, on this machine, needs in its environment to work on this deployment."""
        return {
            "SECRET_KEY": self.setting("SECRET_KEY"),
            "REDIS_MASTER_NAME": self.layout.settings.primary_name,
            "REDIS_SENTINEL": self.setting("REDIS_SENTINEL"),
            "EVERGREEN_REPLICAS": self.setting("EVERGREEN_REPLICAS"),
            **store_user(self.layout, "operator"),
        }

    @property
    def primary(self) -> str | None:
        """The name of the data node that a majority of the Sentinels calls primary."""
        address = read_consensus(
            list(self.layout.sentinels.values()), self.layout.settings.primary_name, self.layout.operator
        ).primary
        return f"redis-{address.host.rpartition('.1')[2]}" if address else None

    @property
    def nodes(self) -> dict[str, NodeStatus]:
        """The first three data nodes as they describe themselves."""
        seen = read_statuses(list(self.layout.redis.values()), self.layout.revision_key, self.layout.operator)
        return dict(zip(self.layout.redis, seen, strict=True))

    def setting(self, name: str) -> str:
        """What the settings say of this."""
        lines = [line.partition("=") for line in self.env_file.read_text().splitlines()]
        return next(value for key, _, value in lines if key == name)

    def set(self, **values: str) -> None:
        """Adds these settings, or gives them other values."""
        kept = [line for line in self.env_file.read_text().splitlines() if line.partition("=")[0] not in values]
        self.env_file.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in values.items()), ""]))

    def compose(self, *words: str, timeout_s: float = 300.0) -> str:
        """What Compose answers. Raises AssertionError where it fails."""
        files = [word for file in self.files for word in ("-f", str(ROOT / "deploy" / file))]
        return self.engine.docker("compose", *files, "--env-file", str(self.env_file), *words, timeout_s=timeout_s)

    def script(self, name: str, *words: str, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
        """What deploy/init, deploy/scale or deploy/roll did."""
        return subprocess.run(
            [ROOT / "deploy" / name, *words],
            env={**self.engine.environment, "EVERGREEN_ENV_FILE": str(self.env_file)},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def build(self) -> None:
        """Build every image, as far as the engine has not built it already."""
        self.compose("--profile", "ha", "build", "--quiet", timeout_s=BUILD_TIMEOUT_S)

    def up(self, *services: str) -> None:
        """Starts these services, or the shop, and returns when they are healthy. Compose's own wait ends as soon as one
        of them is found ill for a moment, as on a busy machine."""
        self.compose("up", "-d", "--no-build", *(services or SHOP))
        self.wait_until_healthy(*(services or SHOP), timeout_s=UP_TIMEOUT_S)

    def restore(self) -> None:
        """Whatever was done to it, returns when the shop is whole: what was frozen may be ill for a while."""
        if not self._is_as_configured():
            self.compose("up", "-d", "--no-build", *SHOP)
        self.wait_until_healthy(*SHOP)
        self.wait_until_whole()

    def _is_as_configured(self) -> bool:
        """Whether Compose would change no container of the shop. It would check the settings anew all the same, in a
        container of its own, for seconds."""
        wanted = dict(line.split() for line in self.compose("config", "--hash", "*").splitlines())
        running = self.running()
        return all(running.get(service) == wanted[service] for service in SHOP)

    def running(self) -> dict[str, str]:
        """The services that run, each with the hash of its configuration. Compose takes half a second to list them."""
        labels = " ".join(f'{{{{.Label "{LABEL}.{name}"}}}}' for name in ("service", "config-hash"))
        filters = ("--filter", f"label={LABEL}.project={self.project}", "--filter", "status=running")
        return dict(line.split() for line in self.engine.docker("ps", *filters, "--format", labels).splitlines())

    def container(self, service: str) -> str:
        """The name of the service's container."""
        return f"{self.project}-{service}-1"

    def host_address(self, service: str) -> str:
        """This machine as the service's container calls it: the gateway of the network of nginx and the workers."""
        gateway = f'{{{{(index .NetworkSettings.Networks "{self.project}_edge").Gateway}}}}'
        return self.engine.docker("inspect", "-f", gateway, self.container(service)).strip()

    def kill(self, *services: str) -> None:
        """SIGKILL; the engine takes it for the operator's wish, and does not start them again."""
        self.engine.docker("kill", *map(self.container, services))

    def start(self, *services: str) -> None:
        """Starts containers that were killed or stopped, as they are."""
        self.engine.docker("start", *map(self.container, services))

    @contextlib.contextmanager
    def paused(self, service: str) -> Iterator[None]:
        """Every process of it stands still."""
        self.engine.docker("pause", self.container(service))
        try:
            yield
        finally:
            self.engine.docker("unpause", self.container(service))

    @contextlib.contextmanager
    def cut_off(self, service: str, address: str) -> Iterator[None]:
        """Its network cable is pulled, and plugged in again."""
        network = f"{self.project}_store"
        self.engine.docker("network", "disconnect", network, self.container(service))
        try:
            yield
        finally:
            self.engine.docker("network", "connect", "--ip", address, network, self.container(service))

    def health(self, *services: str) -> list[str]:
        """What the engine finds each: healthy, or without a check running. One call takes a core for 50 ms."""
        status = "{{with .State}}{{if .Health}}{{.Health.Status}}{{else}}{{.Status}}{{end}}{{end}}"
        words = ("inspect", "-f", status, *map(self.container, services))
        return self.engine.docker(*words).split()

    def restarts(self, service: str) -> int:
        """How often the engine has started its container again because it ended."""
        return int(self.engine.docker("inspect", "-f", "{{.RestartCount}}", self.container(service)))

    def wait_until_healthy(self, *services: str, timeout_s: float = TIMEOUT_S) -> None:
        """Returns when each of these is usable, as its own health check says; where it has none, when it runs."""
        wait_until(lambda: all(map(self._is_healthy, services, self.health(*services))), timeout_s, LOOK_S)

    def _is_healthy(self, service: str, found: str) -> bool:
        """Whether it is, by what the engine has found or by a look of our own: the engine's next one may be far off."""
        if found in ("starting", "unhealthy"):
            check = self.engine.docker("inspect", "-f", "{{json .Config.Healthcheck.Test}}", self.container(service))
            kind, *words = json.loads(check)
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                shell = ("sh", "-c") if kind == "CMD-SHELL" else ()
                self.engine.docker("exec", self.container(service), *shell, *words, timeout_s=CHECK_TIMEOUT_S)
                return True
        return found in ("healthy", "running")

    def wait_until_whole(self) -> None:
        """Returns when there is a primary that every other data node follows."""
        wait_until(lambda: lifecycle.is_whole(self.layout), TIMEOUT_S)

    def logs(self, *services: str) -> str:
        """What they have written."""
        return self.compose("logs", "--no-color", "--tail", "40", *services)


@contextlib.contextmanager
def deployed(
    engine: Engine, network: str, directory: Path, *, tls: bool = False, **settings: str
) -> Iterator[Containers]:
    """Settings, secrets and images of a deployment whose addresses begin like this; nothing of it is left, whatever
    happens."""
    layout = Layout(settings=Settings(run=directory, network=network, port=free_port(), tls=tls))
    project = PROJECT.format(pid=os.getpid()) + secrets.token_hex(2)
    files = ("compose.yml", "compose.internal-tls.yml") if tls else ("compose.yml",)
    found = Containers(engine=engine, project=project, layout=layout, env_file=directory / "settings.env", files=files)
    found.env_file.write_text(_settings(found, {**engine.settings, **settings}))
    prepared = found.script("init")
    assert prepared.returncode == 0, prepared.stderr
    register_operator(layout)
    try:
        yield found
    finally:
        found.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")


def _settings(deployment: Containers, more: Mapping[str, str]) -> str:
    layout = deployment.layout
    values = {
        "COMPOSE_PROJECT_NAME": deployment.project,
        "EVERGREEN_VERSION": "test",
        # A look takes the engine a tenth of a second of a core. Who waits here looks by himself.
        "EVERGREEN_HEALTH_INTERVAL": "20s",
        "EVERGREEN_LOCAL": str(layout.run),
        "EVERGREEN_PREFIX": layout.settings.network,
        "EVERGREEN_PORT": str(layout.nginx),
        "REDIS_MASTER_NAME": layout.settings.primary_name,
        "REDIS_SENTINEL": ",".join(map(str, layout.sentinels.values())),
        "EVERGREEN_REDIS_NODES": ",".join(map(str, layout.redis.values())),
        "EVERGREEN_REPLICAS": "2",
        "EVERGREEN_INTERNAL_TLS": "on" if layout.settings.tls else "off",
        "EVERGREEN_HOSTS": f"127.0.0.1,{layout.settings.network}.80",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "GRAFANA_PASSWORD": secrets.token_urlsafe(16),
        "EVERGREEN_PROMETHEUS_PORT": str(free_port()),
        "EVERGREEN_ALERTMANAGER_PORT": str(free_port()),
        "EVERGREEN_REDIS_MAXMEMORY": "200mb",
        # All load comes from one address.
        "EVERGREEN_ADDRESS_CONNECTIONS": "0",
        **{each.name: "off" for each in (*rate_limits.ADDRESS_RATES.values(), *rate_limits.CALLER_RATES)},
        # Readers who are not signed in look for what was just bought.
        stack.CATALOGUE_CACHE_S.name: "0",
        "EVERGREEN_REDIS_MEMORY": "400m",
        # Loads buy with few users, none of whom pays.
        "EVERGREEN_MAX_OPEN_PURCHASES": "0",
        "EVERGREEN_PAYMENT_PROVIDERS": "fake",
        # The receivers of webhooks are on this machine, which is the gateway of that network.
        "EVERGREEN_WEBHOOK_NETWORKS": f"{layout.settings.network}.64/26",
        **more,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())
