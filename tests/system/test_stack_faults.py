"""Drills of `make run`: faults of its supervisor, its logs and its disk, with every request through nginx counted."""

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from devstack import lifecycle, orphans, supervision, temporary
from devstack.layout import INSTANCES, Layout
from devstack.temporary import RunningStack
from shop.domain.callers import Role
from tests.stack_fixtures import wait_until
from tests.system.shopping import Shopper, assembled, signed_in
from tests.system.test_second_terminal import run
from tests.system.test_supervisor import done, kill_supervisor

pytestmark = [pytest.mark.prove, pytest.mark.timeout(300)]
NETWORK = "127.32"
#: Of the disk that is filled, and seconds that it stays full: longer than a write waits.
DISK_SIZE, FULL_S = "200m", 20.0
FROZEN_S = 30.0
PIPE_BYTES = 65_536
PAUSE_S = 0.01
TRUTHFUL = {"store-unavailable", "outcome-unknown"}


@dataclass(kw_only=True)
class CountedLoad:
    """Buyers and readers, and how often each answer came. A write may be refused with 503 and Retry-After where
    `may_refuse_writes`; any other answer than success is a failure."""

    buyers: list[Shopper]
    product: str
    may_refuse_writes: bool = False
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> "CountedLoad":
        self._stop = threading.Event()
        calls = [call for buyer in self.buyers for call in (self._buying(buyer), self._reading(buyer))]
        self._threads = [threading.Thread(target=self._repeat, args=call) for call in calls]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def more(self, kind: str, number: int = 20) -> Callable[[], bool]:
        """Whether so many more of these were answered well since this call."""
        enough = self.answers[kind] + number
        return lambda: self.answers[kind] >= enough

    def _buying(self, buyer: Shopper) -> tuple[str, Callable[[], httpx.Response]]:
        return "sold", lambda: buyer.buy(self.product)

    def _reading(self, buyer: Shopper) -> tuple[str, Callable[[], httpx.Response]]:
        paths = cycle((f"/products/{self.product}/", "/purchases/?page_size=5"))
        return "read", lambda: buyer.get(next(paths))

    def _repeat(self, kind: str, call: Callable[[], httpx.Response]) -> None:
        while not self._stop.wait(PAUSE_S):
            try:
                answer = call()
            except httpx.HTTPError as error:
                self.failures.append(repr(error))
                continue
            if answer.is_success:
                self.answers[kind] += 1
            elif self.may_refuse_writes and kind == "sold" and _is_truthful_refusal(answer):
                self.answers["refused"] += 1
            else:
                self.failures.append(f"{kind}: {answer.status_code} {answer.text}")


def _is_truthful_refusal(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and "Retry-After" in answer.headers and answer.json()["code"] in TRUTHFUL


def load_on(stack: RunningStack, *, buyers: int = 3, may_refuse_writes: bool = False) -> CountedLoad:
    container, api = assembled(stack), f"{stack.base_url}/api/v1"
    product = Shopper(api=api, headers=signed_in(container.shop, Role.STAFF)).new_product(stock=1_000_000)
    shoppers = [Shopper(api=api, headers=signed_in(container.shop)) for _ in range(buyers)]
    container.close()
    return CountedLoad(buyers=shoppers, product=product, may_refuse_writes=may_refuse_writes)


@contextmanager
def started(layout: Layout, prepared: Callable[[], None] = lambda: None) -> Iterator[RunningStack]:
    """Everything, serving; whatever is left of it is ended."""
    lifecycle.prepare(layout, lifecycle.EVERYTHING)
    prepared()
    stack = RunningStack(layout=layout, supervisor=lifecycle.start(layout))
    try:
        stack.wait_until_serving()
        yield stack
    finally:
        with suppress(supervision.NotRunning):
            supervision.stop(layout)
        stack.supervisor.kill()
        stack.supervisor.wait()


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    with temporary.free(NETWORK, lifecycle.EVERYTHING, run=tmp_path / "run") as free:
        yield free


@pytest.fixture
def stack(layout: Layout) -> Iterator[RunningStack]:
    with started(layout) as running:
        yield running


@pytest.fixture
def small_disk(root: None, tmp_path: Path) -> Iterator[Path]:
    """A directory on a file system of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def filled(disk: Path) -> Iterator[Callable[[], None]]:
    """The disk without a free byte while the block runs; the function given fills what has become free since."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:

        def fill() -> None:
            for size in (2**20, 4096, 64):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

        fill()
        try:
            yield fill
        finally:
            file.truncate(0)
            filler.unlink()


def pids(layout: Layout) -> dict[str, int]:
    return {name: process.pid for name, process in supervision.processes(layout).items()}


def problems_of(stack: RunningStack) -> set[str]:
    """The checks of doctor that find a problem."""
    report = json.loads(run(stack, "doctor", "--json").stdout)["diagnoses"]
    return {line["check"] for line in report if line["level"] == "problem"}


def growths(logs: Sequence[Path], sizes: Sequence[int]) -> list[int]:
    """By how much each log has grown since it had this size, in bytes."""
    return [log.stat().st_size - size for log, size in zip(logs, sizes, strict=True)]


def test_a_full_run_directory_refuses_writes_reads_on_and_heals_by_itself(small_disk):
    with (
        temporary.free(NETWORK, lifecycle.EVERYTHING, run=small_disk / "run") as layout,
        started(layout) as stack,
        load_on(stack, may_refuse_writes=True) as load,
    ):
        wait_until(load.more("sold"))
        before, supervisor = pids(layout), supervision.pid(layout)
        with filled(small_disk) as fill:
            end = time.monotonic() + FULL_S
            while time.monotonic() < end:
                fill()
                time.sleep(0.5)
            assert load.answers["refused"] > 0
            wait_until(load.more("read"))
            assert done(layout, "status")[0] == 0
            # A machine that stands still for a moment fails over, and doctor names that too until it is done.
            wait_until(lambda: problems_of(stack) == {"disk", "write", "persistence"})
        wait_until(lambda: lifecycle.is_whole(layout))
        wait_until(load.more("sold"))
        assert load.failures == []
        assert (pids(layout), supervision.pid(layout)) == (before, supervisor)


def test_a_stack_on_a_full_disk_can_be_stopped_and_is_not_started_before_there_is_room(small_disk):
    with temporary.free(NETWORK, lifecycle.EVERYTHING, run=small_disk / "run") as layout, started(layout) as stack:
        with load_on(stack) as load:
            wait_until(load.more("sold"))
        with filled(small_disk):
            assert done(layout, "down")[0] == 0
            status, output = done(layout, "up")
            assert (status, "make room" in output) == (2, True)
        assert done(layout, "up")[0] == 0
        wait_until(lambda: lifecycle.is_whole(layout))
        with load_on(stack) as load:
            wait_until(load.more("sold"))
        assert load.failures == []


def test_no_request_fails_when_the_supervisor_is_killed_under_load_and_doctor_names_it(stack):
    with load_on(stack) as load:
        wait_until(load.more("sold"))
        processes = pids(stack.layout)
        kill_supervisor(stack.layout)
        wait_until(load.more("sold", 200))
        status, output = done(stack.layout, "status")
        assert (status, output.count("running")) == (0, len(processes))
        assert problems_of(stack) == {"supervisor"}
        wait_until(load.more("read"))
    assert load.failures == []
    assert done(stack.layout, "down")[0] == 0
    assert orphans.alive(stack.layout) == {}


def test_no_request_fails_while_the_supervisor_is_frozen_and_logs_outgrow_a_pipe(stack):
    logs = [stack.layout.log(name) for name in (*INSTANCES, "nginx")]
    with load_on(stack) as load:
        wait_until(load.more("sold"))
        supervisor = supervision.pid(stack.layout)
        assert supervisor
        sizes = [log.stat().st_size for log in logs]
        os.kill(supervisor, signal.SIGSTOP)
        try:
            time.sleep(FROZEN_S)
            wait_until(lambda: min(growths(logs, sizes)) > PIPE_BYTES)
            assert "supervisor" in problems_of(stack)
        finally:
            os.kill(supervisor, signal.SIGCONT)
        wait_until(lambda: supervision.answers(stack.layout))
    assert load.failures == []


def test_a_log_disk_that_takes_nothing_holds_no_request_up(layout):
    readers: list[int] = []

    def clog_the_logs() -> None:
        for name in INSTANCES:
            os.mkfifo(layout.log(name))
            # Nothing is read from it: once the pipe is full, a write to it does not return.
            readers.append(os.open(layout.log(name), os.O_RDONLY | os.O_NONBLOCK))

    try:
        with started(layout, clog_the_logs) as stack, load_on(stack) as load:
            wait_until(load.more("sold", 600))
            wait_until(load.more("read", 600))
    finally:
        for reader in readers:
            os.close(reader)
    assert load.failures == []


def test_a_second_start_under_load_is_refused_and_no_request_fails(stack):
    with load_on(stack) as load:
        wait_until(load.more("sold"))
        for verb in ("run", "up"):
            status, output = done(stack.layout, verb)
            assert (status, "A stack already runs" in output) == (2, True)
        wait_until(load.more("sold"))
    assert load.failures == []
