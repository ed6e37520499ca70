"""More or fewer data nodes and Sentinels, while the shop serves.

Every step leaves a topology that loses nothing, and a command that was interrupted is completed by repeating it. ADR 60
has the order of the steps, and why.
"""

import contextlib
import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents import announcement, planned_failover, resizing
from configuration import stack
from devstack import credentials, lifecycle, monitoring, render, secrets, servers, stack_record, supervision, tls
from devstack.layout import EXPORTER, INSTANCES, WORKERS, Layout
from devstack.settings import ROOT, Misconfigured
from exactly_once.client import Address, ErrorReply
from exactly_once.errors import ServerError

REDIS, SENTINEL = "redis", "sentinel"
#: How many there can be of each kind.
COUNTS = {REDIS: tuple(range(stack.MIN_DATA_NODES, stack.MAX_DATA_NODES + 1)), SENTINEL: stack.SENTINEL_COUNTS}
#: What calls the store, and is started anew to count others; the exporters as far as they run.
CALLERS = (*INSTANCES, *WORKERS, EXPORTER, "exporter-redis")
#: Of a step: what a repeat may complete.
FAILURES = ServerError, ErrorReply, resizing.NotReached, announcement.NotAnnounced, planned_failover.FailoverFailed
#: Tries of a planned failover, which may choose a node that is to go, too.
MAX_MOVES = 10


class NotScaled(Exception):
    """It was not completed; the text says what is in the way. Nothing is lost, and a repeat completes it."""


def current(layout: Layout, kind: str) -> int:
    """How many there are of this kind."""
    return layout.settings.data_nodes if kind == REDIS else layout.settings.sentinels


def scale(layout: Layout, kind: str, count: int, environ: Mapping[str, str], say: Callable[[str], None]) -> Layout:
    """Have so many data nodes or Sentinels, and return the layout with them. `say` gets a line for each step.

    Raises:
        Misconfigured: there cannot be so many.
        NotRunning: nothing runs here.
        NotScaled, DidNotStart.
    """
    if count not in COUNTS[kind]:
        *rest, last = map(str, COUNTS[kind])
        reason = ": an even number survives no more failures than the odd one below it" if kind == SENTINEL else ""
        raise Misconfigured(f"There can be {', '.join(rest)} or {last} of {kind}, not {count}{reason}.")
    known = supervision.processes(layout)
    with _exclusively(layout) as was_interrupted:
        if count == current(layout, kind) and not was_interrupted:
            return layout
        scaling = _Scaling(layout=layout, environ=environ, say=say)
        try:
            scaling.start_missing()
            (scaling.scale_redis if kind == REDIS else scaling.scale_sentinels)(count)
            scaling.finish(frozenset(known))
            if kind == SENTINEL:
                scaling.roll_nodes()
            scaling.wait_until_whole()
        except FAILURES as error:
            raise NotScaled(f"{error} Repeat the command when that is mended.") from error
        return scaling.layout


@contextlib.contextmanager
def _exclusively(layout: Layout) -> Iterator[bool]:
    """One at a time. Yields whether the last one was interrupted, whose mark is still there."""
    mark = layout.run / "scaling"
    was_interrupted = mark.exists()
    with mark.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NotScaled(f"Another `stack scale` goes on in {layout.run}: wait for its end.") from error
        yield was_interrupted
        mark.unlink()


@dataclass(kw_only=True)
class _Scaling:
    layout: Layout
    environ: Mapping[str, str]
    say: Callable[[str], None]

    def start_missing(self) -> None:
        """Complete what the present numbers ask for, which an interrupted command may have left undone."""
        self._define(self.layout)
        for name in self.layout.redis:
            if not self._runs(name):
                self._start(name)
        for number, name in enumerate(self.layout.sentinels, 1):
            # One after the other: each when all know of those before.
            if not self._runs(name):
                self._start(name)
                self._until_sentinels_agree(self.layout.scaled(self.layout.settings.data_nodes, number))
        self.wait_until_whole()
        self._until_sentinels_agree(self.layout)

    def wait_until_whole(self) -> None:
        """Return when every data node follows one primary, and could replace it."""
        otherwise = "not every data node follows one primary: see `doctor`"
        resizing.wait_until(lambda: lifecycle.is_whole(self.layout), otherwise)

    def scale_redis(self, count: int) -> None:
        """Add or remove data nodes, one after the other."""
        for number in range(current(self.layout, REDIS) + 1, count + 1):
            self._add_node(self.layout.scaled(number, self.layout.settings.sentinels))
        nodes = list(self.layout.redis)
        for name in reversed(nodes[count:]):
            self._stop_node(name, nodes[count:])
        self._define(self.layout.scaled(count, self.layout.settings.sentinels))

    def scale_sentinels(self, count: int) -> None:
        """Add Sentinels, one after the other, or have those that are too many ignored."""
        before, wanted = self.layout, self.layout.scaled(self.layout.settings.data_nodes, count)
        if count < len(before.sentinels):
            self._group(before).set_quorum(count)
        self._define(wanted)
        names = list(wanted.sentinels)
        for number in range(len(before.sentinels) + 1, count + 1):
            self.say(f"{names[number - 1]}: started, until all Sentinels know it")
            self._start(names[number - 1])
            self._until_sentinels_agree(wanted.scaled(wanted.settings.data_nodes, number))
        self._group(wanted).set_quorum(count)

    def finish(self, known: frozenset[str]) -> None:
        """Have every process count what there is by now, and the Sentinels forget what there is no more."""
        self._restart_callers(known)
        self._end_surplus_sentinels()
        self.say("The Sentinels forget what is gone")
        self._command("topology", "--forget-stale")

    def _add_node(self, wanted: Layout) -> None:
        name, address = list(wanted.redis.items())[-1]
        self.say(f"{name}: announced, until every instance counts it")
        announcement.announce(address, list(self.layout.sentinels.values()), self._primary_name, self.layout.operator)
        self._define(wanted)
        self.say(f"{name}: started")
        self._start(name)
        lifecycle.wait_until_part(wanted, name)

    def _stop_node(self, name: str, leaving: Sequence[str]) -> None:
        self._move_away_from([self.layout.redis[each] for each in leaving])
        self.say(f"{name}: stopped")
        if supervision.processes(self.layout)[name].pid:
            supervision.stop_process(self.layout, name)
        self._group(self.layout).wait_until_down(self.layout.redis[name])

    def _move_away_from(self, leaving: Sequence[Address]) -> None:
        for _ in range(MAX_MOVES):
            if lifecycle.primary(self.layout) not in (None, *leaving):
                return
            self.say("The primary hands over to another node")
            with contextlib.suppress(planned_failover.FailoverFailed):
                planned_failover.move_primary(
                    list(self.layout.sentinels.values()), self._primary_name, self.layout.operator
                )
            resizing.wait_until(lambda: self._has_settled(leaving), "not every data node follows one primary")
        raise NotScaled(f"The primary was not handed over in {MAX_MOVES} tries. Repeat the command.")

    def _has_settled(self, leaving: Sequence[Address]) -> bool:
        """Whether the Sentinels agree on a primary, and every node that stays follows it."""
        staying = [name for name, address in self.layout.redis.items() if address not in leaving]
        return lifecycle.primary(self.layout) is not None and all(
            lifecycle.does_its_part(self.layout, name) for name in staying
        )

    def _restart_callers(self, known: frozenset[str]) -> None:
        for name in CALLERS:
            if name in known:
                self.say(f"{name}: restarted")
                supervision.restart(self.layout, name)
                if name in (*INSTANCES, *WORKERS):
                    lifecycle.wait_until_part(self.layout, name)

    def _end_surplus_sentinels(self) -> None:
        for name in self.layout.largest.sentinels:
            if name not in self.layout.sentinels:
                if self._runs(name):
                    self.say(f"{name}: stopped")
                    supervision.stop_process(self.layout, name)
                # What it knows is old when it is added again.
                shutil.rmtree(self.layout.directory(name), ignore_errors=True)

    def roll_nodes(self) -> None:
        """Have the agents beside the data nodes ask the Sentinels that there are: replicas first, the primary last."""
        last = lifecycle.primary(self.layout)
        names = sorted(self.layout.redis, key=lambda name: self.layout.redis[name] == last)
        for name in names[:-1]:
            self.say(f"{name}: restarted")
            lifecycle.restart(self.layout, name)
        if last:
            self._move_away_from([last])
        self.say(f"{names[-1]}: restarted")
        lifecycle.restart(self.layout, names[-1])

    def _define(self, layout: Layout) -> None:
        """Have processes started from now on as this layout has them, and record it."""
        programs, before = servers.find(layout.settings), self.layout
        secrets.write_all(layout)
        if layout.settings.tls or EXPORTER in supervision.processes(before):
            tls.ensure(layout)
        for name in (*layout.redis, *layout.sentinels):
            layout.directory(name).mkdir(parents=True, exist_ok=True, mode=0o700)
        environment = credentials.write_environment(layout)
        running = supervision.processes(before)
        render.define(layout, programs, environment, [*layout.redis, *layout.sentinels, *_callers(running)])
        if EXPORTER in running:
            monitoring.write_all(layout, programs)
        stack_record.write(layout)
        self.layout = layout

    def _start(self, name: str) -> None:
        supervision.start_process(self.layout, name)

    def _runs(self, name: str) -> bool:
        process = supervision.processes(self.layout).get(name)
        return process is not None and bool(process.pid)

    def _until_sentinels_agree(self, layout: Layout) -> None:
        self._group(layout).wait_until_agreed()

    def _group(self, layout: Layout) -> resizing.SentinelGroup:
        return resizing.SentinelGroup(
            addresses=list(layout.sentinels.values()), name=self._primary_name, credentials=layout.operator
        )

    def _command(self, *words: str) -> None:
        command = [sys.executable, "-m", "evergreen", *words]
        variables = lifecycle.command_environment(self.layout, self.environ)
        result = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
        if result.returncode:
            raise NotScaled(f"`{' '.join(words)}` did not succeed, repeat the command: {result.stderr.strip()}")

    @property
    def _primary_name(self) -> str:
        return self.layout.settings.primary_name


def _callers(running: Mapping[str, supervision.Process]) -> list[str]:
    return [name for name in CALLERS if name in running]
