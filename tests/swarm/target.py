"""The swarm, as the chaos table takes it. The load goes through the nginx of the first machine, which no fault ends."""

import http.client
import itertools
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from agents import planned_failover
from chaos.store_target import StoreTarget
from chaos.target import FaultInjector, NotHealed
from exactly_once.credentials import Credentials
from shop.bootstrap import Configuration
from tests.stack_fixtures import wait_until
from tests.swarm.machines import Machine
from tests.swarm.swarm import NGINX_PORT, TIMEOUT_S, Swarm

HEAL_TIMEOUT_S = 180.0


@dataclass(kw_only=True)
class SwarmTarget(StoreTarget, FaultInjector):
    """See `chaos.target.Target`."""

    swarm: Swarm
    say: Callable[[str], None]

    def note(self, what: str, begin: float) -> None:
        """Prints how long after `begin` it is so."""
        self.say(f"  {what}: {time.monotonic() - begin:.1f} s")

    @property
    def url(self) -> str:
        return self.swarm.base_url

    @property
    def injector(self) -> FaultInjector:
        return self

    @property
    def configuration(self) -> Configuration:
        layout = self.swarm.layout
        return Configuration(
            store=layout.settings.store,
            master_name=layout.settings.primary_name,
            sentinels=list(layout.sentinels.values()),
            secret_key=self.swarm.setting("SECRET_KEY"),
            credentials=layout.secrets.credentials("api"),
        )

    @property
    def operator(self) -> Credentials:
        return self.swarm.layout.operator

    @property
    def data_nodes(self) -> dict[str, tuple[str, int]]:
        return {name: (address.host, address.port) for name, address in self.swarm.layout.redis.items()}

    @property
    def primary_or_none(self) -> str | None:
        return self.swarm.primary

    @property
    def primary(self) -> str:
        found = self.swarm.primary
        if found is None:
            raise NotHealed("The Sentinels agree on no primary.")
        return found

    @property
    def replicas(self) -> Sequence[str]:
        primary = self.primary
        return [name for name in self.data_nodes if name != primary]

    @property
    def sentinels(self) -> Sequence[str]:
        return list(self.swarm.layout.sentinels)

    def scale(self, kind: str, count: int) -> None:
        """Where data nodes are removed, the primary is on one of these."""
        settings, begin = self.swarm.layout.settings, time.monotonic()
        if kind == "redis" and count < settings.data_nodes:
            self.move_primary_to(f"redis-{settings.data_nodes}")
        self.swarm.carry_out("scale", kind, str(count))
        numbers = {"redis": (count, settings.sentinels), "sentinel": (settings.data_nodes, count)}
        self.swarm.layout = self.swarm.layout.scaled(*numbers[kind])
        self.note(f"{kind} {count}", begin)

    def move_primary_to(self, name: str) -> None:
        """The Sentinels choose, so this may take several moves."""
        while self.primary != name:
            self.move_primary()
            wait_until(self._is_whole, TIMEOUT_S)

    def move_primary(self) -> None:
        """Within TIMEOUT_S: Sentinels refuse while they are busy with something else."""
        wait_until(self._moves_primary, TIMEOUT_S)

    def _moves_primary(self) -> bool:
        layout = self.swarm.layout
        sentinels, name = list(layout.sentinels.values()), layout.settings.primary_name
        try:
            planned_failover.move_primary(sentinels, name, layout.operator)
        except planned_failover.FailoverFailed as error:
            self.say(f"  the primary was not moved: {error}")
            time.sleep(1)
            return False
        return True

    def primary_elsewhere(self) -> Machine:
        """The machine of the primary, which is moved until that is not the machine of the load."""
        while self.primary == "redis-1":
            self.move_primary()
            wait_until(self._is_whole, TIMEOUT_S)
        return self.swarm.machine_of(self.primary)

    @contextmanager
    def managers_apart(self) -> Iterator[None]:
        """No manager reaches another one, so that none has a majority."""
        with ExitStack() as cuts:
            for one, other in itertools.combinations(self.swarm.machines, 2):
                cuts.enter_context(one.cut_off_from(other, port="tcp/2377"))
            wait_until(lambda: not any(map(self._manages, self.swarm.machines)), TIMEOUT_S)
            yield

    def until_managed(self) -> None:
        """Returns when a majority of managers is there."""
        wait_until(lambda: any(map(self._manages, self.swarm.machines)), HEAL_TIMEOUT_S)

    def _manages(self, machine: Machine) -> bool:
        try:
            machine.docker("node", "ls", timeout_s=10)
        except (AssertionError, subprocess.TimeoutExpired):
            return False
        return True

    # Right after a machine was lost, the other managers may be electing: then they answer nothing.

    def is_down(self, machine: Machine) -> bool:
        """Whether the managers take this machine for lost."""
        with suppress(AssertionError, subprocess.TimeoutExpired):
            return self.swarm.state_of(machine) == "down"
        return False

    def runs_without(self, machine: Machine, service: str, count: int) -> bool:
        """Whether so many tasks of this service run, none of them on this machine."""
        with suppress(AssertionError, subprocess.TimeoutExpired):
            found = self.swarm.running_on(service)
            return len(found) == count and machine.name not in found
        return False

    def heal(self) -> None:
        lost = [machine for machine in self.swarm.machines if not machine.is_on]
        begin = time.monotonic()
        for machine in lost:
            machine.boot()
            self.note(f"the engine of {machine.name} is up again", begin)
        try:
            self.until_managed()
            wait_until(self._is_complete, HEAL_TIMEOUT_S)
            wait_until(self._is_whole, HEAL_TIMEOUT_S)
            wait_until(lambda: all(map(self.serves, self.swarm.machines)), HEAL_TIMEOUT_S)
        except BaseException as error:
            raise NotHealed(f"{error}\n{self.swarm.tasks()}") from error
        if lost:
            self.note("everything is in its place again", begin)

    def _is_whole(self) -> bool:
        return self.swarm.is_whole()

    def _is_complete(self) -> bool:
        with suppress(AssertionError, subprocess.TimeoutExpired):
            return self.swarm.is_complete()
        return False

    def serves(self, machine: Machine) -> bool:
        """Whether the shop answers through this machine's nginx."""
        connection = http.client.HTTPConnection(machine.address, NGINX_PORT, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
