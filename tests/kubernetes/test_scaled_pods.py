"""A data node and two Sentinels are added to the Pods that sell, and removed, by deploy/kubernetes/scale. It takes
minutes, so no phase runs it: docs/kubernetes.md has what it saw."""

import pytest

from tests.kubernetes.announced import PINNED
from tests.kubernetes.scaling import KILL
from tests.kubernetes.test_pods import see

pytestmark = pytest.mark.timeout(1800)
LIMIT_S = 1700
STEPS = ("redis=4", KILL, "redis=3", "sentinel=5", KILL, "sentinel=3")
FOLLOWING = (3, 3, 2, 2, 2, 2)


@pytest.fixture(scope="module")
def seen():
    """What tests.kubernetes.scaling has seen."""
    return see("tests.kubernetes.scaling", *STEPS, limit_s=LIMIT_S, **PINNED, EVERGREEN_MAX_OPEN_PURCHASES="0")


def test_no_purchase_fails_while_numbers_change(seen):
    assert [(step["step"], step["first_failures"]) for step in seen["steps"]] == [(step, []) for step in STEPS]
    assert all(step["bought"] > 0 for step in seen["steps"])


def test_each_step_ends_with_as_many_replicas_in_step(seen):
    assert tuple(step["following"] for step in seen["steps"]) == FOLLOWING


def test_what_was_acknowledged_was_sold_once(seen):
    assert seen["sold"] == sum(step["bought"] for step in seen["steps"])
    assert seen["violations"] == []


def test_what_was_removed_is_forgotten(seen):
    topology = seen["topology"]
    assert (len(topology["nodes"]), len(topology["sentinels"]), topology["status"]) == (3, 3, "ok")
