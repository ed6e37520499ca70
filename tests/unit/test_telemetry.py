"""Metrics: each function adds to its samples."""

import pytest
from prometheus_client import REGISTRY

from shop import telemetry


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def added(call, name, **labels):
    """How much a call adds to this sample."""
    before = value(name, **labels)
    call()
    return value(name, **labels) - before


def test_a_request_is_counted_by_view_method_and_status():
    labels = {"view": "products-list", "method": "GET", "status": "200"}
    name = "django_http_responses_total_by_status_view_method_total"
    assert added(lambda: telemetry.request_served("products-list", "GET", 200, 0.1), name, **labels) == 1


def test_an_unknown_method_is_counted_as_other():
    labels = {"view": "none", "method": "other"}
    name = "django_http_requests_latency_seconds_by_view_method_count"
    assert added(lambda: telemetry.request_served("none", "BREW", 405, 0.1), name, **labels) == 1


@pytest.mark.parametrize(
    ("under_way", "name"),
    [
        (telemetry.request_in_progress, "evergreen_requests_in_progress"),
        (telemetry.write_in_progress, "evergreen_writes_in_progress"),
        (telemetry.connection_busy, "evergreen_redis_connections_busy"),
    ],
)
def test_a_gauge_of_work_in_progress_is_decremented_also_on_errors(under_way, name):
    before = value(name)
    with pytest.raises(KeyError), under_way():
        assert value(name) == before + 1
        raise KeyError
    assert value(name) == before


def test_pipelined_scripts_are_counted_each_with_its_outcome():
    def run():
        telemetry.script_ran("purchase_place", ["placed", "placed", "insufficient_stock"], 0.01)

    labels = {"script": "purchase_place", "outcome": "placed"}
    assert added(run, "evergreen_script_runs_total", **labels) == 2
    assert added(run, "evergreen_script_seconds_count", script="purchase_place") == 1


def test_a_wait_is_counted_by_the_replicas_that_acknowledged():
    assert added(lambda: telemetry.waited(2, 0.001), "evergreen_wait_acknowledgements_total", replicas="2") == 1
    assert added(lambda: telemetry.waited(1, 0.15), "evergreen_wait_seconds_sum") == pytest.approx(0.15)


def test_a_purchase_is_counted_with_its_units_and_its_total():
    def place():
        telemetry.purchase_placed("EUR", 3, 12.6)

    assert added(place, "evergreen_purchases_total", currency="EUR") == 1
    assert added(place, "evergreen_purchase_units_total", currency="EUR") == 3
    assert added(place, "evergreen_purchase_revenue_total", currency="EUR") == pytest.approx(12.6)
