"""Data nodes and Sentinels added and removed by deploy/swarm/scale, on machines that join, under a load each."""

import dataclasses

import pytest

from chaos.faults import FAULTS
from chaos.run import Plan, run
from exactly_once.client import run_once
from exactly_once.replies import parse_pairs

pytestmark = pytest.mark.timeout(1800)
PLAN = Plan(times=1, seconds=0, rate=10)
LABELS = '{{.Description.Hostname}} {{index .Spec.Labels "evergreen.data"}} {{index .Spec.Labels "evergreen.sentinel"}}'


@pytest.fixture(scope="module")
def larger(target):
    """The swarm with two further machines."""
    target.heal()
    with target.swarm.with_spares():
        yield target


def numbers(swarm):
    """What each Sentinel knows: replicas, other Sentinels, and its quorum."""
    fields, layout = ("num-slaves", "num-other-sentinels", "quorum"), swarm.layout
    command = ("SENTINEL", "MASTER", layout.settings.primary_name)
    masters = (run_once(each, command, credentials=layout.operator)[0] for each in layout.sentinels.values())
    return {tuple(int(parse_pairs(master)[field]) for field in fields) for master in masters}


def labels(swarm):
    """The labels of each machine that has one of them."""
    rows = swarm.docker("node", "inspect", "--format", LABELS, *swarm.docker("node", "ls", "--quiet").split())
    return sorted(row for row in rows.splitlines() if len(row.split()) > 1)


def test_a_label_alone_adds_no_data_node(larger):
    larger.swarm.docker("node", "update", "--label-add", "evergreen.data=4", "machine-5")
    try:
        answer = larger.swarm.script("init")
    finally:
        larger.swarm.docker("node", "update", "--label-rm", "evergreen.data", "machine-5")
    assert answer.returncode != 0
    assert "4 machines have the label evergreen.data, and 3 of redis run" in answer.stderr


@pytest.mark.parametrize("name", ["nodes-scaled", "sentinels-scaled"])
def test_every_promise_holds_while_the_numbers_change(larger, name, say):
    swarm = larger.swarm
    before = labels(swarm)
    fault = dataclasses.replace(FAULTS[name], longest_write=None)
    (row,), _ = run(larger, [fault], PLAN, say)
    longest = f"longest read {row.longest_read:.2f} s, longest write {row.longest_write:.2f} s"
    failed = f"{len(row.failed_reads)} reads and {len(row.failed_writes)} writes failed"
    say(f"{name}: {row.requests} requests; {longest}; {failed}; longest pause {row.pause:.2f} s")
    assert row.broken_promises == []
    assert numbers(swarm) == {(2, 2, 2)}
    assert labels(swarm) == before
    assert swarm.is_whole()
    assert (swarm.carry_out("scale", "redis"), swarm.carry_out("scale", "sentinel")) == ("3\n", "3\n")
