"""A stack whose supervisor dies or stands still, and two that are started in one directory."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from devstack import lifecycle, orphans, process_records, supervision, temporary
from devstack.layout import Layout
from devstack.settings import ROOT
from devstack.temporary import RunningStack, running
from shop.domain.callers import Role
from tests.stack_fixtures import wait_until
from tests.system.shopping import Load, Shopper, assembled, signed_in

NETWORK = "127.30"
STANDSTILL_S = 10.0
#: Of a stack: three data nodes, three Sentinels, two instances, two workers and nginx.
PROCESSES = 11


@pytest.fixture
def own_stack() -> Iterator[RunningStack]:
    """A whole topology of this test's own, serving; whatever its supervisor left is ended."""
    with running(NETWORK, lifecycle.EVERYTHING) as started:
        started.wait_until_serving()
        try:
            yield started
        finally:
            if supervision.pid(started.layout) is None:
                orphans.stop(started.layout)


@pytest.fixture
def shopper(own_stack: RunningStack) -> Iterator[Callable[[Role], Shopper]]:
    container = assembled(own_stack)
    yield lambda role: Shopper(api=f"{own_stack.base_url}/api/v1", headers=signed_in(container.shop, role))
    container.close()


@pytest.fixture
def free_layout(tmp_path: Path) -> Iterator[Layout]:
    """A directory and addresses on which nothing runs."""
    with temporary.free(NETWORK, lifecycle.EVERYTHING, run=tmp_path / "run") as layout:
        yield layout


def stack_command(layout: Layout, *words: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "EVERGREEN_RUN": str(layout.run),
        "EVERGREEN_NETWORK": layout.settings.network,
        "EVERGREEN_PORT": str(layout.settings.port),
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", "stack", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def done(layout: Layout, *words: str) -> tuple[int, str]:
    """The exit status and the output of a command on this stack."""
    process = stack_command(layout, *words)
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def kill_supervisor(layout: Layout) -> None:
    pid = supervision.pid(layout)
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: supervision.pid(layout) is None)


def processes_of(layout: Layout) -> list[str]:
    """The command lines of everything alive that was started for this directory."""
    identities = [process_records.read(path) for path in layout.pids.iterdir()]
    groups = {pid for identity in identities if identity for pid in identity.members}
    return [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in groups]


def is_ready(layout: Layout) -> bool:
    try:
        return httpx.get(f"{layout.url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_shop_whose_supervisor_was_killed_sells_on_and_is_stopped_by_stack_down(own_stack, shopper):
    product, buyer = shopper(Role.STAFF).new_product(stock=100), shopper(Role.CUSTOMER)
    before = processes_of(own_stack.layout)
    kill_supervisor(own_stack.layout)
    assert [buyer.buy(product).status_code for _ in range(20)] == [201] * 20
    assert is_ready(own_stack.layout)
    status, output = done(own_stack.layout, "status")
    assert (status, output.count("running")) == (0, PROCESSES)
    assert done(own_stack.layout, "restart", "api-1")[0] == 1
    assert done(own_stack.layout, "down")[0] == 0
    assert len(before) > PROCESSES
    assert processes_of(own_stack.layout) == []


def test_no_request_fails_while_the_supervisor_stands_still(own_stack, shopper):
    product = shopper(Role.STAFF).new_product(stock=100_000)
    load = Load(
        buyers=[shopper(Role.CUSTOMER) for _ in range(4)],
        readers=[shopper(Role.CUSTOMER)],
        product=product,
        pause=0.005,
    )
    supervisor = supervision.pid(own_stack.layout)
    assert supervisor
    os.kill(supervisor, signal.SIGSTOP)
    try:
        with load:
            time.sleep(STANDSTILL_S)
    finally:
        os.kill(supervisor, signal.SIGCONT)
    assert load.failures == []
    assert len(load.bought) > 100
    wait_until(lambda: own_stack.log("nginx").count("/api/v1/purchases/") >= len(load.bought))


def test_the_second_of_two_that_start_at_once_names_the_first_and_touches_nothing(free_layout):
    starts = [stack_command(free_layout, "run") for _ in range(2)]
    try:
        wait_until(lambda: any(start.poll() is not None for start in starts))
        (loser,) = (start for start in starts if start.poll() is not None)
        (winner,) = (start for start in starts if start is not loser)
        wait_until(lambda: is_ready(free_layout))
        lines = (loser.stdout.read() if loser.stdout else "").splitlines()
        assert loser.returncode == 2
        assert len(lines) == 1
        assert f"(process {winner.pid})" in lines[0]
        assert winner.poll() is None
    finally:
        for start in starts:
            start.terminate()
            start.communicate(timeout=120)
    assert processes_of(free_layout) == []


def test_a_start_takes_over_what_a_killed_start_and_its_killed_supervisor_left(free_layout):
    first = stack_command(free_layout, "run")
    wait_until(lambda: is_ready(free_layout))
    first.kill()
    first.communicate()
    kill_supervisor(free_layout)
    left = set(orphans.alive(free_layout).values())
    second = stack_command(free_layout, "run")
    try:
        wait_until(lambda: not left & set(orphans.alive(free_layout).values()))
        wait_until(lambda: supervision.answers(free_layout) and is_ready(free_layout))
        assert len(left) >= PROCESSES
    finally:
        second.terminate()
        output, _ = second.communicate(timeout=120)
    assert "The supervisor of the stack here is gone: stopping what it left" in output
    assert processes_of(free_layout) == []
