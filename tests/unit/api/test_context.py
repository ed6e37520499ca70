"""The context of a request, as nginx's headers describe it."""

import math
import time

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from shop.api.context import MAX_REQUEST_AGE_S, RequestContext, attach_context, context_of, find_context


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
def test_the_arrival_is_that_at_nginx(prefix: str):
    arrived_at = round(time.time() - 4, 3)
    parsed_context = context(X_Request_Start=f"{prefix}{arrived_at}")
    assert (parsed_context.arrived_at, parsed_context.received_at > arrived_at) == (arrived_at, True)


@pytest.mark.parametrize("age_s", [MAX_REQUEST_AGE_S + 60, -60, math.nan, math.inf])
def test_an_arrival_that_cannot_be_is_replaced_by_the_receipt(age_s: float):
    parsed_context = context(X_Request_Start=f"{time.time() - age_s}")
    assert parsed_context.arrived_at == parsed_context.received_at


@pytest.mark.parametrize(
    ("header", "timeout_s"), [("4", 4.0), ("2.5", 2.5), ("", math.inf), ("soon", math.inf), ("nan", math.inf)]
)
def test_the_timeout_is_in_seconds_and_infinite_where_unreadable(header: str, timeout_s: float):
    assert context(X_Request_Timeout=header).timeout_s == timeout_s


def test_degraded_service_is_on_request_alone():
    assert (context().serve_degraded, context(X_Serve_Degraded="1").serve_degraded) == (False, True)
