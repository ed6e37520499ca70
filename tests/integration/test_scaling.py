"""More and fewer data nodes and Sentinels of `make run`: what every server knows afterwards, and after an interrupt."""

import os
import re
from contextlib import closing

import pytest

from devstack import lifecycle, scaling, supervision
from devstack.settings import Misconfigured
from devstack.temporary import running
from exactly_once.client import run_once
from exactly_once.reads import Consistency
from exactly_once.replies import parse_pairs
from tests.system.shopping import assembled

pytestmark = [pytest.mark.prove, pytest.mark.timeout(600)]
NETWORK = "127.35"
READS = 120


@pytest.fixture(scope="module")
def store():
    with running(NETWORK, lifecycle.DATA_ONLY) as started:
        started.wait_until_whole()
        yield started


def scaled(store, kind, count):
    store.layout = scaling.scale(store.layout, kind, count, os.environ, print)
    return store.layout


def master(layout, sentinel):
    command = ("SENTINEL", "MASTER", layout.settings.primary_name)
    return parse_pairs(run_once(layout.sentinels[sentinel], command, credentials=layout.operator)[0])


def numbers(layout):
    """What each Sentinel knows: replicas, other Sentinels, and its quorum."""
    fields = ("num-slaves", "num-other-sentinels", "quorum")
    return {tuple(int(master(layout, name)[field]) for field in fields) for name in layout.sentinels}


def reads_served(store):
    """How many of READS reads of the catalogue each data node has served. No other part of the shop sends STRLEN."""
    before = {name: calls(store.layout, name) for name in store.layout.redis}
    with closing(assembled(store, replicas=store.layout.settings.data_nodes - 1)) as container:
        key = container.keys.product_prefix
        for _ in range(READS):
            container.store.read(("STRLEN", key), Consistency.CAUSAL)
    return {name: calls(store.layout, name) - before[name] for name in store.layout.redis}


def calls(layout, name):
    (text,) = run_once(layout.redis[name], ("INFO", "commandstats"), credentials=layout.operator)
    return int(re.search(r"cmdstat_strlen:calls=(\d+)|$", text)[1] or 0)


@pytest.mark.parametrize("count", [4, 2, 3])
def test_data_nodes_are_added_and_removed_and_every_server_knows_it(store, count):
    layout = scaled(store, "redis", count)
    store.wait_until_whole()
    assert numbers(layout) == {(count - 1, 2, 2)}
    assert f"EVERGREEN_REPLICAS={count - 1}\n" in (layout.run / "env").read_text()
    running = [name for name, process in supervision.processes(layout).items() if process.pid]
    assert sorted(running) == sorted([*layout.redis, *layout.sentinels])
    served = reads_served(store)
    assert served.pop(store.primary) == 0
    assert min(served.values()) >= READS // (count - 1) // 2, served


@pytest.mark.parametrize("count", [5, 3])
def test_sentinels_are_added_and_removed_and_know_each_other(store, count):
    layout = scaled(store, "sentinel", count)
    store.wait_until_whole()
    assert numbers(layout) == {(2, count - 1, count // 2 + 1)}
    store.kill(store.primary)
    store.wait_until_whole()


def test_an_interrupted_command_is_completed_by_a_repeat(store, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scaling._Scaling, "_start", interrupt)
        with pytest.raises(KeyboardInterrupt):
            scaled(store, "redis", 4)
    store.layout = store.layout.scaled(4, 3)
    layout = scaled(store, "redis", 4)
    store.wait_until_whole()
    assert numbers(layout) == {(3, 2, 2)}


@pytest.mark.parametrize(
    ("kind", "count", "reason"),
    [
        ("redis", 6, "There can be 2, 3, 4 or 5 of redis, not 6."),
        ("sentinel", 4, "an even number survives no more failures"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(store, kind, count, reason):
    with pytest.raises(Misconfigured, match=reason):
        scaled(store, kind, count)
