"""Real topologies for tests, one each per session: `redis_stack` (nodes and Sentinels) and `stack` (everything)."""

import time
from collections.abc import Callable, Iterator

import pytest

from devstack import lifecycle
from devstack.temporary import PATIENCE, RunningStack, running


def wait_until(is_so: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Returns when it is so; fails the test when it is not after `patience` seconds."""
    end = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > end:
            pytest.fail(f"not so after {patience:.0f} s")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def redis_stack() -> Iterator[RunningStack]:
    """Three data nodes and three Sentinels, whole."""
    with running("127.21", lifecycle.DATA_ONLY) as started:
        started.wait_until_whole()
        yield started


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """The whole topology, serving."""
    with running("127.22", lifecycle.EVERYTHING) as started:
        started.wait_until_serving()
        yield started
