"""The topology of `make run` as a target: real processes on loopback, in a directory and on addresses of this run."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chaos import append_only, clients, connections, disks, duty_cycle, instance_clock, partition, planned_moves
from chaos.hostile_client import LIMITS, attack
from chaos.processes import children, kill_all
from chaos.receiver import receiving
from chaos.stage import create_person
from chaos.store_target import StoreTarget
from chaos.target import FaultInjector, NotHealed
from devstack import credentials, lifecycle, scaling, supervision
from devstack.layout import INSTANCES, NGINX, Layout
from devstack.temporary import running
from exactly_once.client import ErrorReply, run_once
from exactly_once.credentials import Credentials
from exactly_once.errors import ServerError
from exactly_once.sentinels import read_consensus
from operations import store_users
from shop.bootstrap import Configuration, Container

RECOVERY_TIMEOUT_S = 60.0
#: Of the file systems that are filled: a data node's, that of everything, and nginx's for bodies.
NODE_DISK, RUN_DISK, BODIES_DISK = "96m", "256m", "1m"
SUPERVISOR = "supervisor"
#: Uses the processor for so many seconds. A script's clock stands still, that of the processor does not.
BUSY = "local start = os.clock() while os.clock() - start < tonumber(ARGV[1]) do end"


@dataclass(kw_only=True)
class EmbeddedTarget(StoreTarget):
    """See `Target`. `supervisor` is the process that started everything."""

    layout: Layout
    supervisor: subprocess.Popen[bytes]
    #: Called with the names of servers that are about to be killed, whose logs of denials end with them.
    note_denials: Callable[..., None] = lambda *names: None
    _frozen: set[int] = field(default_factory=set)

    @property
    def url(self) -> str:
        return self.layout.url

    @property
    def injector(self) -> FaultInjector:
        return self

    @property
    def configuration(self) -> Configuration:
        return Configuration(
            store=self.layout.settings.store,
            master_name=self.layout.settings.primary_name,
            sentinels=list(self.layout.sentinels.values()),
            secret_key=credentials.secret_key(self.layout),
            replicas=self.layout.settings.data_nodes - 1,
            credentials=self.layout.secrets.credentials(store_users.API),
            payment_providers=("fake",),
            webhook_networks=self.layout.settings.webhook_networks,
        )

    @property
    def operator(self) -> Credentials:
        return self.layout.operator

    @property
    def data_nodes(self) -> dict[str, tuple[str, int]]:
        return {name: (address.host, address.port) for name, address in self.layout.redis.items()}

    @property
    def primary(self) -> str:
        layout = self.layout
        sentinels = list(layout.sentinels.values())
        primary = read_consensus(sentinels, layout.settings.primary_name, layout.operator).primary
        for name, address in self.layout.redis.items():
            if address == primary:
                return name
        raise NotHealed("The Sentinels agree on no primary.")

    @property
    def replicas(self) -> Sequence[str]:
        primary = self.primary
        return [name for name in self.layout.redis if name != primary]

    def kill(self, *names: str) -> None:
        self.note_denials(*names)
        for name in names:
            orphans = self._orphans(name)
            self._signal(name, signal.SIGKILL)
            kill_all(orphans)
            if name == SUPERVISOR:
                self.supervisor.wait()

    def take_away(self, *names: str) -> None:
        self.note_denials(*names)
        for name in names:
            # Frozen until it is killed: it must not hear that it is asked to stop, and save everything.
            pid = self._signal(name, signal.SIGSTOP)
            orphans = self._orphans(name)
            supervision.stop_process(self.layout, name, wait=False)
            kill_all([pid, *orphans])

    def bring_back(self, *names: str) -> None:
        for name in names:
            self._start(name)

    def empty(self, name: str) -> None:
        shutil.rmtree(self.layout.directory(name))

    def freeze(self, *names: str) -> None:
        for name in names:
            pid = self._signal(name, signal.SIGSTOP)
            # The supervisor's children are not its own.
            for child in () if name == SUPERVISOR else children(pid):
                os.kill(child, signal.SIGSTOP)
                self._frozen.add(child)
            self._frozen.add(pid)

    def wake(self, *names: str) -> None:
        for pid in tuple(self._frozen):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen.clear()

    def damage_file(self, name: str, damage: append_only.FileDamage) -> None:
        append_only.damage(self.layout.directory(name), damage)

    def slow(self, name: str) -> contextlib.AbstractContextManager[None]:
        return duty_cycle.slow(supervision.processes(self.layout)[name].pid)

    def keep_busy(self, name: str, seconds: float) -> None:
        # The Sentinels end a script that takes longer than it should, as it may beside other processes.
        with contextlib.suppress(ServerError, ErrorReply):
            run_once(
                self.layout.redis[name],
                ("EVAL", BUSY, 0, seconds),
                timeout=RECOVERY_TIMEOUT_S,
                credentials=self.operator,
            )

    def full_connections(self, name: str) -> contextlib.AbstractContextManager[None]:
        return connections.full(self.layout.redis[name], self.operator)

    def cut(self, one_side: Sequence[str], other_side: Sequence[str]) -> contextlib.AbstractContextManager[None]:
        return partition.cut([self._host(name) for name in one_side], [self._host(name) for name in other_side])

    def lose_packets(self, share: float) -> contextlib.AbstractContextManager[None]:
        return partition.lossy(f"{self.layout.settings.network}.0/24", share)

    def shifted_clock(self, instance: str, seconds: float) -> contextlib.AbstractContextManager[None]:
        return instance_clock.shifted(self.layout, instance, seconds)

    def hang_up(self, count: int) -> None:
        clients.hang_up(self.layout.nginx, count)

    @contextmanager
    def hostile_client(self) -> Iterator[None]:
        with contextlib.closing(Container(self.configuration)) as container:
            customer = create_person(container.shop)
        with attack(self.layout.nginx, customer.token):
            yield

    def kill_worker(self, instance: str) -> None:
        pid = supervision.processes(self.layout)[instance].pid
        os.kill(random.choice(children(pid)), signal.SIGKILL)

    def reload_nginx(self) -> None:
        self._signal(NGINX, signal.SIGHUP)

    def roll(self, instance: str) -> None:
        lifecycle.restart(self.layout, instance)

    @property
    def sentinels(self) -> Sequence[str]:
        return list(self.layout.sentinels)

    def scale(self, kind: str, count: int) -> None:
        self.note_denials(*self.layout.redis, *self.layout.sentinels)
        self.layout = scaling.scale(self.layout, kind, count, os.environ, lambda line: None)

    def move_primary(self) -> None:
        planned_moves.move_primary(self.layout)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """The directory of the primary is on a file system of its own from here on, and that is filled."""
        primary = self.primary
        directory = self.layout.directory(primary)
        if not disks.is_limited(directory):
            supervision.stop_process(self.layout, primary)
            disks.limit(directory, NODE_DISK)
            supervision.start_process(self.layout, primary)
            self.heal()
        # It may have lost its role while it was away.
        if self.primary != primary:
            self._move_to(primary)
        with disks.full(directory):
            yield

    def limit_run_disk(self) -> None:
        if not disks.is_limited(self.layout.run):
            self._stop_everything()
            disks.limit(self.layout.run, RUN_DISK)
            self._start_everything()
            self.heal()

    def full_run_disk(self) -> contextlib.AbstractContextManager[None]:
        return disks.full(self.layout.run)

    @contextmanager
    def full_bodies_disk(self) -> Iterator[None]:
        bodies = self.layout.directory(NGINX) / "body"
        disks.limit(bodies, BODIES_DISK)
        try:
            with disks.full(bodies):
                yield
        finally:
            disks.release(bodies)

    @contextmanager
    def full_memory(self) -> Iterator[None]:
        address = self.layout.redis[self.primary]
        run_once(address, ("CONFIG", "SET", "maxmemory", "1mb"), credentials=self.operator)
        try:
            yield
        finally:
            with contextlib.suppress(ServerError):
                command = ("CONFIG", "SET", "maxmemory", self.layout.settings.maxmemory)
                run_once(address, command, credentials=self.operator)

    def heal(self) -> None:
        self.wake()
        if supervision.pid(self.layout) is None:
            self._stop_everything()
            self._start_everything()
        try:
            for name, process in supervision.processes(self.layout).items():
                if not process.pid:
                    self._start(name)
            lifecycle.wait_until_serving(self.layout, self.supervisor, timeout_s=RECOVERY_TIMEOUT_S)
            for instance in INSTANCES:
                lifecycle.wait_until_part(self.layout, instance, RECOVERY_TIMEOUT_S)
        except lifecycle.DidNotStart as error:
            raise NotHealed(str(error)) from error

    def _stop_everything(self) -> None:
        supervision.stop(self.layout)
        self.supervisor.wait()

    def _start_everything(self) -> None:
        lifecycle.prepare(self.layout)
        self.supervisor = lifecycle.start(self.layout)

    def _start(self, name: str) -> None:
        with contextlib.suppress(supervision.NotRunning):
            supervision.start_process(self.layout, name)

    def _signal(self, name: str, number: signal.Signals) -> int:
        if name == SUPERVISOR:
            os.kill(self.supervisor.pid, number)
            return self.supervisor.pid
        return lifecycle.kill(self.layout, name, number)

    def _host(self, name: str) -> str:
        return {**self.layout.redis, **self.layout.sentinels, **self.layout.instances}[name].host

    def _move_to(self, name: str) -> None:
        """A planned failover to this node."""
        planned_moves.move_to(self.layout, name, self.primary)
        self.heal()

    def _orphans(self, name: str) -> Sequence[int]:
        """The processes that would go on when this one is killed: nginx's workers, which would keep its port."""
        return children(supervision.processes(self.layout)[name].pid) if name == NGINX else []


@contextmanager
def start(network: str, **settings: Any) -> Iterator[EmbeddedTarget]:
    """A topology on free addresses below this network, serving; ended afterwards, whatever was done to it.
    `settings` are those of the stack."""
    chosen = {"address_limits": LIMITS, **settings}
    with running(network, lifecycle.EVERYTHING, **chosen) as started, receiving() as receiver:
        target = EmbeddedTarget(layout=started.layout, supervisor=started.supervisor, note_denials=started.note_denials)
        target.receiver, target.has_guests = receiver, True
        try:
            target.heal()
            yield target
        finally:
            target.wake()
            disks.release_all(target.layout)
            # The one to wait for may be a later one than the first.
            started.supervisor = target.supervisor
