import json
import os
import subprocess
import sys

import bcrypt
import pytest
from prometheus_client import CollectorRegistry, Counter

from operations import monitoring_access
from operations.exporter import server
from operations.monitoring_access import USER, authorization, is_authorized, web_config
from tests.architecture.sources import ROOT

PASSWORD = "a-password-of-the-monitoring-1234"


@pytest.mark.parametrize("header", ["", "Basic", authorization("another"), authorization(PASSWORD)[:-1], "Basic é"])
def test_another_password_is_refused(header):
    assert not is_authorized(header, PASSWORD)


def test_the_password_is_accepted():
    assert is_authorized(authorization(PASSWORD), PASSWORD)


def test_without_a_password_everything_is_open():
    assert is_authorized("", "")


def test_the_web_configuration_has_the_hash_of_the_password_and_not_the_password():
    text = web_config(PASSWORD)
    assert PASSWORD not in text
    assert bcrypt.checkpw(PASSWORD.encode(), json.loads(text)["basic_auth_users"][USER].encode())


def command(target, **variables: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", monitoring_access.__name__, str(target)]
    environ = {**os.environ, **variables}
    return subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_writes_the_file(tmp_path):
    assert command(tmp_path / "web.yml", EVERGREEN_MONITORING_PASSWORD=PASSWORD).returncode == 0
    assert USER in json.loads((tmp_path / "web.yml").read_text())["basic_auth_users"]


def test_the_command_names_a_password_that_is_missing(tmp_path):
    result = command(tmp_path / "web.yml")
    assert result.returncode == 1
    assert "EVERGREEN_MONITORING_PASSWORD is empty: run deploy/init" in result.stderr


def answered(path: str, header: str = "") -> tuple[str, bytes]:
    registry, statuses = CollectorRegistry(), []
    Counter("sales", "Sales.", registry=registry).inc()
    environ = {"PATH_INFO": path, "HTTP_AUTHORIZATION": header, "REQUEST_METHOD": "GET", "QUERY_STRING": ""}
    body = server.application(registry, PASSWORD)(environ, lambda status, headers: statuses.append(status))
    return statuses[0], b"".join(body)


def test_the_exporter_answers_metrics_to_the_password_alone():
    assert answered("/metrics")[0] == "401 Unauthorized"
    status, body = answered("/metrics", authorization(PASSWORD))
    assert (status, b"sales_total 1.0" in body) == ("200 OK", True)


def test_the_exporter_tells_anyone_that_it_is_alive():
    assert answered("/livez") == ("200 OK", b"")
