"""deploy/init: settings with secrets of their own, checked, and the files that containers read."""

import json
import os
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from configuration import ROOT
from configuration.shop import MIN_MONITORING_PASSWORD_CHARACTERS, MIN_SECRET_CHARACTERS


@dataclass
class Deployment:
    """A directory with settings, and what deploy/init does to it."""

    directory: Path

    @property
    def env_file(self) -> Path:
        return self.directory / ".env"

    @property
    def local(self) -> Path:
        return self.directory / "local"

    def init(self) -> subprocess.CompletedProcess[str]:
        variables = {"EVERGREEN_ENV_FILE": str(self.env_file), "EVERGREEN_LOCAL": str(self.local)}
        return subprocess.run(
            [ROOT / "deploy" / "init"],
            env={"PATH": os.environ["PATH"], **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def setting(self, name: str) -> str:
        return re.findall(rf"^{name}=(.*)$", self.env_file.read_text(), re.MULTILINE)[-1]

    def set(self, name: str, value: str) -> None:
        self.env_file.write_text(re.sub(rf"^{name}=.*$", f"{name}={value}", self.env_file.read_text(), flags=re.M))


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


@pytest.fixture
def made(deployment: Deployment) -> Deployment:
    assert deployment.init().returncode == 0
    return deployment


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_settings_are_made_with_strong_secrets_of_their_own(made, tmp_path):
    other = Deployment(tmp_path / "other")
    other.directory.mkdir()
    assert other.init().returncode == 0
    assert len(made.setting("SECRET_KEY")) >= MIN_SECRET_CHARACTERS
    assert made.setting("GRAFANA_PASSWORD")
    assert len(made.setting("EVERGREEN_MONITORING_PASSWORD")) >= MIN_MONITORING_PASSWORD_CHARACTERS
    assert made.setting("SECRET_KEY") != other.setting("SECRET_KEY")


def test_nobody_else_on_the_machine_reads_the_secrets_and_a_container_does(made):
    assert mode(made.env_file) == 0o600
    assert mode(made.local / "secrets") == 0o700
    assert mode(made.local / "secrets" / "secret_key") == 0o444
    assert (made.local / "secrets" / "secret_key").read_text() == made.setting("SECRET_KEY")


def test_settings_that_are_there_stay_as_they_are(made):
    before = made.env_file.read_text()
    assert made.init().returncode == 0
    assert made.env_file.read_text() == before


def test_settings_of_a_former_version_get_a_password_of_the_monitoring(made):
    made.set("EVERGREEN_MONITORING_PASSWORD", "")
    assert made.init().returncode == 0
    password = made.setting("EVERGREEN_MONITORING_PASSWORD")
    assert password
    assert (made.local / "secrets" / "monitoring_password").read_text() == password


def test_former_secret_keys_reach_a_file_of_their_own(made):
    file = made.local / "secrets" / "secret_key_fallbacks"
    assert file.read_text() == ""
    made.set("SECRET_KEY_FALLBACKS", made.setting("SECRET_KEY"))
    assert made.init().returncode == 0
    assert file.read_text() == made.setting("SECRET_KEY")


def test_a_changed_secret_reaches_the_file_that_containers_read(made):
    made.set("SECRET_KEY", "a-random-text-" * 4)
    assert made.init().returncode == 0
    assert (made.local / "secrets" / "secret_key").read_text() == "a-random-text-" * 4


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("REDIS_MASTER_NAME", "", "REDIS_MASTER_NAME is missing"),
        ("REDIS_SENTINEL", "", "REDIS_SENTINEL is missing"),
        ("SECRET_KEY", "", "SECRET_KEY is missing"),
        ("SECRET_KEY", "weak", "SECRET_KEY is too weak"),
        ("SECRET_KEY", "a" * 56, "SECRET_KEY is too weak"),
        ("SECRET_KEY", "django-insecure-" + "a-random-text-" * 4, "SECRET_KEY is too weak"),
        (
            "EVERGREEN_PREFIX",
            "10.1.2",
            "REDIS_SENTINEL names 172.20.0.21:26379, where EVERGREEN_PREFIX makes it 10.1.2.21",
        ),
        ("EVERGREEN_DURABILITY", "fsynced", "needs EVERGREEN_REDIS_APPENDFSYNC=always"),
    ],
)
def test_a_value_that_is_missing_or_weak_is_named(made, name, value, fault):
    made.set(name, value)
    answer = made.init()
    assert answer.returncode != 0
    assert fault in answer.stderr


def test_everything_that_is_wrong_is_named_at_once(made):
    for name in ("REDIS_MASTER_NAME", "REDIS_SENTINEL", "SECRET_KEY"):
        made.set(name, "")
    assert len(made.init().stderr.splitlines()) == 3


def test_nginx_is_told_of_two_instances_and_of_those_that_were_added(made):
    made.set("COMPOSE_PROFILES", "ha,api-3")
    assert made.init().returncode == 0
    lines = (made.local / "nginx" / "instances.conf").read_text().splitlines()
    assert [line.split()[1] for line in lines if "backup" in line] == [
        f"172.20.0.7{number}:8000" for number in (1, 2, 3)
    ]


@pytest.fixture
def docker(made, tmp_path, monkeypatch):
    """An engine that has no image, and writes down what it was called with."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n[ "$1" = version ]\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path / "calls"


def test_without_grafanas_image_its_profile_is_off_and_the_others_stay(made, docker):
    made.set("COMPOSE_PROFILES", "ha,dashboards")
    answer = made.init()
    assert answer.returncode == 0
    assert re.search(r"^pull --quiet grafana/grafana:\S+$", docker.read_text(), re.MULTILINE)
    assert "Grafana's image grafana/grafana:" in answer.stdout
    assert made.setting("COMPOSE_PROFILES") == "ha"


def test_with_grafanas_image_its_profile_stays_on(made, docker):
    program = docker.parent / "bin" / "docker"
    program.write_text("#!/bin/sh\n")
    assert made.init().returncode == 0
    assert made.setting("COMPOSE_PROFILES") == "dashboards"


def test_grafanas_image_is_not_asked_for_where_its_profile_is_off(made, docker):
    made.set("COMPOSE_PROFILES", "ha")
    assert made.init().returncode == 0
    assert not docker.exists()


def test_prometheus_is_told_of_everything_for_each_of_its_jobs(made):
    jobs = re.findall(r"job_name: (\S+)", (ROOT / "monitoring" / "prometheus" / "prometheus.yml").read_text())
    files = {path.stem: json.loads(path.read_text()) for path in (made.local / "targets").iterdir()}
    assert set(files) == set(jobs)
    assert [target["labels"]["instance"] for target in files["redis"]] == ["redis-1", "redis-2", "redis-3"]
