"""Prometheus and Alertmanager beside the shop. Grafana, Loki and Alloy are not run: no engine here has their images."""

import json

import httpx
import pytest

from tests.compose.containers import WORKERS
from tests.stack_fixtures import wait_until

SERVICES = ("exporter", "redis-exporter", "nginx-exporter", "prometheus", "alertmanager")


@pytest.fixture(scope="module")
def monitored(deployment):
    """The deployment with what watches it; afterwards without."""
    deployment.up(*SERVICES)
    yield deployment
    deployment.compose("rm", "--stop", "--force", *SERVICES, "alerting", "monitoring-access")


def asked(monitored, path):
    port = monitored.setting("EVERGREEN_PROMETHEUS_PORT")
    auth = ("prometheus", monitored.setting("EVERGREEN_MONITORING_PASSWORD"))
    return httpx.get(f"http://127.0.0.1:{port}/api/v1/{path}", auth=auth).json()["data"]


def targets(monitored):
    return {target["labels"]["instance"]: target["health"] for target in asked(monitored, "targets")["activeTargets"]}


def test_prometheus_sees_every_part(monitored):
    nodes, sentinels = (tuple(f"{kind}-{number}" for number in (1, 2, 3)) for kind in ("redis", "sentinel"))
    parts = (*nodes, *sentinels, "api-1", "api-2", *WORKERS, "nginx", "exporter", "prometheus", "alertmanager")
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


@pytest.mark.parametrize(
    ("host", "port"),
    [(71, 8000), (150, 9200), (151, 9121), (152, 9113), (153, 9090), (154, 9093), (158, 9201), (159, 9201)],
)
@pytest.mark.parametrize("auth", [None, ("prometheus", "guessed")])
def test_what_monitors_answers_401_without_the_password(monitored, host, port, auth):
    prefix = monitored.layout.settings.network
    wait_until(lambda: targets(monitored))
    assert httpx.get(f"http://{prefix}.{host}:{port}/metrics", auth=auth).status_code == 401


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_that_monitors_can_do_little(monitored, service):
    (seen,) = json.loads(monitored.engine.docker("inspect", monitored.container(service)))
    host = seen["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["CapAdd"]) == (True, ["ALL"], None)
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert monitored.setting("EVERGREEN_MONITORING_PASSWORD") not in json.dumps(seen)
