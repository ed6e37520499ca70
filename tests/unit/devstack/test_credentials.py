import stat

import pytest

from devstack import credentials


@pytest.fixture(autouse=True)
def run_directory(layout):
    layout.run.mkdir()


def test_the_secret_key_is_made_once_and_is_the_owners_alone(layout):
    first = credentials.secret_key(layout)
    assert credentials.secret_key(layout) == first
    assert len(first) >= 50
    assert stat.S_IMODE((layout.run / "secret_key").stat().st_mode) == 0o600


def test_the_environment_is_left_for_the_shops_commands(layout):
    variables = credentials.write_environment(layout)
    lines = (layout.run / "env").read_text().splitlines()
    assert dict(line.split("=", 1) for line in lines) == variables
    assert stat.S_IMODE((layout.run / "env").stat().st_mode) == 0o600


def test_the_environment_names_all_sentinels(layout):
    found = credentials.environment(layout)["REDIS_SENTINEL"]
    assert found == "127.24.0.21:26379,127.24.0.22:26379,127.24.0.23:26379"
