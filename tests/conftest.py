"""What every test needs: a secret key that is nobody's, programs that can be interrupted, an id of its own."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from django.conf import settings

from evergreen import logs

#: The fixture of tests/stack_fixtures.py, and the mark of what uses it.
SHARED = "redis_stack"

pytest_plugins = ["tests.stack_fixtures"]


def pytest_configure() -> None:
    settings.SECRET_KEY = "a secret key of tests, and of nothing else in the whole world"
    # A line that is written after its test is in the output of all tests, and in no report.
    logs.WRITER.gather_s = 0
    # A shell lets what it starts in the background ignore Ctrl-C, and so would every program that a test interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _name_each(items)
    _mark_shared(items)
    if hasattr(config, "workerinput"):
        items[:] = longest_modules_first(items)


def _mark_shared(items: Sequence[pytest.Item]) -> None:
    """Mark the tests on the data nodes that a worker starts once for all of its tests: an idle topology costs CPU, so
    modules with one of their own are in another phase."""
    for item in items:
        if SHARED in getattr(item, "fixturenames", ()):
            item.add_marker(SHARED)


def longest_modules_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The same tests, module after module: one of few long tests that came last would leave the other workers idle. A
    test counts as the seconds of its mark `takes_s`, or as one."""
    seconds: Counter[Path] = Counter()
    for item in items:
        mark = item.get_closest_marker("takes_s")
        seconds[item.path] += mark.args[0] if mark else 1
    return sorted(items, key=lambda item: -seconds[item.path])


def _name_each(items: Sequence[pytest.Item]) -> None:
    """Give each test an id of its own: of those that share one xdist would run one only. Schemathesis has one id for
    all operations."""
    for item in items:
        if item.parent and item.nodeid == f"{item.parent.nodeid}::{getattr(item, 'originalname', item.name)}":
            item._id = item.parent.id.child(item.name)
    repeated = [nodeid for nodeid, count in Counter(item.nodeid for item in items).items() if count > 1]
    if repeated:
        raise pytest.UsageError(f"more than one test goes by the name of {', '.join(repeated)}")


@pytest.fixture
def ended_pid() -> int:
    """The id of a process that runs no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Prints at once, also while output is captured: for what takes minutes."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def print_now(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(text, flush=True)

    return print_now
