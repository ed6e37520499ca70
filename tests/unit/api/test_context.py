"""The context of a request, as nginx's headers describe it."""

import math
import time

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from shop.api.arrivals import Arrival, Arrivals
from shop.api.context import RequestContext, attach_context, context_of, find_context


@pytest.fixture(autouse=True)
def _no_requests_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop.api.context.ARRIVALS", Arrivals(lambda offset: None))


def context(**headers: str) -> RequestContext:
    return attach_context(RequestFactory().get("/", headers={n.replace("_", "-"): v for n, v in headers.items()}))


def test_the_attached_context_is_the_one_that_is_read():
    request = RequestFactory().get("/")
    attached = attach_context(request)
    assert context_of(request) is attached is find_context(request)


def test_a_request_without_a_context_has_none():
    assert find_context(HttpRequest()) is None


def test_the_request_id_is_that_of_nginx():
    assert context(X_Request_ID="5" * 32).request_id == "5" * 32


def test_requests_without_an_id_get_different_ones():
    assert len({context().request_id for _ in range(3)}) == 3


@pytest.mark.parametrize("prefix", ["", "t="])
def test_a_request_of_a_clock_that_agrees_has_its_age_at_once(prefix: str):
    parsed_context = context(X_Request_Start=f"{prefix}{time.time() - 0.4:.3f}")
    assert parsed_context.arrival.age_s == pytest.approx(0.4, abs=0.2)
    assert not parsed_context.may_be_retry


@pytest.mark.parametrize("age_s", [120, -120, 3.5])
def test_the_first_request_may_be_a_retry_where_the_clocks_differ(age_s: float):
    parsed_context = context(X_Request_Start=f"{time.time() - age_s:.3f}")
    assert (parsed_context.arrival.age_s, parsed_context.may_be_retry) == (None, True)


@pytest.mark.parametrize("stamp", ["", "soon", "nan", "inf"])
def test_a_request_without_a_stamp_was_sent_by_no_nginx(stamp: str):
    parsed_context = context(X_Request_Start=stamp)
    assert (parsed_context.arrival.age_s, parsed_context.may_be_retry) == (0.0, False)


def a_context(arrival: Arrival, timeout_s: float = math.inf) -> RequestContext:
    return RequestContext(request_id="5" * 32, received_at=1000.0, arrival=arrival, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("age_s", "timeout_s", "budget_s"),
    [(0.0, math.inf, 10.0), (4.0, math.inf, 6.0), (0.0, 4.0, 4.0), (8.0, 4.0, 2.0), (None, 4.0, 4.0)],
)
def test_the_deadline_is_a_duration_from_the_receipt(age_s: float | None, timeout_s: float, budget_s: float):
    assert a_context(Arrival(age_s), timeout_s).deadline(10.0) == 1000.0 + budget_s


def test_a_request_whose_requester_waits_gets_a_try_however_old_it_seems():
    assert a_context(Arrival(11.0)).deadline(10.0) == 1000.5


def test_a_stale_request_gets_none():
    assert a_context(Arrival(None, is_stale=True)).deadline(10.0) == 1000.0


@pytest.mark.parametrize(
    ("header", "timeout_s"), [("4", 4.0), ("2.5", 2.5), ("", math.inf), ("soon", math.inf), ("nan", math.inf)]
)
def test_the_timeout_is_in_seconds_and_infinite_where_unreadable(header: str, timeout_s: float):
    assert context(X_Request_Timeout=header).timeout_s == timeout_s


def test_degraded_service_is_on_request_alone():
    assert (context().serve_degraded, context(X_Serve_Degraded="1").serve_degraded) == (False, True)
