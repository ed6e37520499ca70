import math

from operations.status.instances import Traffic
from operations.status.traffic import READINGS, Reading, TrafficMeter
from shop import telemetry


def reading(at: float, fast: int, slow: int = 0, failed: int = 0) -> Reading:
    return Reading(at=at, up_to={0.01: fast, math.inf: fast + slow}, failed=failed)


def test_the_first_reading_tells_nothing():
    assert TrafficMeter(lambda: reading(7, 1000)).measure() == Traffic(seconds=0, within={}, failed=0)


def test_what_was_answered_since_then_is_told_by_how_long_it_took():
    readings = iter([reading(1, 100, 10, 5), reading(2, 150, 11, 5), reading(3, 160, 14, 7)])
    meter = TrafficMeter(lambda: next(readings))
    meter.measure()
    assert meter.measure() == Traffic(seconds=1, within={0.01: 50, math.inf: 1}, failed=0)
    assert meter.measure() == Traffic(seconds=2, within={0.01: 60, math.inf: 4}, failed=2)


def test_what_is_long_past_counts_no_more():
    readings = iter([reading(second, 100 if second else 0) for second in range(READINGS + 2)])
    meter = TrafficMeter(lambda: next(readings))
    told = [meter.measure().requests for _ in range(READINGS + 2)]
    assert (told[READINGS], told[READINGS + 1]) == (100, 0)


def test_it_is_read_off_the_metrics_without_those_who_ask_how_the_shop_is():
    meter = TrafficMeter()
    meter.measure()
    telemetry.request_served("products-list", "GET", 200, 0.0042)
    telemetry.request_served("products-list", "GET", 503, 60)
    telemetry.request_served("status", "GET", 200, 0.0001)
    told = meter.measure()
    assert (told.within, told.failed) == ({0.005: 1, math.inf: 1}, 1)
