from dataclasses import replace

import pytest

from tests.samples import a_status_snapshot, an_instance


@pytest.mark.parametrize(
    ("topology", "silent_for", "status"), [("ok", 0, "ok"), ("ok", 9, "degraded"), ("down", 9, "down")]
)
def test_a_silent_instance_makes_it_worse_and_never_better(topology: str, silent_for: float, status: str):
    picture = a_status_snapshot(instances=[an_instance(silent_for=silent_for), an_instance()])
    assert replace(picture, topology=replace(picture.topology, status=topology)).status == status


def test_the_traffic_is_that_of_the_instances_that_are_there():
    picture = a_status_snapshot(instances=[an_instance(), an_instance(), an_instance(silent_for=9)])
    assert picture.traffic.requests == 2 * an_instance().traffic.requests


def test_a_sentinel_agrees_that_names_what_most_of_them_name():
    picture = a_status_snapshot()
    first, *others = picture.topology.sentinels
    other, silent = replace(first, primary="10.0.0.9:6379"), replace(first, primary=None)
    picture = replace(picture, topology=replace(picture.topology, sentinels=[other, silent, *others]))
    assert [picture.agrees(each) for each in (other, silent, *others)] == [False, False, True, True]


def test_failovers_are_counted_by_the_sentinel_that_knows_of_most():
    picture = a_status_snapshot()
    sentinels = [replace(each, epoch=number) for number, each in enumerate(picture.topology.sentinels)]
    assert replace(picture, topology=replace(picture.topology, sentinels=sentinels)).failovers_ever == 2
