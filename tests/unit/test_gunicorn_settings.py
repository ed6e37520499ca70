"""What gunicorn believes and refuses, with the settings of deploy/gunicorn.conf.py."""

import json
import logging
import runpy
import socket
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.http.parser import RequestParser

from evergreen import threaded_worker, worker
from evergreen.gunicorn_problems import problem_answer
from operations import bootstrap
from shop import refusal_worker
from shop.bootstrap import get_shop

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "gunicorn.conf.py"
PEERS = [("127.0.0.1", 4000), ("172.20.0.30", 4000), b""]


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    written, config = runpy.run_path(str(CONFIGURATION)), Config()
    for name in set(written) & set(config.settings):
        config.set(name, written[name])
    return config


def read(config: Config, peer: Any, *headers: str, line: str = "GET / HTTP/1.1") -> Any:
    """The request as gunicorn reads it from this peer."""
    text = "\r\n".join([line, "Host: localhost", *headers, "", ""])
    return next(RequestParser(config, iter([text.encode()]), peer))


@pytest.mark.parametrize("peer", PEERS, ids=["loopback", "container", "socket"])
@pytest.mark.parametrize(
    "headers",
    [
        ("X-Forwarded-Ssl: on",),
        ("X-Forwarded-Proto: http", "X-Forwarded-Ssl: on"),
        ("X-Forwarded-Proto: https", "X-Forwarded-Protocol: http"),
    ],
)
def test_headers_about_the_scheme_neither_change_nor_fail_a_request(
    config: Config, peer: Any, headers: tuple[str, ...]
):
    assert read(config, peer, *headers).scheme == "http"


@pytest.mark.parametrize("peer", PEERS, ids=["loopback", "container", "socket"])
def test_a_header_cannot_stand_for_a_variable_of_wsgi(config: Config, peer: Any):
    names = [name for name, _ in read(config, peer, "SCRIPT_NAME: /evil", "PATH_INFO: /evil").headers]
    assert names == ["HOST"]


def test_a_request_line_may_be_as_long_as_nginx_lets_through(config: Config):
    assert read(config, b"", line=f"GET /{'a' * (7 * 1024)} HTTP/1.1").uri
    with pytest.raises(LimitRequestLine):
        read(config, b"", line=f"GET /{'a' * 9000} HTTP/1.1")


@pytest.fixture(params=[worker.Worker, threaded_worker.Worker], ids=["leader-followers", "gthread"])
def worker_class(request: pytest.FixtureRequest) -> Any:
    return request.param


def refused(worker_class: Any, error: Exception) -> tuple[bytes, dict[str, Any]]:
    """What a worker answers to this error: the head, and the document."""
    worker = worker_class.__new__(worker_class)
    worker.log, worker.cfg = logging.getLogger("gunicorn.error"), Config()
    server, client = socket.socketpair()
    with server, client:
        worker.handle_error(None, server, ("", -1), error)
        head, _, body = client.recv(65536).partition(b"\r\n\r\n")
    return head, json.loads(body)


@pytest.mark.parametrize("error", [LimitRequestLine(9000, 8190), LimitRequestHeaders("evil <script>")])
def test_what_gunicorn_refuses_is_a_problem_that_repeats_nothing(worker_class: Any, error: Exception):
    head, document = refused(worker_class, error)
    assert head.startswith(b"HTTP/1.1 400 Bad request\r\n")
    assert b"Content-Type: application/problem+json" in head
    assert (document["code"], document["status"]) == ("bad-request", 400)
    assert "evil" not in json.dumps(document)


def test_an_error_outside_of_django_is_a_problem_without_its_text(worker_class: Any):
    head, document = refused(worker_class, RuntimeError("an inner detail"))
    assert head.startswith(b"HTTP/1.1 500 ")
    assert (document["code"], "inner" in json.dumps(document)) == ("internal-error", False)


def test_a_problem_of_gunicorn_announces_its_length_and_is_not_stored():
    head, _, body = problem_answer(431).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Cache-Control: no-store" in head


@pytest.mark.parametrize(
    ("name", "worker_class"),
    [("leader-followers", worker.Worker), ("gthread", threaded_worker.Worker)],
)
def test_the_worker_is_the_one_that_is_chosen(monkeypatch: pytest.MonkeyPatch, name: str, worker_class: type):
    monkeypatch.setenv("EVERGREEN_WORKER_CLASS", name)
    config = Config()
    config.set("worker_class", runpy.run_path(str(CONFIGURATION))["worker_class"])
    assert config.worker_class is worker_class


def test_a_worker_that_ends_adds_what_it_has_counted_in_a_short_time(config: Config, monkeypatch: pytest.MonkeyPatch):
    done: list[object] = []
    monkeypatch.setattr(bootstrap, "leave", lambda: done.append("left"))
    monkeypatch.setattr(refusal_worker, "pursue", lambda *call: done.append(call))
    config.worker_exit(None, None)
    assert done == ["left", (get_shop, refusal_worker.LAST_WRITE_TIMEOUT_S)]
    assert refusal_worker.LAST_WRITE_TIMEOUT_S < 1
