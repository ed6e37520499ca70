"""The topology of `make run` as a target: real processes on loopback, in a directory and on addresses of this run."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents import planned_failover
from chaos import partition
from chaos.store_target import StoreTarget
from chaos.target import FaultInjector, NotHealed
from devstack import credentials, lifecycle, supervision
from devstack.layout import INSTANCES, NGINX, Layout
from devstack.temporary import running
from exactly_once.client import Address, run_once
from exactly_once.errors import ServerError
from exactly_once.sentinels import read_consensus
from shop.bootstrap import Configuration

RECOVERY_TIMEOUT_S = 60.0
#: Tries of a planned failover.
MAX_MOVES = 3
#: Of the file system that a disk is filled on.
DISK = "96m"


@dataclass(kw_only=True)
class EmbeddedTarget(StoreTarget):
    """See `Target`. `supervisor` is the process that started everything."""

    layout: Layout
    supervisor: subprocess.Popen[bytes]
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
        )

    @property
    def data_nodes(self) -> dict[str, tuple[str, int]]:
        return {name: (address.host, address.port) for name, address in self.layout.redis.items()}

    @property
    def primary(self) -> str:
        primary = read_consensus(list(self.layout.sentinels.values()), self.layout.settings.primary_name).primary
        for name, address in self.layout.redis.items():
            if address == primary:
                return name
        raise NotHealed("The Sentinels agree on no primary.")

    @property
    def replicas(self) -> Sequence[str]:
        primary = self.primary
        return [name for name in self.layout.redis if name != primary]

    def kill(self, *names: str) -> None:
        for name in names:
            orphans = self._orphans(name)
            self._signal(name, signal.SIGKILL)
            _kill(orphans)

    def take_away(self, *names: str) -> None:
        for name in names:
            # Frozen until it is killed: it must not hear that it is asked to stop, and save everything.
            pid = self._signal(name, signal.SIGSTOP)
            orphans = self._orphans(name)
            supervision.stop_process(self.layout, name, wait=False)
            _kill([pid, *orphans])

    def bring_back(self, *names: str) -> None:
        for name in names:
            self._start(name)

    def empty(self, name: str) -> None:
        shutil.rmtree(self.layout.directory(name))

    def freeze(self, *names: str) -> None:
        for name in names:
            pid = self._signal(name, signal.SIGSTOP)
            for child in _children(pid):
                os.kill(child, signal.SIGSTOP)
                self._frozen.add(child)
            self._frozen.add(pid)

    def wake(self, *names: str) -> None:
        for pid in tuple(self._frozen):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen.clear()

    def cut(self, one_side: Sequence[str], other_side: Sequence[str]) -> contextlib.AbstractContextManager[None]:
        return partition.cut([self._host(name) for name in one_side], [self._host(name) for name in other_side])

    def kill_worker(self, instance: str) -> None:
        pid = supervision.processes(self.layout)[instance].pid
        os.kill(random.choice(_children(pid)), signal.SIGKILL)

    def reload_nginx(self) -> None:
        self._signal(NGINX, signal.SIGHUP)

    def roll(self, instance: str) -> None:
        lifecycle.restart(self.layout, instance)

    def move_primary(self) -> None:
        """Try again, as an operator does, where the Sentinels of a busy machine chose no replica in time."""
        sentinels, name = list(self.layout.sentinels.values()), self.layout.settings.primary_name
        for _ in range(MAX_MOVES - 1):
            with contextlib.suppress(planned_failover.FailoverFailed):
                planned_failover.move_primary(sentinels, name)
                return
            self._wait_for_failover(sentinels, name)
        planned_failover.move_primary(sentinels, name)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """The directory of the primary is on a file system of its own from here on, and that is filled."""
        primary = self.primary
        directory = self.layout.directory(primary)
        if not os.path.ismount(directory):
            self._onto_small_disk(primary, directory)
            self.heal()
        # It may have lost its role while it was away.
        if self.primary != primary:
            self._move_to(primary)
        try:
            with contextlib.suppress(OSError), (directory / "filler").open("wb") as filler:
                while True:
                    filler.write(bytes(2**20))
            yield
        finally:
            (directory / "filler").unlink()

    @contextmanager
    def full_memory(self) -> Iterator[None]:
        address = self.layout.redis[self.primary]
        run_once(address, ("CONFIG", "SET", "maxmemory", "1mb"))
        try:
            yield
        finally:
            with contextlib.suppress(ServerError):
                run_once(address, ("CONFIG", "SET", "maxmemory", "0"))

    def heal(self) -> None:
        self.wake()
        try:
            for name, process in supervision.processes(self.layout).items():
                if not process.pid:
                    self._start(name)
            lifecycle.wait_until_serving(self.layout, self.supervisor, timeout_s=RECOVERY_TIMEOUT_S)
            for instance in INSTANCES:
                lifecycle.wait_until_part(self.layout, instance, RECOVERY_TIMEOUT_S)
        except lifecycle.DidNotStart as error:
            raise NotHealed(str(error)) from error

    def _wait_for_failover(self, sentinels: Sequence[Address], name: str) -> None:
        """Return when no failover goes on: while one does, the Sentinels refuse another."""
        end = time.monotonic() + RECOVERY_TIMEOUT_S
        while read_consensus(sentinels, name).is_failing_over and time.monotonic() < end:
            time.sleep(0.5)

    def _start(self, name: str) -> None:
        with contextlib.suppress(supervision.NotRunning):
            supervision.start_process(self.layout, name)

    def _signal(self, name: str, number: signal.Signals) -> int:
        return lifecycle.kill(self.layout, name, number)

    def _host(self, name: str) -> str:
        known = {**self.layout.redis, **self.layout.sentinels, **self.layout.instances}
        return known[name].host

    def _onto_small_disk(self, name: str, directory: Path) -> None:
        supervision.stop_process(self.layout, name)
        kept = directory.with_name(f"{name}.kept")
        directory.rename(kept)
        directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(directory)], check=True)
        shutil.copytree(kept, directory, dirs_exist_ok=True)
        shutil.rmtree(kept)
        supervision.start_process(self.layout, name)

    def _move_to(self, name: str) -> None:
        """A planned failover to this node: Sentinel offers no choice, so no other node may be electable meanwhile."""
        (other,) = set(self.layout.redis) - {name, self.primary}
        self._set_priority(other, "0")
        self.move_primary()
        self._set_priority(other, "100")
        self.heal()

    def _set_priority(self, name: str, priority: str) -> None:
        # Into its file too, which a failover writes anew.
        run_once(self.layout.redis[name], ("CONFIG", "SET", "replica-priority", priority), ("CONFIG", "REWRITE"))

    def _orphans(self, name: str) -> Sequence[int]:
        """The processes that would go on when this one is killed: nginx's workers, which would keep its port."""
        return _children(supervision.processes(self.layout)[name].pid) if name == NGINX else []


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def start(network: str, **settings: Any) -> Iterator[EmbeddedTarget]:
    """A topology on free addresses below this network, serving; ended afterwards, whatever was done to it.
    `settings` are those of the stack."""
    with running(network, lifecycle.EVERYTHING, **settings) as started:
        target = EmbeddedTarget(layout=started.layout, supervisor=started.supervisor)
        try:
            target.heal()
            yield target
        finally:
            target.wake()
            for name in target.layout.redis:
                _unmount(target, name)


def _unmount(target: EmbeddedTarget, name: str) -> None:
    directory = target.layout.directory(name)
    if os.path.ismount(directory):
        with contextlib.suppress(supervision.NotRunning):
            supervision.stop_process(target.layout, name)
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
