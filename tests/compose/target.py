"""The deployment in containers, as the chaos table takes it."""

import http.client
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from agents import planned_failover
from chaos.store_target import StoreTarget
from chaos.target import FaultInjector, NotHealed
from devstack import lifecycle
from exactly_once.client import Address
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError
from shop.bootstrap import Configuration
from tests.compose.containers import NODES, SENTINELS, SHOP, Containers
from tests.stack_fixtures import wait_until
from tests.store_access import run_once

INSTANCES = {"api-1": 71, "api-2": 72}
# The process that the first one in the container waits for: the server itself.
KILL = "kill -9 $(cat /proc/1/task/1/children)"
KILL_WORKER = (
    "for master in $(cat /proc/1/task/1/children); do kill -9 $(cat /proc/$master/task/$master/children); done"
)


@dataclass(kw_only=True)
class ContainerTarget(StoreTarget, FaultInjector):
    """See `chaos.target.Target`."""

    containers: Containers
    _frozen: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return self.containers.base_url

    @property
    def injector(self) -> FaultInjector:
        return self

    @property
    def configuration(self) -> Configuration:
        layout = self.containers.layout
        return Configuration(
            store=layout.settings.store,
            master_name=layout.settings.primary_name,
            sentinels=list(layout.sentinels.values()),
            secret_key=self.containers.setting("SECRET_KEY"),
            credentials=layout.secrets.credentials("api"),
        )

    @property
    def operator(self) -> Credentials:
        return self.containers.layout.operator

    @property
    def data_nodes(self) -> dict[str, tuple[str, int]]:
        return {name: (address.host, address.port) for name, address in self.containers.layout.redis.items()}

    @property
    def primary(self) -> str:
        found = self.containers.primary
        if found is None:
            raise NotHealed("The Sentinels agree on no primary.")
        return found

    @property
    def replicas(self) -> Sequence[str]:
        primary = self.primary
        return [name for name in NODES if name != primary]

    def kill(self, *names: str) -> None:
        """The server dies in its container, and the engine starts that again; nginx is the container's first process,
        which only the engine can kill."""
        for name in names:
            if name == "nginx":
                self.containers.kill(name)
                self.containers.start(name)
            else:
                self._execute(name, KILL)

    def take_away(self, *names: str) -> None:
        self.containers.kill(*names)

    def bring_back(self, *names: str) -> None:
        self.containers.start(*names)

    def empty(self, name: str) -> None:
        """The container goes with its volume, and both are made anew."""
        self.containers.compose("rm", "--force", name)
        self.containers.engine.docker("volume", "rm", f"{self.containers.project}_{name}")
        self.containers.compose("create", "--no-build", name)

    def freeze(self, *names: str) -> None:
        self.containers.engine.docker("pause", *map(self.containers.container, names))
        self._frozen.update(names)

    def wake(self, *names: str) -> None:
        for name in names or tuple(self._frozen):
            self.containers.engine.docker("unpause", self.containers.container(name))
            self._frozen.discard(name)

    @contextmanager
    def cut(self, one_side: Sequence[str], other_side: Sequence[str]) -> Iterator[None]:
        """One part is disconnected from the network: a cable has two ends only."""
        (name,) = one_side
        assert {name, *other_side} == {*NODES, *SENTINELS, *INSTANCES}, "only from everything"
        with self.containers.cut_off(name, self.containers.layout.redis[name].host):
            yield

    def kill_worker(self, instance: str) -> None:
        self._execute(instance, KILL_WORKER)

    def reload_nginx(self) -> None:
        self._execute("nginx", 'kill -HUP "$(cat /run/nginx/nginx.pid)"')

    def roll(self, instance: str) -> None:
        self.containers.engine.docker("restart", self.containers.container(instance))
        wait_until(lambda: self._serves(instance))

    def move_primary(self) -> None:
        layout = self.containers.layout
        planned_failover.move_primary(list(layout.sentinels.values()), layout.settings.primary_name, layout.operator)

    @contextmanager
    def full_memory(self) -> Iterator[None]:
        address = self.containers.layout.redis[self.primary]
        run_once(address, ("CONFIG", "SET", "maxmemory", "1mb"))
        try:
            yield
        finally:
            with suppress(ServerError):
                run_once(address, ("CONFIG", "SET", "maxmemory", self.containers.setting("EVERGREEN_REDIS_MAXMEMORY")))

    def heal(self) -> None:
        self.wake()
        running = self.containers.running()
        away = [name for name in SHOP if name not in running]
        if away:
            self.containers.start(*away)
        wait_until(lambda: lifecycle.is_whole(self.containers.layout))
        wait_until(lambda: all(self._serves(name) for name in ("nginx", *INSTANCES)))

    def _execute(self, name: str, script: str) -> None:
        # It may be that the container ends before docker has heard how it went.
        with suppress(AssertionError):
            self.containers.engine.docker("exec", self.containers.container(name), "sh", "-c", script)

    def _serves(self, name: str) -> bool:
        layout = self.containers.layout
        address = layout.nginx if name == "nginx" else Address(f"{layout.settings.network}.{INSTANCES[name]}", 8000)
        connection = http.client.HTTPConnection(*address, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
