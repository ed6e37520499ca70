import math

import pytest

from operations.status.instances import MAX_SILENCE_S, Instance, Traffic, combine

TRAFFIC = Traffic(seconds=2, within={0.001: 90, 0.01: 8, math.inf: 2}, failed=1)


@pytest.mark.parametrize(
    ("share", "seconds"), [(0.5, 0.001), (0.9, 0.001), (0.95, 0.01), (0.99, math.inf), (1, math.inf)]
)
def test_a_share_of_requests_took_as_long_as_the_bound_it_reaches(share: float, seconds: float):
    assert TRAFFIC.quantile(share) == seconds


def test_of_no_requests_none_took_any_time():
    quiet = Traffic(seconds=0, within={}, failed=0)
    assert (quiet.quantile(0.5), quiet.rate, quiet.requests) == (None, 0, 0)


def test_a_rate_is_of_a_second():
    assert (TRAFFIC.requests, TRAFFIC.rate) == (100, 50)


def test_what_ran_side_by_side_is_added_up():
    both = combine([TRAFFIC, Traffic(seconds=3, within={0.001: 10, 0.1: 5}, failed=2)])
    assert both == Traffic(seconds=3, within={0.001: 100, 0.01: 8, 0.1: 5, math.inf: 2}, failed=3)


def test_an_instance_is_alive_until_it_has_been_silent_for_long():
    near, far = (Instance(name="api-1", silent_for=MAX_SILENCE_S + by, traffic=TRAFFIC) for by in (-0.1, 0.1))
    assert (near.is_alive, far.is_alive) == (True, False)
