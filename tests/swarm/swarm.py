"""The shop as it runs in a swarm of machines for the tests."""

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from configuration import ROOT, rate_limits, stack
from devstack import lifecycle
from devstack.layout import Layout
from devstack.settings import Settings
from devstack.temporary import register_operator
from exactly_once.client import Address
from exactly_once.sentinels import read_consensus
from tests.compose.engine import Engine
from tests.swarm.machines import Machine, machines

MACHINES = 3
NGINX_PORT = 8080
TIMEOUT_S = 90.0
#: Instances below which autoscaling adds some, whether Prometheus answers or not, and above which it adds none.
AUTOSCALE_MIN, AUTOSCALE_MAX = 4, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class SwarmLayout(Layout):
    """A data node, a Sentinel and an nginx at each machine's own address."""

    @property
    def redis(self) -> dict[str, Address]:
        return self._numbered("redis", self.settings.data_nodes, 6379)

    @property
    def sentinels(self) -> dict[str, Address]:
        return self._numbered("sentinel", self.settings.sentinels, 26379)

    def _numbered(self, kind: str, count: int, port: int) -> dict[str, Address]:
        return {f"{kind}-{n}": Address(f"{self.settings.network}.{n}", port) for n in range(1, count + 1)}

    @property
    def nginx(self) -> Address:
        return Address(f"{self.settings.network}.1", NGINX_PORT)


@dataclass(kw_only=True, eq=False)
class Swarm:
    """Three machines, all of them managers, and the settings of the shop on them. `spares` are further machines, which
    do not run."""

    machines: Sequence[Machine]
    spares: Sequence[Machine]
    layout: Layout
    env_file: Path

    @property
    def base_url(self) -> str:
        return self.layout.url

    def url(self, machine: Machine) -> str:
        """The shop as the nginx of this machine has it."""
        return f"http://{machine.address}:{NGINX_PORT}"

    @property
    def environment(self) -> dict[str, str]:
        return {"SECRET_KEY": self.setting("SECRET_KEY")}

    @property
    def primary(self) -> str | None:
        """The name of the data node that a majority of the Sentinels calls primary."""
        sentinels, name = list(self.layout.sentinels.values()), self.layout.settings.primary_name
        address = read_consensus(sentinels, name, self.layout.operator).primary
        return next((name for name, each in self.layout.redis.items() if each == address), None)

    def machine_of(self, service: str) -> Machine:
        """The machine of a data node or Sentinel."""
        return [*self.machines, *self.spares][int(service.rpartition("-")[2]) - 1]

    @contextlib.contextmanager
    def with_spares(self) -> Iterator[None]:
        """The spare machines run as workers of the swarm while the block does, and belong to no swarm afterwards."""
        token = self.docker("swarm", "join-token", "--quiet", "worker").strip()
        try:
            for machine in self.spares:
                machine.boot()
                machine.docker(
                    *("swarm", "join", "--token", token, "--advertise-addr", machine.address),
                    f"{self.machines[0].address}:2377",
                )
            yield
        finally:
            for machine in self.spares:
                machine.cut_power()
            for name in self.docker("node", "ls", "--filter", "role=worker", "--format", "{{.Hostname}}").split():
                self.docker("node", "rm", "--force", name)

    def setting(self, name: str) -> str:
        lines = [line.partition("=") for line in self.env_file.read_text().splitlines()]
        return next(value for key, _, value in lines if key == name)

    def set(self, **values: str) -> None:
        """Adds these settings, or gives them other values."""
        lines = [line for line in self.env_file.read_text().splitlines() if line.partition("=")[0] not in values]
        self.env_file.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in values.items()), ""]))

    @property
    def manager(self) -> Machine:
        """The first machine whose engine answers as one of a majority of managers."""
        for machine in self.machines:
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                machine.docker("node", "ls", timeout_s=15)
                return machine
        raise AssertionError("no machine has a majority of managers")

    def docker(self, *words: str) -> str:
        return self.manager.docker(*words)

    def script(
        self, name: str, *words: str, given: str = "", timeout_s: float = 600.0
    ) -> subprocess.CompletedProcess[str]:
        """What this script of deploy/swarm did with what it was given, on the first manager that answers."""
        return subprocess.run(
            [ROOT / "deploy" / "swarm" / name, *words],
            env=self._script_environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    @property
    def _script_environment(self) -> dict[str, str]:
        return {**os.environ, "DOCKER_HOST": self.manager.socket, "EVERGREEN_ENV_FILE": str(self.env_file)}

    @contextlib.contextmanager
    def autoscaling(self) -> Iterator[None]:
        """deploy/swarm/autoscale runs while the block does, and ends in an orderly way."""
        command = [ROOT / "deploy" / "swarm" / "autoscale"]
        output = subprocess.PIPE
        process = subprocess.Popen(
            command, env=self._script_environment, stderr=output, text=True, start_new_session=True
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                _, printed = process.communicate(timeout=TIMEOUT_S)
            finally:
                process.kill()
        assert process.returncode == 0, printed

    def carry_out(self, name: str, *words: str, given: str = "") -> str:
        """What this script printed. Raises AssertionError where it fails."""
        answer = self.script(name, *words, given=given)
        assert answer.returncode == 0, answer.stdout + answer.stderr + self.tasks()
        return answer.stdout

    def tasks(self) -> str:
        """Every task of the stack, for what explains a failure; or why they cannot be named."""
        try:
            return self.docker("stack", "ps", "--no-trunc", self.setting("COMPOSE_PROJECT_NAME"))
        except (AssertionError, subprocess.TimeoutExpired) as error:
            return str(error)

    def services(self) -> dict[str, tuple[int, int]]:
        """How many tasks of each service run, as their health checks say, and how many there should be."""
        lines = self.docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}").splitlines()
        counts = {line.split()[0].partition("_")[2]: line.split()[1].split("/") for line in lines}
        return {name: (int(running), int(wanted)) for name, (running, wanted) in counts.items()}

    def state_of(self, machine: Machine) -> str:
        """Its state for the managers: `ready`, `down` or `unknown`."""
        return self.docker("node", "inspect", "--format", "{{.Status.State}}", machine.name).strip()

    def is_complete(self) -> bool:
        """Whether every task runs that should."""
        return all(running == wanted for running, wanted in self.services().values())

    def is_whole(self) -> bool:
        """Whether there is a primary that every other data node follows."""
        return lifecycle.is_whole(self.layout)

    def nodes_of(self, service: str) -> list[str]:
        """The host names of the machines on which tasks of this service run, or are to run."""
        return sorted(self._listed(service, "{{.Node}}"))

    def tasks_of(self, service: str) -> frozenset[str]:
        """The ids of the tasks of this service that run, or are to run."""
        return frozenset(self._listed(service, "{{.ID}}"))

    def running_on(self, service: str) -> list[str]:
        """The host names of the machines on which tasks of this service run, as their health checks say."""
        rows = (line.split() for line in self._listed(service, "{{.CurrentState}} {{.Node}}"))
        return sorted(row[-1] for row in rows if row[0] == "Running")

    def _listed(self, service: str, column: str) -> list[str]:
        words = ("--filter", "desired-state=running", "--format", column, f"evergreen_{service}")
        return self.docker("service", "ps", *words).splitlines()


@contextlib.contextmanager
def swarm(engine: Engine, network: str, directory: Path, images: Sequence[str], spares: int) -> Iterator[Swarm]:
    """The machines with these images as one swarm, and settings; nothing of it is left, whatever happens. Besides there
    are so many spare machines, which do not run."""
    archive = directory / "images.tar"
    engine.docker("save", "--output", str(archive), *images, timeout_s=300)
    with machines(network, MACHINES, spares, archive) as all_machines:
        archive.unlink()
        found, spare_machines = all_machines[:MACHINES], all_machines[MACHINES:]
        first, *others = found
        first.docker("swarm", "init", "--advertise-addr", first.address)
        token = first.docker("swarm", "join-token", "--quiet", "manager").strip()
        for machine in others:
            machine.docker(
                "swarm", "join", "--token", token, "--advertise-addr", machine.address, f"{first.address}:2377"
            )
        layout = SwarmLayout(settings=Settings(run=directory, network=network, port=NGINX_PORT))
        made = Swarm(machines=found, spares=spare_machines, layout=layout, env_file=directory / "settings.env")
        hosts = ",".join(machine.address for machine in found)
        write_settings(made.env_file, engine.settings, EVERGREEN_LOCAL=str(directory), EVERGREEN_HOSTS=hosts)
        yield made


def write_settings(file: Path, more: Mapping[str, str], **settings: str) -> Path:
    """Settings of a swarm for tests, in this file."""
    values = {
        "COMPOSE_PROJECT_NAME": "evergreen",
        "EVERGREEN_VERSION": "swarm-test",
        "EVERGREEN_HEALTH_INTERVAL": "8s",
        "EVERGREEN_AUTOSCALE_MIN": str(AUTOSCALE_MIN),
        "EVERGREEN_AUTOSCALE_MAX": str(AUTOSCALE_MAX),
        "EVERGREEN_AUTOSCALE_REQUESTS": "1",
        # Other work of the machine takes CPU from the instances: that is no sign of too many of them.
        "EVERGREEN_AUTOSCALE_CPU_PERCENT": "400",
        "EVERGREEN_AUTOSCALE_UP_INTERVAL_S": "5",
        "EVERGREEN_AUTOSCALE_DOWN_INTERVAL_S": "3",
        "EVERGREEN_AUTOSCALE_STABILIZATION_S": "15",
        "EVERGREEN_AUTOSCALE_POLL_S": "2",
        "EVERGREEN_PORT": str(NGINX_PORT),
        "REDIS_MASTER_NAME": "evergreen",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "GRAFANA_PASSWORD": secrets.token_urlsafe(16),
        "EVERGREEN_REDIS_MAXMEMORY": "200mb",
        "EVERGREEN_REDIS_MEMORY": "400m",
        # All load comes from one address.
        "EVERGREEN_ADDRESS_CONNECTIONS": "0",
        **{each.name: "off" for each in (*rate_limits.ADDRESS_RATES.values(), *rate_limits.CALLER_RATES)},
        # Readers who are not signed in look for what was just bought.
        stack.CATALOGUE_CACHE_S.name: "0",
        # Loads buy with few users, none of whom pays.
        "EVERGREEN_MAX_OPEN_PURCHASES": "0",
        "EVERGREEN_PAYMENT_PROVIDERS": "fake",
        **more,
        **settings,
    }
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return file


def register(made: Swarm) -> None:
    """Lets tests call the data nodes and Sentinels: after deploy/swarm/init has made their passwords."""
    register_operator(made.layout)
