"""Faults of a topology with other numbers of data nodes and Sentinels: what they do, and what clients may see."""

import pytest

from chaos.faults import FAULTS, Tolerance, expected
from chaos.target import FaultInjector, NotHealed


class Topology(FaultInjector):
    """Records what is killed. Its primary is known while a majority of the Sentinels runs."""

    def __init__(self, sentinels):
        self.all = [f"sentinel-{number}" for number in range(1, sentinels + 1)]
        self.up, self.killed = set(self.all), []

    @property
    def data_nodes(self):
        return {"redis-1": ("127.0.0.1", 6379)}

    @property
    def replicas(self):
        return ()

    @property
    def sentinels(self):
        return self.all

    def heal(self):
        self.up = set(self.all)

    @property
    def primary(self):
        if 2 * len(self.up) <= len(self.all):
            raise NotHealed("The Sentinels agree on no primary.")
        return "redis-1"

    def take_away(self, *names):
        self.up -= set(names)

    def bring_back(self, *names):
        self.up |= set(names)

    def kill(self, *names):
        self.killed += [(name, len(self.up)) for name in names]


@pytest.mark.parametrize("sentinels", [3, 5])
def test_the_primary_is_killed_while_two_sentinels_are_gone(monkeypatch, sentinels):
    monkeypatch.setattr("chaos.faults.nodes.time.sleep", lambda seconds: None)
    topology = Topology(sentinels)
    FAULTS["two-sentinels-lost"].inject(topology, 1.0)
    assert topology.killed == [("redis-1", sentinels - 2)]
    assert topology.up == set(topology.all)


@pytest.mark.parametrize(
    ("name", "data_nodes", "sentinels", "tolerance"),
    [
        ("primary-killed", 2, 3, Tolerance.REFUSED_WRITES),
        ("primary-killed", 4, 5, Tolerance.NOTHING),
        ("instance-killed", 2, 3, Tolerance.NOTHING),
        ("two-sentinels-lost", 4, 3, Tolerance.REFUSED_WRITES),
        ("two-sentinels-lost", 3, 5, Tolerance.NOTHING),
        ("quorum-lost", 3, 5, Tolerance.REFUSED_WRITES),
        ("quorum-lost", 4, 3, Tolerance.NOTHING),
    ],
)
def test_what_clients_may_see_depends_on_the_numbers(name, data_nodes, sentinels, tolerance):
    assert expected(FAULTS[name], data_nodes, sentinels).tolerance is tolerance
