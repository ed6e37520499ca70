"""The whole topology looked over."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from devstack.temporary import RunningStack
from operations.doctor.diagnosis import Level
from tests.stack_fixtures import wait_until

ROOT = Path(__file__).resolve().parents[2]


def run_doctor(stack: RunningStack) -> subprocess.CompletedProcess[str]:
    place = {"EVERGREEN_NETWORK": stack.layout.settings.network, "EVERGREEN_PORT": str(stack.layout.settings.port)}
    return subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT,
        env={**os.environ, **stack.environment, **place},
        capture_output=True,
        text=True,
        check=False,
    )


def doctor_lines(stack: RunningStack) -> list[dict[str, str]]:
    """The diagnoses."""
    lines: list[dict[str, str]] = json.loads(run_doctor(stack).stdout)["diagnoses"]
    return lines


def doctor(stack: RunningStack) -> tuple[int, dict[str, str]]:
    """The exit status, and the worst level of each check that finds something."""
    done = run_doctor(stack)
    lines = json.loads(done.stdout)["diagnoses"]
    # A check may have several lines, as where another process was restarted a moment ago: the worst one counts.
    worst_last = sorted(lines, key=lambda line: list(Level).index(Level(line["level"])))
    return done.returncode, {line["check"]: line["level"] for line in worst_last if line["level"] != "ok"}


def with_workers(gunicorn: int) -> list[int]:
    return [gunicorn, *map(int, Path(f"/proc/{gunicorn}/task/{gunicorn}/children").read_text().split())]


def send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def test_a_frozen_instance_and_a_stopped_one_are_found_in_a_topology_that_was_well(stack):
    stack.wait_until_serving()
    wait_until(lambda: "problem" not in doctor(stack)[1].values())
    frozen = with_workers(stack.pid("api-1"))
    send(frozen, signal.SIGSTOP)
    try:
        status, found = doctor(stack)
        assert (status, found["readiness"]) == (2, "problem")
    finally:
        send(frozen, signal.SIGCONT)
    stack.stop("api-2")
    try:
        status, found = doctor(stack)
        assert (status, found["processes"], found["readiness"]) == (2, "problem", "problem")
    finally:
        stack.start("api-2")
        stack.wait_until_serving()
