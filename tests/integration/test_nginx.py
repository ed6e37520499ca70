import json
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.urls import get_resolver

from devstack.layout import INSTANCES
from devstack.settings import ROOT
from shop.api import limits
from shop.api.webhooks import DeliveryViewSet
from tests.integration.edge import Seen, ask, assert_is_problem, raw
from tests.stack_fixtures import wait_until

FORGED = {
    "X-Request-ID": "forged",
    "X-Request-Start": "1",
    "X-Forwarded-For": "1.2.3.4",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "elsewhere",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Protocol": "ssl",
    "X-Forwarded-Scheme": "https",
    "X-Url-Scheme": "https",
    "X-Scheme": "https",
    "X-Forwarded-Server": "elsewhere",
    "X-Forwarded-Prefix": "/elsewhere",
    "X-Original-URL": "/elsewhere",
    "X-Rewrite-URL": "/elsewhere",
    "X-HTTP-Method-Override": "DELETE",
    "X-Client-IP": "1.2.3.4",
    "X-Real-IP": "1.2.3.4",
    "True-Client-IP": "1.2.3.4",
    "Front-End-Https": "on",
    "Forwarded": "for=1.2.3.4",
    "X-Serve-Degraded": "1",
    "X-Request-Timeout": "60",
}
#: The id of a delivery in a path: an endpoint's, and an event's.
DELIVERY = f"(?P<pk>{DeliveryViewSet.lookup_value_regex})"
pytestmark = pytest.mark.usefixtures("log")


def test_what_a_client_says_of_itself_is_replaced(layout, instances):
    ask(layout, "GET", "/api/v1/products/", headers=FORGED)
    (seen,) = instances.seen
    assert not set(FORGED.values()) & set(seen.headers.values())
    assert seen.headers["X-Forwarded-For"] == "127.0.0.1"
    assert seen.headers["X-Forwarded-Proto"] == "http"
    assert seen.headers["Host"] == str(layout.nginx)
    replaced = {"X-Request-ID", "X-Request-Start", "X-Forwarded-For", "X-Forwarded-Proto"}
    assert FORGED.keys() & seen.headers.keys() == replaced


def test_an_instance_is_told_when_nginx_no_longer_waits_for_a_write(layout, instances):
    ask(layout, "POST", "/api/v1/purchases/", headers=FORGED)
    instances.cut_off = {"api-1", "api-2"}
    ask(layout, "POST", "/api/v1/purchases/", headers=FORGED)
    assert {seen.headers["X-Request-Timeout"] for seen in instances.seen} == {"4"}
    # Sooner, and the client would get what the instance says of a write that another one could still do.
    waits = re.findall(
        r"location @(?:degraded_)?writes {[^}]*proxy_read_timeout (\d+)ms", (ROOT / "deploy" / "nginx.conf").read_text()
    )
    assert [int(wait) < 4000 for wait in waits] == [True, True]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_instance_that_is_cut_off_is_passed_over(layout, instances, method):
    instances.cut_off = {"api-1"}
    assert {ask(layout, method, "/x")[::2] for _ in range(4)} == {(200, b"api-2")}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_all_are_cut_off_they_say_what_they_can(layout, instances, method):
    instances.cut_off = {"api-1", "api-2"}
    status, headers, body = ask(layout, method, "/x", b"the body", {"X-Serve-Degraded": "forged"})
    assert (status, body in (b"api-1", b"api-2")) == (200, True)
    assert {seen.body for seen in instances.seen} == {b"the body"}
    assert {seen.headers["X-Request-ID"] for seen in instances.seen} == {headers["X-Request-ID"]}
    assert len({seen.headers["X-Request-Start"] for seen in instances.seen}) == 1
    assert [seen.headers.get("X-Serve-Degraded") for seen in instances.seen][-1] == "1"
    assert instances.seen[0].headers.get("X-Serve-Degraded") is None


def test_where_all_are_gone_nginx_says_so(layout, instances):
    instances.broken = {"api-1", "api-2"}
    assert_is_problem(ask(layout, "GET", "/x"), 503, "store-unavailable")
    assert_is_problem(ask(layout, "POST", "/x"), 503, "outcome-unknown")


def test_an_answer_carries_the_id_that_the_instance_was_given(layout, instances):
    _, headers, _ = ask(layout, "GET", "/")
    assert headers["X-Request-ID"] == instances.seen[0].headers["X-Request-ID"]


def test_instances_take_turns(layout):
    assert {ask(layout, "GET", "/")[2] for _ in range(8)} == {b"api-1", b"api-2"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_a_request_that_an_instance_dropped_is_repeated_as_it_was(layout, instances, method):
    instances.broken = {"api-1"}
    for _ in range(4):
        assert ask(layout, method, "/x", b"the body")[2] == b"api-2"
    by_id: dict[str, list[Seen]] = {}
    for seen in instances.seen:
        by_id.setdefault(seen.headers["X-Request-ID"], []).append(seen)
    (repeated, *_) = (group for group in by_id.values() if len(group) == 2)
    assert [seen.instance for seen in repeated] == ["api-1", "api-2"]
    assert len({(seen.body, seen.headers["X-Request-Start"]) for seen in repeated}) == 1


def test_a_frozen_instance_is_passed_over_and_then_left_out(layout, instances):
    instances.frozen = {"api-1"}
    with ThreadPoolExecutor(8) as clients:
        assert {answer[2] for answer in clients.map(lambda _: ask(layout, "GET", "/"), range(8))} == {b"api-2"}
    instances.seen.clear()
    assert {ask(layout, "GET", "/")[2] for _ in range(8)} == {b"api-2"}
    assert {seen.instance for seen in instances.seen} == {"api-2"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_instance_that_stumbles_while_the_other_is_frozen_is_asked_again(layout, instances, method):
    instances.frozen, instances.stumbling = {"api-1"}, {"api-2"}
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: ask(layout, method, "/"), range(8)))
    assert {(status, body) for status, _, body in answers} == {(200, b"api-2")}


def test_a_write_is_not_sent_again_after_its_deadline(layout, instances):
    instances.frozen = set(INSTANCES)
    answer = ask(layout, "POST", "/api/v1/purchases/")
    assert_is_problem(answer, 503, "outcome-unknown")
    # 3.5 s each, and the deadline is 10 s.
    assert len(instances.seen) == 3


@pytest.mark.parametrize(("method", "code"), [("GET", "store-unavailable"), ("POST", "outcome-unknown")])
def test_without_any_instance_a_read_did_nothing_and_a_write_is_unknown(layout, instances, method, code):
    instances.broken = set(INSTANCES)
    answer = ask(layout, method, "/api/v1/purchases/")
    assert_is_problem(answer, 503, code)
    assert answer[1]["Retry-After"] == "1"


def test_instances_that_failed_are_back_as_soon_as_they_are_well(layout, instances):
    instances.broken = set(INSTANCES)
    for _ in range(10):
        ask(layout, "POST", "/")
    instances.broken = set()
    assert ask(layout, "POST", "/")[0] == 200


@pytest.mark.parametrize("status", [404, 500, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_an_instance_answers_is_passed_on_and_not_asked_again(layout, instances, method, status):
    instances.status = status
    given, headers, body = ask(layout, method, "/")
    assert given == status
    assert body in (b"api-1", b"api-2")
    assert "Retry-After" not in headers
    assert len(instances.seen) == 1


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/x/../metrics"])
def test_metrics_are_nobodys_business_outside(layout, instances, path):
    assert_is_problem(ask(layout, "GET", path), 404, "not-found")
    assert not instances.seen


def test_a_method_that_nginx_itself_refuses_is_told_which_there_are(layout, instances):
    status, headers, body = ask(layout, "TRACE", "/api/v1/products/")
    assert_is_problem((status, headers, body), 405, "method-not-allowed")
    assert headers["Allow"] == "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"


@pytest.mark.parametrize("path", ["/", "/api/v1/purchases/", *sorted(limits.CREDENTIALS_PATHS)])
def test_a_body_above_the_limit_of_its_path_is_refused(layout, instances, path):
    limit = limits.max_body_bytes(path)
    assert ask(layout, "POST", path, b"x" * limit)[0] == 200
    assert_is_problem(ask(layout, "POST", path, b"x" * (limit + 1)), 413, "payload-too-large")


def test_a_file_is_passed_on_larger_than_other_bodies_and_is_not_sent_again(layout, instances):
    path, data = f"{limits.UPLOAD_PATH}?kind=stock", b"sku,stock\n" * 200_000
    assert ask(layout, "POST", path, data)[0] == 200
    (seen,) = instances.seen
    assert (seen.body, seen.headers["X-Request-Timeout"]) == (data, "20")
    assert ask(layout, "GET", limits.UPLOAD_PATH)[0] == 200
    instances.seen.clear()
    instances.broken = {"api-1", "api-2"}
    assert_is_problem(ask(layout, "POST", path, data), 503, "outcome-unknown")
    assert len(instances.seen) == 1
    instances.broken, instances.cut_off = set(), {"api-1", "api-2"}
    assert_is_problem(ask(layout, "POST", path, data), 503, "outcome-unknown")


@pytest.mark.parametrize(
    "request_line",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/3.1\r\nHost: a\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"b" * 40000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: none\r\n\r\n",
    ],
    ids=["no request", "bad address", "no host", "version", "long address", "long header", "encoding"],
)
def test_what_is_no_http_is_a_problem_too(layout, instances, request_line):
    head, _, body = raw(layout, request_line).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "bad-request"
    assert not instances.seen


def logged(log: Path, id: str) -> dict[str, Any]:
    """The line about this request."""
    wait_until(lambda: id in log.read_text())
    (line,) = (line for line in map(json.loads, log.read_text().splitlines()) if line["request_id"] == id)
    return line


def test_a_log_line_is_json_with_all_that_is_needed_to_follow_a_request(layout, log):
    _, headers, _ = ask(layout, "GET", "/api/v1/products/?search=tea")
    line = logged(log, headers["X-Request-ID"])
    assert (line["method"], line["uri"], line["status"]) == ("GET", "/api/v1/products/", 200)
    assert (line["level"], line["repeats"], line["upstream_status"]) == ("info", 0, "200")
    assert (line["route"], line["user"]) == ("stand-in", "somebody's id")
    assert line["upstream"].startswith("unix:")
    assert {"bytes", "request_time", "upstream_time", "upstream_connect_time"} <= line.keys()
    assert datetime.fromisoformat(line["time"]).tzinfo


def test_what_an_instance_says_for_the_log_is_told_nobody_else(layout):
    _, headers, _ = ask(layout, "GET", "/")
    assert not {"X-Evergreen-Route", "X-Evergreen-User"} & headers.keys()


def test_a_repeat_is_logged_with_every_instance_that_was_tried(layout, instances, log):
    instances.broken = {"api-1"}
    answers = [ask(layout, "POST", "/api/v1/purchases/") for _ in range(2)]
    lines = [logged(log, headers["X-Request-ID"]) for _, headers, _ in answers]
    (line,) = (line for line in lines if line["repeats"])
    assert (line["repeats"], line["level"], line["status"], line["upstream_status"]) == (1, "warning", 200, "502, 200")
    assert [Path(tried).stem for tried in line["upstream"].split(", ")] == ["api-1", "api-2"]


def test_a_request_that_no_instance_answered_is_an_error(layout, instances, log):
    instances.broken = set(INSTANCES)
    assert logged(log, ask(layout, "GET", "/")[1]["X-Request-ID"])["level"] == "error"


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("/api/v1/users/?search=ada@example.com", "/api/v1/users/"),
        ("/api/v1/users/ada@example.com/role/", "/api/v1/users/*"),
        ("/api/v1/products/by-sku/TEA-1/", "/api/v1/products/by-sku/*"),
        (f"/api/v1/purchases/{uuid.UUID(int=7)}/cancel/", f"/api/v1/purchases/{uuid.UUID(int=7)}/cancel/"),
        ("/api/v1/products?x", "/api/v1/products"),
        ("/apicot", "/*"),
        ('/quoted"path', "/*"),
        ("/", "/"),
    ],
)
def test_of_a_path_only_the_shops_own_words_and_ids_are_logged(layout, log, path, uri):
    assert logged(log, ask(layout, "GET", path)[1]["X-Request-ID"])["uri"] == uri


def test_a_method_that_somebody_made_up_and_the_address_of_a_client_are_not_logged(layout, log):
    line = logged(log, ask(layout, "ADALOVELACE", "/")[1]["X-Request-ID"])
    assert (line["method"], line["client"]) == ("other", "127.0.0.0")


def test_what_is_no_request_is_logged_without_it(layout, log):
    raw(layout, b"GET /ada@example.com HTTP/1.1\r\nHost: a\r\nX ada@example.com: ada@example.com\r\n\r\n")
    raw(layout, b"ada@example.com\r\n\r\n")
    _, headers, _ = ask(layout, "GET", "/")
    logged(log, headers["X-Request-ID"])
    assert "ada" not in log.read_text() + layout.log("nginx-errors").read_text()


def paths(patterns: list[Any], before: str = "/") -> Iterator[str]:
    """Every path of these patterns, with an id where one belongs, and without its end where that can be anything."""
    for pattern in patterns:
        text = str(pattern.pattern).replace(DELIVERY, f"{uuid.UUID(int=7)}:7-0")
        here = before + re.sub(r"\(\?P<pk>[^)]*\)", str(uuid.UUID(int=7)), text).strip("^$")
        yield from (
            paths(pattern.url_patterns, here) if hasattr(pattern, "url_patterns") else [re.split("[<(]", here)[0]]
        )


def test_every_word_of_the_shops_paths_is_known_to_the_log(layout, log):
    known = [path.replace("^", "") for path in paths(get_resolver().url_patterns)]
    ids = [ask(layout, "GET", path)[1]["X-Request-ID"] for path in known]
    assert len(known) > 20
    assert [logged(log, id)["uri"] for id in ids] == known
