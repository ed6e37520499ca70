"""deploy/init: the users of the store, as `make run` has them."""

import json
from pathlib import Path

import pytest

from agents.secrets import Secrets
from operations import store_users
from tests.unit.deploy.test_init import Deployment, mode


@pytest.fixture
def made(tmp_path: Path) -> Deployment:
    deployment = Deployment(tmp_path)
    assert deployment.init().returncode == 0
    return deployment


def test_the_lists_are_those_that_make_run_writes(made):
    files = Secrets(made.local / "secrets")
    passwords = {user: (password,) for user, password in store_users.read_passwords(files).items()}
    for file, text in store_users.lists(files, "evergreen", passwords).items():
        assert file.read_text() == text


def test_redis_exporter_has_a_password_for_every_server_that_there_can_be(made):
    files = Secrets(made.local / "secrets")
    addresses = [f"172.20.0.1{number}:6379" for number in range(1, 6)]
    addresses += [f"172.20.0.2{number}:26379" for number in range(1, 6)]
    expected = json.loads(store_users.exporter_passwords(addresses, files.password("exporter")))
    assert json.loads(files.exporter_passwords.read_text()) == expected


def test_each_user_has_a_random_password_of_its_own_that_a_second_run_leaves_alone(made):
    files = Secrets(made.local / "secrets")
    before = store_users.read_passwords(files)
    assert len(set(before.values())) == len(store_users.USERS)
    assert {len(password) for password in before.values()} == {64}
    assert made.init().returncode == 0
    assert store_users.read_passwords(files) == before


def test_a_container_that_runs_has_the_file_that_a_second_run_changes(made):
    files = Secrets(made.local / "secrets")
    before = files.node_rules.stat().st_ino
    files.password_file("api").write_text("b" * 64)
    assert made.init().returncode == 0
    assert files.node_rules.stat().st_ino == before
    assert store_users.digest("b" * 64) in files.node_rules.read_text()
    assert mode(files.node_rules) == 0o644
