"""What an instance says of itself and of the store."""

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
def looks(monkeypatch: pytest.MonkeyPatch) -> list[TopologyReport]:
    """Every look at the store so far."""
    taken: list[TopologyReport] = []
    monkeypatch.setattr(bootstrap, "topology_report", lambda: taken.append(REPORT) or REPORT)
    return taken


def test_a_process_that_serves_lives():
    assert Client().get("/livez").status_code == 200


@pytest.mark.parametrize(("fault", "status"), [("", 200), ("No node answers.", 503)])
def test_an_instance_is_ready_while_it_can_read(monkeypatch: pytest.MonkeyPatch, fault: str, status: int):
    monkeypatch.setattr(bootstrap, "read_fault", lambda: fault)
    assert Client().get("/readyz").status_code == status


def test_the_public_is_told_the_verdict_alone(looks: list[TopologyReport]):
    assert Client().get("/healthz").json() == {"status": "degraded"}


def test_staff_are_told_what_it_rests_on(looks: list[TopologyReport], staff: ApiClient, customer: ApiClient):
    told = Client().get("/healthz", headers=staff._headers).json()
    assert (told["primary"], told["quorum"], len(told["nodes"]), len(told["sentinels"])) == (REPORT.primary, True, 1, 1)
    assert told["instance"]
    assert Client().get("/healthz", headers=customer._headers).json() == {"status": "degraded"}


def test_a_wrong_token_is_no_reason_to_say_less_than_the_verdict(looks: list[TopologyReport]):
    assert Client().get("/healthz", headers={"Authorization": "Bearer wrong"}).json() == {"status": "degraded"}


def test_a_look_at_the_store_is_good_for_a_second(looks: list[TopologyReport]):
    for _ in range(3):
        Client().get("/healthz")
    assert len(looks) == 1


def test_a_store_that_is_down_is_unhealthy(monkeypatch: pytest.MonkeyPatch, store: FakeStore):
    down = TopologyReport(primary=None, nodes=[], sentinels=[], quorum=False, status="down")
    monkeypatch.setattr(bootstrap, "topology_report", lambda: down)
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "down"})


def test_requests_are_counted_and_timed_by_view(anyone: ApiClient):
    anyone.get("/products/")
    metrics = Client().get("/metrics").content.decode()
    labels = 'method="GET",status="200",view="products-list"'
    assert f"django_http_responses_total_by_status_view_method_total{{{labels}}}" in metrics
    name = "django_http_requests_latency_seconds_by_view_method_bucket"
    assert f'{name}{{le="0.0005",method="GET",view="products-list"}}' in metrics


def test_methods_that_nobody_knows_are_counted_together(anyone: ApiClient):
    anyone.send("BREW", "/products/")
    metrics = Client().get("/metrics").content.decode()
    assert 'method="other"' in metrics
    assert "BREW" not in metrics
