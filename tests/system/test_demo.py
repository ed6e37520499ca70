"""The demonstration: a primary killed while customers buy, and a line that says what it cost."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import lifecycle, orphans, supervision, temporary
from devstack.layout import Layout
from devstack.settings import ROOT

FAILOVER = re.compile(
    r"^[\d:]{8}  (redis-\d) killed: (redis-\d) is primary after [\d.]+ s, all three serve after [\d.]+ s; "
    r"\d+ purchases, the slowest [\d.]+ s; 0 of (\d+) requests failed$"
)


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A directory and addresses on which nothing runs; what a test leaves there is ended."""
    with temporary.free("127.29", lifecycle.EVERYTHING, run=tmp_path / "run") as layout:
        yield layout
        if supervision.pid(layout) is not None or orphans.alive(layout):
            supervision.stop(layout)


@pytest.fixture
def demo(layout: Layout) -> Iterator[subprocess.Popen[str]]:
    variables = {
        "EVERGREEN_RUN": str(layout.run),
        "EVERGREEN_NETWORK": layout.settings.network,
        "EVERGREEN_PORT": str(layout.settings.port),
    }
    command = [sys.executable, "manage.py", "demo", "--every", "3"]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.prove
def test_a_killed_primary_costs_a_slow_purchase_and_ctrl_c_ends_all(layout: Layout, demo: subprocess.Popen[str]):
    assert demo.stdout
    lines = []
    for line in demo.stdout:
        lines.append(line.rstrip())
        if FAILOVER.match(lines[-1]):
            demo.send_signal(signal.SIGINT)
            break
    failover = FAILOVER.match(lines[-1])
    assert failover, "\n".join(lines)
    assert failover[1] != failover[2]
    assert int(failover[3]) > 0
    rest = demo.stdout.read()
    assert demo.wait() == 0, rest
    assert re.search(r"^In \d+ s: \d+ purchases, .* 0 of \d+ requests failed\.$", rest, re.MULTILINE)
    assert re.search(r"^Looked up: all [\d,]+ purchases that were confirmed are there, and all ", rest, re.MULTILINE), (
        rest
    )
    assert f"Sales, as they come: {layout.url}/office/" in "\n".join(lines)
    assert f"Watch: {layout.url}/status/" in "\n".join(lines)
    assert supervision.pid(layout) is None
    assert orphans.alive(layout) == {}
