import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from devstack import monitoring, render
from devstack.layout import MONITORS, NGINX_STATUS
from devstack.lifecycle import EVERYTHING, MONITORING
from devstack.servers import MONITORS as PROGRAMS
from devstack.servers import Servers
from devstack.settings import BackupSchedule
from operations.monitoring_access import authorization

PROMETHEUS = monitoring.SOURCE / "prometheus.yml"


def servers(*monitors: str, nginx_counts: bool = True) -> Servers:
    found = {name: Path("/bin", name) for name in monitors}
    return Servers(
        redis=Path("/bin/valkey-server"), nginx=Path("/bin/nginx"), nginx_counts=nginx_counts, monitors=found
    )


ALL = servers(*PROGRAMS)


def test_without_prometheus_nothing_watches():
    assert monitoring.running(servers("alertmanager", "exporter-redis")) == ()


def test_what_is_installed_beside_prometheus_runs_with_it():
    assert monitoring.running(servers("prometheus", "exporter-node")) == ("exporter", "exporter-node", "prometheus")
    assert set(monitoring.running(ALL)) == set(MONITORS)


def test_an_nginx_that_cannot_count_has_no_exporter():
    assert "exporter-nginx" not in monitoring.running(servers(*PROGRAMS, nginx_counts=False))


def test_what_is_not_installed_is_said():
    assert monitoring.missing(servers("prometheus", "exporter-redis")) == (
        "exporter-nginx",
        "exporter-node",
        "alertmanager",
    )


def test_every_job_of_the_configuration_has_its_targets(layout):
    jobs = {job["job_name"] for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]}
    schedule = BackupSchedule(target="/backups")
    found = monitoring.targets(replace(layout, settings=replace(layout.settings, backups=schedule)), ALL)
    assert set(found) == jobs
    assert [job for job, targets in found.items() if not targets] == ["autoscale"]


def test_without_an_exporter_its_job_scrapes_nobody(layout):
    found = monitoring.targets(layout, servers("prometheus"))
    assert {job for job, targets in found.items() if targets} == {"api", "worker", "exporter", "prometheus"}


def test_a_target_is_called_by_its_processs_name(layout):
    found = monitoring.targets(layout, ALL)
    assert [target["labels"]["instance"] for target in found["redis"]] == ["redis-1", "redis-2", "redis-3"]
    assert found["api"][1] == {"targets": ["127.24.0.32:18000"], "labels": {"instance": "api-2"}}


def test_what_prometheus_reads_lies_where_it_looks_for_it(layout):
    layout.run.mkdir()
    render.write_all(layout, ALL, {}, EVERYTHING + MONITORING)
    directory = layout.directory("prometheus")
    made, shared = (yaml.safe_load(path.read_text()) for path in (directory / "prometheus.yml", PROMETHEUS))
    assert [job["job_name"] for job in made["scrape_configs"]] == [job["job_name"] for job in shared["scrape_configs"]]
    assert json.loads(directory.joinpath("targets", "nginx.json").read_text())[0]["targets"] == ["127.24.0.43:19113"]
    assert {path.name for path in directory.joinpath("rules").iterdir()} == {
        path.name for path in monitoring.SOURCE.joinpath("rules").iterdir()
    }


@pytest.mark.parametrize("counts", [True, False])
def test_nginx_is_told_where_it_is_watched(layout, counts):
    layout.run.mkdir()
    render.write_all(layout, servers(*PROGRAMS, nginx_counts=counts), {}, EVERYTHING + MONITORING)
    watched = "".join(path.read_text() for path in layout.directory("nginx").joinpath("watched").iterdir())
    assert "access_log syslog:server=127.24.0.41:15514" in watched
    assert ("listen 127.24.0.43:19113;" in watched) is counts
    assert (f"listen unix:{layout.socket(NGINX_STATUS)};" in watched) is counts


def test_the_metrics_of_an_instance_are_passed_on_to_requests_with_the_password(layout):
    layout.run.mkdir()
    render.write_all(layout, ALL, {}, EVERYTHING + MONITORING)
    watched = layout.directory("nginx").joinpath("watched", "metrics.conf").read_text()
    password = layout.monitoring_password.read_text()
    assert watched.count(f'if ($http_authorization != "{authorization(password)}") {{') == 3
    assert re.findall(r"listen ([\d.:]+);", watched) == ["127.24.0.31:18000", "127.24.0.32:18000", "127.24.0.43:19113"]
    assert re.findall(r"location (?:= )?(\S+) ", watched) == ["/metrics", "/"] * 3


def test_every_job_asks_with_the_password_or_a_certificate(layout):
    jobs = yaml.safe_load(monitoring.prometheus(layout))["scrape_configs"]
    assert all(("basic_auth" in job) != ("tls_config" in job) for job in jobs)


def test_no_other_user_reads_a_password_or_a_key(layout):
    layout.run.mkdir()
    render.write_all(layout, ALL, {}, EVERYTHING + MONITORING)
    secret = [layout.monitoring_password, layout.directory("prometheus") / "password", monitoring.web_config(layout)]
    assert {path.stat().st_mode & 0o077 for path in (*secret, *layout.certificates.glob("*.key"))} == {0}


def test_the_directory_of_the_sockets_is_closed_to_other_users(layout):
    layout.sockets.mkdir(parents=True)
    layout.sockets.chmod(0o777)
    render.write_all(layout, ALL, {}, EVERYTHING)
    assert layout.sockets.stat().st_mode & 0o777 == 0o700


def test_nginx_tells_nobody_where_nobody_watches(layout):
    layout.run.mkdir()
    render.write_all(layout, ALL, {}, EVERYTHING + MONITORING)
    render.write_all(layout, ALL, {}, EVERYTHING)
    assert list(layout.directory("nginx").joinpath("watched").iterdir()) == []


def test_each_is_told_where_to_listen(layout):
    for name in MONITORS:
        where = layout.socket(name) if name == "exporter-nginx" else layout.monitors[name]
        assert str(where) in " ".join(monitoring.command(layout, ALL, name))
