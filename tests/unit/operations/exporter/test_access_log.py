import socket

import orjson
import pytest
from prometheus_client import CollectorRegistry

from operations.exporter.access_log import AccessLog, count_next, listener

ONE_TRY = {
    "method": "GET",
    "status": 200,
    "request_time": 0.004,
    "upstream": "unix:/run/api-1.sock",
    "upstream_status": "200",
    "upstream_time": "0.003",
}
REPEATED = {
    "method": "POST",
    "status": 201,
    "request_time": 6.2,
    "upstream": "172.20.0.31:8000, 172.20.0.32:8000",
    "upstream_status": "504, 201",
    "upstream_time": "6.000, 0.200",
}
REFUSED = {
    "method": "BREW",
    "status": 405,
    "request_time": 0.0,
    "upstream": "",
    "upstream_status": "",
    "upstream_time": "",
}
NEVER_CONNECTED = {
    **ONE_TRY,
    "status": 503,
    "upstream": "172.20.0.31:8000",
    "upstream_status": "-",
    "upstream_time": "-",
}


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def access_log(registry):
    return AccessLog(registry)


def datagram(line: dict) -> bytes:
    return b"<190>Nov 24 14:54:48 nginx: " + orjson.dumps(line)


def test_a_request_is_counted_by_method_and_status(registry, access_log):
    access_log.count(datagram(ONE_TRY))
    assert registry.get_sample_value("evergreen_nginx_requests_total", {"method": "GET", "status": "200"}) == 1
    assert registry.get_sample_value("evergreen_nginx_request_seconds_sum", {"kind": "read"}) == 0.004


def test_each_try_is_counted_with_its_instance(registry, access_log):
    access_log.count(datagram(REPEATED))
    tries = "evergreen_nginx_upstream_tries_total"
    assert registry.get_sample_value(tries, {"upstream": "172.20.0.31:8000", "status": "504"}) == 1
    assert registry.get_sample_value(tries, {"upstream": "172.20.0.32:8000", "status": "201"}) == 1
    assert registry.get_sample_value("evergreen_nginx_requests_repeated_total", {"kind": "write"}) == 1
    assert registry.get_sample_value("evergreen_nginx_upstream_seconds_sum", {"upstream": "172.20.0.31:8000"}) == 6


def test_tries_before_and_after_an_internal_redirect_are_told_apart(registry, access_log):
    access_log.count(
        datagram({**REPEATED, "upstream": "a:1 : b:2", "upstream_status": "502 : 200", "upstream_time": "0.1 : 0.2"})
    )
    tries = "evergreen_nginx_upstream_tries_total"
    assert registry.get_sample_value(tries, {"upstream": "a:1", "status": "502"}) == 1
    assert registry.get_sample_value(tries, {"upstream": "b:2", "status": "200"}) == 1


def test_a_try_that_reached_nobody_took_no_time(registry, access_log):
    access_log.count(datagram(NEVER_CONNECTED))
    tries = {"upstream": "172.20.0.31:8000", "status": "none"}
    assert registry.get_sample_value("evergreen_nginx_upstream_tries_total", tries) == 1
    assert registry.get_sample_value("evergreen_nginx_upstream_seconds_count", {"upstream": tries["upstream"]}) is None


def test_what_nginx_refuses_for_the_instances_is_counted_and_no_try(registry, access_log):
    columns = {"upstream": "writes : overflow_writes", "upstream_status": "502 : 502", "upstream_time": "0.0 : 0.0"}
    access_log.count(datagram({**REPEATED, **columns, "status": 503, "limited": "capacity"}))
    access_log.count(datagram({**REPEATED, "status": 503, "limited": ""}))
    shed = "evergreen_nginx_requests_shed_total"
    assert [registry.get_sample_value(shed, {"kind": kind}) for kind in ("read", "write")] == [0, 1]
    tries = {"upstream": "writes", "status": "502"}
    assert registry.get_sample_value("evergreen_nginx_upstream_tries_total", tries) is None
    assert registry.get_sample_value("evergreen_nginx_requests_repeated_total", {"kind": "write"}) == 1


def test_whatever_methods_a_client_makes_up_are_one(registry, access_log):
    access_log.count(datagram(REFUSED))
    assert registry.get_sample_value("evergreen_nginx_requests_total", {"method": "other", "status": "405"}) == 1


def test_instances_beyond_a_limit_are_one(registry, access_log):
    for number in range(40):
        access_log.count(datagram({**ONE_TRY, "upstream": f"10.0.0.{number}:8000"}))
    named = {
        sample.labels["upstream"]
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "evergreen_nginx_upstream_tries_total"
    }
    assert len(named) == 17
    assert (
        registry.get_sample_value("evergreen_nginx_upstream_tries_total", {"upstream": "other", "status": "200"}) == 24
    )


@pytest.mark.parametrize("text", [b"", b"<190>nginx: nothing", b"{", b"{}", b'{"method": []}', b'<1>{"method": "GET"}'])
def test_what_makes_no_sense_is_counted_as_that(registry, access_log, text):
    access_log.count(text)
    assert registry.get_sample_value("evergreen_nginx_lines_unreadable_total") == 1


def test_what_arrives_at_the_socket_is_counted(registry, access_log):
    with listener(("127.0.0.1", 0)) as datagrams, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nginx:
        nginx.sendto(datagram(ONE_TRY), datagrams.getsockname())
        count_next(datagrams, access_log)
    assert registry.get_sample_value("evergreen_nginx_request_seconds_count", {"kind": "read"}) == 1


@pytest.mark.parametrize("limiter", ["connections", "reads", "sign-in"])
def test_requests_that_nginx_limited_are_counted_by_limit(registry, access_log, limiter):
    access_log.count(b"<190>nginx: " + orjson.dumps({**REFUSED, "status": 429, "limited": limiter}))
    access_log.count(b"<190>nginx: " + orjson.dumps({**ONE_TRY, "status": 429, "limited": ""}))
    assert registry.get_sample_value("evergreen_nginx_requests_limited_total", {"limiter": limiter}) == 1


def test_a_limit_that_nginx_does_not_have_is_not_counted(registry, access_log):
    access_log.count(b"<190>nginx: " + orjson.dumps({**ONE_TRY, "limited": "made up"}))
    assert registry.get_sample_value("evergreen_nginx_requests_limited_total", {"limiter": "made up"}) is None


@pytest.mark.parametrize("result", ["HIT", "MISS", "BYPASS"])
def test_reads_of_the_catalogue_are_counted_by_route_and_by_what_the_cache_had(registry, access_log, result):
    access_log.count(datagram({**ONE_TRY, "route": "products-detail", "cache": result}))
    access_log.count(datagram({**ONE_TRY, "route": "users-list", "cache": ""}))
    cached = "evergreen_nginx_cache_requests_total"
    assert registry.get_sample_value(cached, {"route": "products-detail", "result": result.lower()}) == 1
    assert registry.get_sample_value(cached, {"route": "users-list", "result": ""}) is None


def test_cached_routes_beyond_a_limit_are_one(registry, access_log):
    for number in range(40):
        access_log.count(datagram({**ONE_TRY, "route": f"route-{number}", "cache": "HIT"}))
    others = {"route": "other", "result": "hit"}
    assert registry.get_sample_value("evergreen_nginx_cache_requests_total", others) == 24
