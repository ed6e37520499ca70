"""Prometheus and Alertmanager beside the shop. Grafana, Loki and Alloy are not run: no engine here has their images."""

import httpx
import pytest

from tests.stack_fixtures import wait_until

SERVICES = ("exporter", "redis-exporter", "nginx-exporter", "prometheus", "alertmanager")


@pytest.fixture(scope="module")
def monitored(deployment):
    """The deployment with what watches it; afterwards without."""
    deployment.up(*SERVICES)
    yield deployment
    deployment.compose("rm", "--stop", "--force", *SERVICES, "alerting")


def asked(monitored, path):
    port = monitored.setting("EVERGREEN_PROMETHEUS_PORT")
    return httpx.get(f"http://127.0.0.1:{port}/api/v1/{path}").json()["data"]


def targets(monitored):
    return {target["labels"]["instance"]: target["health"] for target in asked(monitored, "targets")["activeTargets"]}


def test_prometheus_sees_every_part(monitored):
    nodes, sentinels = (tuple(f"{kind}-{number}" for number in (1, 2, 3)) for kind in ("redis", "sentinel"))
    parts = (*nodes, *sentinels, "api-1", "api-2", "nginx", "exporter", "prometheus", "alertmanager")
    wait_until(lambda: targets(monitored) == dict.fromkeys(parts, "up"))


def test_requests_through_nginx_are_counted(monitored):
    httpx.get(f"{monitored.base_url}/api/v1/products/")
    query = "query?query=sum(nginx_connections_accepted)"
    wait_until(lambda: float(asked(monitored, query)["result"][0]["value"][1]) > 0)


def test_prometheus_knows_whom_to_tell(monitored):
    wait_until(lambda: len(asked(monitored, "alertmanagers")["activeAlertmanagers"]) == 1)


def test_whom_to_tell_is_checked_before_alertmanager_starts(monitored):
    with pytest.raises(AssertionError, match="EVERGREEN_ALERT_TO is 'nobody': give a mail address"):
        monitored.compose("run", "--rm", "-e", "EVERGREEN_ALERT_TO=nobody", "alerting")


def test_what_watches_is_published_on_this_machine_alone(monitored):
    assert monitored.compose("port", "prometheus", "9090").startswith("127.0.0.1:")
    assert monitored.compose("port", "alertmanager", "9093").startswith("127.0.0.1:")
