"""How much slower purchases are during a fault: counted on enough of them, and compared in one load."""

import pytest

from chaos.history import Call, CallKind
from chaos.slowdown import MIN_PURCHASES, slowdown

QUIET, DURING = [(0.0, 100.0)], [(100.0, 200.0)]


def purchases(due: float, seconds: float, count: int = MIN_PURCHASES, kind: CallKind = CallKind.PURCHASE) -> list[Call]:
    return [Call(kind=kind, method="POST", path="/purchases/", due=due, ended=due + seconds) for _ in range(count)]


@pytest.mark.parametrize(("seconds", "passes"), [(0.01, True), (0.02, True), (0.03, False)])
def test_the_99th_percentile_may_be_so_many_times_as_long(seconds, passes):
    found = slowdown([*purchases(10, 0.01), *purchases(150, seconds)], QUIET, DURING)
    assert (found.failures(2.01) == []) is passes


def test_too_few_purchases_are_no_measurement():
    found = slowdown([*purchases(10, 0.01), *purchases(150, 0.01, MIN_PURCHASES - 1)], QUIET, DURING)
    assert found.failures(2.0) == [
        f"only {MIN_PURCHASES - 1} purchases were measured, 500 are needed: run it for longer"
    ]


def test_one_slow_purchase_in_a_hundred_is_not_counted_and_two_are():
    one, two = (
        slowdown([*purchases(10, 0.01), *purchases(150, 0.01), *purchases(160, 1.0, count)], QUIET, DURING)
        for count in (4, 12)
    )
    assert one.failures(2.0) == []
    assert two.failures(2.0) != []


def test_reads_and_what_is_due_at_other_times_is_not_counted():
    others = [*purchases(150, 9.0, kind=CallKind.CATALOGUE), *purchases(250, 9.0)]
    found = slowdown([*purchases(10, 0.01), *purchases(150, 0.01), *others], QUIET, DURING)
    assert (found.purchases, found.failures(2.0)) == (MIN_PURCHASES, [])
