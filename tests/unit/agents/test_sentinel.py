import re
from dataclasses import replace
from pathlib import Path

import pytest

from agents.secrets import Secrets
from agents.sentinel import SentinelOptions, configuration, write_configuration
from devstack.render import DEPLOY
from exactly_once.client import Address


@pytest.fixture
def options(tmp_path: Path) -> SentinelOptions:
    (tmp_path / "redis_password_sentinel").write_text("a password\n")
    return SentinelOptions(
        server=Path("/bin/valkey-server"),
        template=DEPLOY / "sentinel" / "sentinel.conf",
        directory=tmp_path / "sentinel-2",
        address=Address("10.0.1.2", 26379),
        nodes=(Address("10.0.0.1", 6379), Address("10.0.0.2", 6379), Address("10.0.0.3", 6379)),
        sentinels=tuple(Address(f"10.0.1.{number}", 26379) for number in (1, 2, 3)),
        primary_name="evergreen",
        secrets=Secrets(tmp_path),
    )


def test_a_new_sentinel_takes_the_first_node_for_the_primary_and_knows_the_others(options):
    assert {
        "sentinel monitor evergreen 10.0.0.1 6379 2",
        "sentinel known-replica evergreen 10.0.0.2 6379",
        "sentinel known-replica evergreen 10.0.0.3 6379",
    } <= set(configuration(options).splitlines())


def listening_at(options: SentinelOptions) -> list[str]:
    write_configuration(options)
    return [line for line in options.configuration_file.read_text().splitlines() if line.startswith("bind")]


def test_a_sentinel_listens_at_and_calls_from_its_own_address(options):
    assert listening_at(options) == ["bind 10.0.1.2", "bind-source-addr 10.0.1.2"]


def test_a_sentinel_that_is_announced_under_another_address_listens_at_that_of_its_present_pod(options):
    listening_at(replace(options, bind="10.244.0.7"))
    assert listening_at(replace(options, bind="10.244.3.9")) == ["bind 10.244.3.9", "bind-source-addr 10.244.3.9"]
    assert "sentinel announce-ip 10.0.1.2" in options.configuration_file.read_text().splitlines()


def test_nothing_in_the_template_is_left_open(options):
    assert re.findall(r"\$\{\w+\}", configuration(options)) == []


def test_what_a_sentinel_that_has_run_has_learnt_is_never_overwritten(options):
    write_configuration(options)
    options.configuration_file.write_text("sentinel monitor evergreen 10.0.0.3 6379 2\n")
    write_configuration(options)
    assert options.configuration_file.read_text().splitlines()[0] == "sentinel monitor evergreen 10.0.0.3 6379 2"


def test_the_present_password_replaces_the_former_one_in_the_configuration_of_a_sentinel_that_has_run(options):
    write_configuration(options)
    options.secrets.password_file("sentinel").write_text("another one")
    write_configuration(options)
    lines = options.configuration_file.read_text().splitlines()
    assert [line for line in lines if "-pass" in line] == [
        "sentinel auth-pass evergreen another one",
        "sentinel sentinel-pass another one",
    ]
