"""Prometheus' and Alertmanager's own tools on the files that they are started with."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import render
from devstack.layout import Layout
from devstack.lifecycle import EVERYTHING, MONITORING
from devstack.servers import MONITORS, Servers
from devstack.settings import Settings
from operations.alerting import alertmanager, read

SERVERS = Servers(
    redis=Path("/bin/valkey-server"),
    nginx=Path("/bin/nginx"),
    nginx_counts=True,
    monitors={name: Path("/bin", name) for name in MONITORS},
)


def said(*command: str | Path) -> str:
    """What the command says; it has to succeed."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(settings=Settings(run=tmp_path, network="127.24.0"))
    render.write_all(layout, SERVERS, {}, EVERYTHING + MONITORING)
    yield layout
    shutil.rmtree(layout.memory)


def test_prometheus_takes_its_configuration_its_rules_and_its_targets(promtool, layout):
    output = said(promtool, "check", "config", layout.directory("prometheus") / "prometheus.yml")
    assert "WARNING" not in output


@pytest.mark.parametrize("environ", [{}, {"EVERGREEN_ALERT_TO": "ops@example.com"}])
def test_alertmanager_takes_its_configuration(amtool, tmp_path, environ):
    path = tmp_path / "alertmanager.yml"
    path.write_text(alertmanager(read(environ)))
    assert "SUCCESS" in said(amtool, "check-config", path)
