"""How long operations take on a store of some size."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import large_store
from benchmarks.watch import Watch
from chaos.embedded import EmbeddedTarget
from chaos.history import CallKind
from devstack import lifecycle, supervision
from devstack.settings import ROOT

TIMEOUT_S, STOP_TIMEOUT_S = 900.0, 300.0
#: Requests a second during a failover.
RATE = 40
#: Of check_stock where it finds something: copied purchases are not counted against the stock.
FOUND_SOMETHING = 1
#: As the supervisor writes it.
STOPPED = "stopped"


class OperationFailed(Exception):
    """An operation failed; the text is what it printed."""


def measure(target: EmbeddedTarget, directory: Path, watch: Watch) -> dict[str, float]:
    """The seconds of each operation."""
    seconds: dict[str, float] = {}
    for name, operation in _operations(target, directory).items():
        watch.say(name)
        began = time.monotonic()
        operation()
        seconds[name] = time.monotonic() - began
    watch.say("failover")
    return {**seconds, **_failover(target)}


def _operations(target: EmbeddedTarget, directory: Path) -> Mapping[str, Callable[[], object]]:
    stopped = {"stop": lambda: _stop(target), "start, until the store takes writes": lambda: _start(target)}
    return {
        "backup": lambda: _command(target, "backup", str(directory / "backups"), "--plain"),
        "check_stock": lambda: _command(target, "check_stock"),
        "full resynchronisation of an empty replica": lambda: _resynchronise(target),
        **stopped,
    }


def _command(target: EmbeddedTarget, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=large_store.seed_environment(target),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if done.returncode not in (0, FOUND_SOMETHING):
        raise OperationFailed(done.stdout + done.stderr)


def _resynchronise(target: EmbeddedTarget) -> None:
    """Have a replica begin anew, without any file."""
    replica = target.replicas[0]
    target.take_away(replica)
    _wait_until_stopped(target, replica)
    target.empty(replica)
    target.bring_back(replica)
    lifecycle.wait_until_whole(target.layout, target.supervisor, timeout_s=TIMEOUT_S)


def _wait_until_stopped(target: EmbeddedTarget, name: str) -> None:
    """Return when the supervisor knows that a process has ended: until then it would not start it."""
    end = time.monotonic() + STOP_TIMEOUT_S
    while supervision.processes(target.layout)[name].state != STOPPED and time.monotonic() < end:
        time.sleep(lifecycle.POLL_S)


def _stop(target: EmbeddedTarget) -> None:
    supervision.stop(target.layout, STOP_TIMEOUT_S)
    target.supervisor.wait()


def _start(target: EmbeddedTarget) -> None:
    lifecycle.prepare(target.layout)
    target.supervisor = lifecycle.start(target.layout)
    lifecycle.wait_until_serving(target.layout, target.supervisor, timeout_s=TIMEOUT_S)


def _failover(target: EmbeddedTarget) -> dict[str, float]:
    """Kill the primary under load."""
    (kill,), history, _ = large_store.measure(target, 1, RATE)
    purchases = [
        call.seconds for call in history.calls if call.kind is CallKind.PURCHASE and kill.at <= call.due < kill.whole_at
    ]
    return {
        "failover: slowest purchase": max(purchases, default=0.0),
        "failover: until all nodes are in step": kill.whole_at - kill.at,
    }
