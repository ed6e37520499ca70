"""When the benchmark of an overload finds that the shop is itself again."""

import pytest

from benchmarks import overload
from benchmarks.open_load import Answered


def load(*answers: tuple[float, float, int]) -> overload.Measured:
    """Answers by when they were due, how late they were, and their status."""
    found = [Answered(due, due, due + late_s, status) for due, late_s, status in answers]
    return overload.Measured(answers=found, seconds=3.0, cpu_s={})


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ([(0.1, 0.4, 200), (1.1, 0.4, 201)], 0),
        ([(0.1, 0.6, 200), (1.1, 0.4, 200), (2.5, 0.1, 200)], 1),
        ([(0.1, 0.1, 200), (1.1, 0.0, 503), (1.2, 0.0, 503), (2.5, 0.1, 200)], 2),
        ([(0.1, 0.1, 200), (1.1, 0.0, 503), (2.5, 0.1, 200)], 0),
        ([(0.1, 0.1, 200), (2.5, 5.0, 0), (2.6, 5.0, 0)], 3),
    ],
    ids=["as before", "late", "refused", "as many refused as before", "no answer"],
)
def test_the_shop_is_itself_again_when_it_is_as_before_the_overload(after, seconds):
    before = load((0.1, 0.5, 200), (1.1, 0.1, 200), (1.2, 0.0, 503))
    assert overload.recovery_s(before, load(*after)) == seconds
