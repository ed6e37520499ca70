"""The status view: who sees what, and in which form."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.core.cache import caches
from django.test import Client

from exactly_once.topology_report import NodeReport
from operations import bootstrap
from operations.status.instances import ObservedFailover
from operations.status.snapshot import StatusSnapshot
from tests.samples import a_status_snapshot, an_instance
from tests.unit.api.client import ApiClient

HTML = {"Accept": "text/html"}
FAILOVER = ObservedFailover(
    at=datetime(2026, 11, 24, 12, tzinfo=UTC), primary="10.0.0.2:6379", previous="10.0.0.1:6379", seconds_without=1.62
)


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    clear_caches()
    yield
    clear_caches()


def clear_caches() -> None:
    for name in ("default", "shared"):
        caches[name].clear()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[StatusSnapshot]:
    """The snapshot there is to see: the last of these."""
    snapshots = [a_status_snapshot(failovers=[FAILOVER])]
    monkeypatch.setattr(bootstrap, "status_snapshot", lambda: snapshots[-1])
    return snapshots


def asked(who: ApiClient | None = None, **headers: str):
    return Client().get("/status/", headers={**(who._headers if who else {}), **headers})


def page(who: ApiClient | None = None) -> str:
    return asked(who, **HTML).content.decode()


def test_staff_are_told_everything(shown: list[StatusSnapshot], staff: ApiClient):
    told = asked(staff).json()
    assert (told["status"], told["seen_by"], told["primary"]) == ("ok", "api-1", "10.0.0.1:6379")
    assert told["nodes"][1] == {"address": "10.0.0.2:6379", "role": "replica", "link": "connected", "lag_bytes": 42}
    assert told["instances"][0]["requests_per_second"] == 50
    assert told["purchases"] == {"total": 1234, "recent": 56}
    assert told["failovers"][0]["at"] == "2026-11-24T12:00:00Z"
    assert (len(told["sentinels"]), told["quorum"], told["failovers_ever"]) == (3, True, 1)


@pytest.mark.parametrize("role", ["anyone", "customer"])
def test_everybody_else_is_told_the_verdict_and_what_there_is(shown: list[StatusSnapshot], role: str, request):
    told = asked(request.getfixturevalue(role)).json()
    assert told.pop("at")
    assert told == {
        "status": "ok",
        "text": "Everything is there",
        "instances": [{"up": True}, {"up": True}],
        "workers": [{"up": True}],
        "nodes": [{"role": "primary"}, {"role": "replica"}, {"role": "replica"}],
        "sentinels": [{"up": True}] * 3,
        "quorum": True,
    }


def test_a_page_for_the_public_names_nothing(shown: list[StatusSnapshot]):
    said = page()
    assert "takes writes" in said
    assert not [word for word in ("10.0.0.", "api-1", "1,234", "requests/s", "bytes behind") if word in said]


def test_a_page_for_staff_shows_numbers_lag_and_failovers(shown: list[StatusSnapshot], staff: ApiClient):
    said = page(staff)
    for word in ("10.0.0.1:6379", "api-1", "1,234", "50.0 requests/s", "42 bytes behind", "1.6 s without a primary"):
        assert word in said


@pytest.mark.parametrize(
    ("role", "link", "says"),
    [
        ("down", "down", "does not answer"),
        ("replica", "connect", "has lost its primary"),
        ("primary", "none", "takes no writes"),
    ],
)
def test_a_node_is_shown_as_it_is(shown: list[StatusSnapshot], staff: ApiClient, role: str, link: str, says: str):
    node = NodeReport(address="10.0.0.7:6379", role=role, link=link, lag_bytes=None)
    shown.append(replace(shown[0], topology=replace(shown[0].topology, nodes=[node])))
    assert says in page(staff)


def test_the_primary_is_the_one_that_the_sentinels_name(shown: list[StatusSnapshot], staff: ApiClient):
    assert "takes writes" in page(staff)
    shown.append(replace(shown[0], topology=replace(shown[0].topology, primary="10.0.0.2:6379")))
    clear_caches()
    assert "takes writes" not in page(staff)
    assert "former primary" in page(staff)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"primary": None}, "does not answer"),
        ({"primary": "10.0.0.9:6379"}, "names another primary"),
        ({"sees_primary_down": True}, "sees the primary down"),
        ({"is_failing_over": True}, "is failing over"),
    ],
)
def test_a_sentinel_is_shown_as_it_is(shown: list[StatusSnapshot], changes: dict, says: str):
    first, *others = shown[0].topology.sentinels
    topology = replace(shown[0].topology, sentinels=[replace(first, **changes), *others])
    shown.append(replace(shown[0], topology=topology))
    assert says in page()


def test_an_instance_that_fell_silent_is_shown_so(shown: list[StatusSnapshot], staff: ApiClient):
    shown.append(replace(shown[0], instances=[an_instance(silent_for=17)]))
    assert "silent for 17 s" in page(staff)
    clear_caches()
    assert "Something is missing" in page()


def test_what_cannot_be_counted_is_not_guessed(shown: list[StatusSnapshot], staff: ApiClient):
    shown.append(replace(shown[0], sales=None, instances=[], rates=()))
    assert asked(staff).json()["purchases"] is None
    assert '<p class="amount">?</p>' in page(staff)


@pytest.mark.parametrize(
    ("status", "says"),
    [("read-only", "There is no primary"), ("down", "The store does not answer")],
)
def test_the_status_is_there_whatever_is_wrong_with_the_shop(shown: list[StatusSnapshot], status: str, says: str):
    shown.append(replace(shown[0], topology=replace(shown[0].topology, status=status)))
    answer = asked(**HTML)
    assert answer.status_code == 200
    assert says in answer.content.decode()


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of Django's cache: the last of these, however long the machine takes."""
    seconds = [0.0]
    for module in ("base", "locmem"):
        clock = SimpleNamespace(time=lambda: seconds[-1])
        monkeypatch.setattr(f"django.core.cache.backends.{module}.time", clock)
    return seconds


def test_however_many_look_on_the_store_is_looked_at_once_a_second(
    monkeypatch: pytest.MonkeyPatch, staff: ApiClient, seconds: list[float]
):
    looks: list[int] = []
    monkeypatch.setattr(bootstrap, "status_snapshot", lambda: looks.append(1) or a_status_snapshot())
    for _ in range(3):
        page(), page(staff), asked(), asked(staff)
    assert len(looks) == 1
    seconds.append(1.5)
    page(), page(staff), asked(), asked(staff)
    assert len(looks) == 2


def test_nobody_keeps_what_is_told_to_staff(shown: list[StatusSnapshot], staff: ApiClient):
    answer = asked(staff)
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"Accept", "Authorization", "Cookie"} <= set(answer.headers["Vary"].split(", "))


def test_there_is_nothing_to_send(shown: list[StatusSnapshot]):
    assert Client().post("/status/").status_code == 405
