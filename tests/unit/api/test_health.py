"""Health checks, and the metrics of requests."""

import pytest
from django.core.cache import cache
from django.test import Client

from exactly_once.topology_report import NodeReport, SentinelReport, TopologyReport
from shop import bootstrap
from tests.fakes import FakeStore
from tests.unit.api.client import ApiClient

REPORT = TopologyReport(
    primary="10.0.0.1:6379",
    nodes=[NodeReport(address="10.0.0.1:6379", role="primary", link="", lag_bytes=None)],
    sentinels=[SentinelReport(address="10.0.0.4:26379", primary="10.0.0.1:6379", sees_primary_down=False)],
    quorum=True,
    status="degraded",
)


@pytest.fixture(autouse=True)
def nothing_remembered():
    cache.clear()


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[TopologyReport]:
    """The topology reports made so far."""
    reports: list[TopologyReport] = []
    monkeypatch.setattr(bootstrap, "topology_report", lambda: reports.append(REPORT) or REPORT)
    return reports


def test_livez_is_200():
    assert Client().get("/livez").status_code == 200


@pytest.mark.parametrize(("fault", "status"), [("", 200), ("No node answers.", 503)])
def test_readyz_is_200_while_the_instance_can_serve_reads(monkeypatch: pytest.MonkeyPatch, fault: str, status: int):
    monkeypatch.setattr(bootstrap, "read_fault", lambda: fault)
    assert Client().get("/readyz").status_code == status


def test_anonymous_callers_of_healthz_get_the_status_alone(reports: list[TopologyReport]):
    assert Client().get("/healthz").json() == {"status": "degraded"}


def test_staff_get_the_state_of_each_node_from_healthz(
    reports: list[TopologyReport], staff: ApiClient, customer: ApiClient
):
    body = Client().get("/healthz", headers=staff._headers).json()
    assert (body["primary"], body["quorum"], len(body["nodes"]), len(body["sentinels"])) == (REPORT.primary, True, 1, 1)
    assert body["instance"]
    assert Client().get("/healthz", headers=customer._headers).json() == {"status": "degraded"}


def test_healthz_with_an_invalid_token_returns_the_status_alone(reports: list[TopologyReport]):
    assert Client().get("/healthz", headers={"Authorization": "Bearer wrong"}).json() == {"status": "degraded"}


def test_a_health_report_is_cached_for_a_second(reports: list[TopologyReport]):
    for _ in range(3):
        Client().get("/healthz")
    assert len(reports) == 1


def test_healthz_is_503_when_the_store_is_down(monkeypatch: pytest.MonkeyPatch, store: FakeStore):
    down = TopologyReport(primary=None, nodes=[], sentinels=[], quorum=False, status="down")
    monkeypatch.setattr(bootstrap, "topology_report", lambda: down)
    response = Client().get("/healthz")
    assert (response.status_code, response.json()) == (503, {"status": "down"})


def test_requests_are_counted_and_timed_by_view(anyone: ApiClient):
    anyone.get("/products/")
    metrics = Client().get("/metrics").content.decode()
    labels = 'method="GET",status="200",view="products-list"'
    assert f"django_http_responses_total_by_status_view_method_total{{{labels}}}" in metrics
    name = "django_http_requests_latency_seconds_by_view_method_bucket"
    assert f'{name}{{le="0.0005",method="GET",view="products-list"}}' in metrics


def test_unknown_methods_are_counted_as_other(anyone: ApiClient):
    anyone.send("BREW", "/products/")
    metrics = Client().get("/metrics").content.decode()
    assert 'method="other"' in metrics
    assert "BREW" not in metrics
