from dataclasses import replace
from pathlib import Path

import pytest

from agents.node import NodeOptions, configuration, last_followed
from exactly_once.client import Address


@pytest.fixture
def options(tmp_path: Path) -> NodeOptions:
    return NodeOptions(
        server=Path("/bin/valkey-server"),
        configuration=Path("/etc/evergreen/redis.conf"),
        directory=tmp_path,
        address=Address("10.0.0.1", 6379),
        nodes=(Address("10.0.0.1", 6379), Address("10.0.0.2", 6379), Address("10.0.0.3", 6379)),
        sentinels=(Address("10.0.1.1", 26379),),
        primary_name="evergreen",
        revision_key="{evergreen}:revision",
    )


def test_a_node_starts_following_nobody_and_cannot_be_elected(options):
    lines = configuration(options, "10.0.0.2").splitlines()
    assert "replicaof 10.0.0.2 1" in lines
    assert "replica-priority 0" in lines


def test_memory_and_disk_are_as_the_machine_allows(options):
    lines = configuration(replace(options, maxmemory="1gb", appendfsync="always"), "10.0.0.1").splitlines()
    assert {"maxmemory 1gb", "appendfsync always"} <= set(lines)


def test_no_two_nodes_rewrite_their_append_only_file_at_the_same_growth(options):
    texts = [configuration(replace(options, address=node), "10.0.0.1") for node in options.nodes]
    growths = [line for text in texts for line in text.splitlines() if line.startswith("auto-aof-rewrite-percentage ")]
    assert len(set(growths)) == len(options.nodes)


def test_all_that_a_node_says_and_calls_goes_through_its_own_address(options):
    lines = configuration(options, "10.0.0.2").splitlines()
    assert {"bind 10.0.0.1", "bind-source-addr 10.0.0.1", "replica-announce-ip 10.0.0.1"} <= set(lines)


def test_an_empty_directory_is_nobodys_data_but_its_own(options):
    assert last_followed(options) == "10.0.0.1"


def test_a_node_that_was_primary_has_its_own_data(options):
    options.own_configuration.write_text("bind 10.0.0.1\nport 6379\n")
    assert last_followed(options) == "10.0.0.1"


@pytest.mark.parametrize("word", ["replicaof", "slaveof"])
def test_a_node_remembers_whom_it_followed_as_the_server_wrote_it(options, word):
    options.own_configuration.write_text(f"# {word} nobody 0\nbind 10.0.0.1\n\n{word} 10.0.0.3 6379\n")
    assert last_followed(options) == "10.0.0.3"


def test_a_node_that_was_killed_before_it_followed_anybody_has_the_data_that_it_had(options):
    options.own_configuration.write_text(configuration(options, "10.0.0.2"))
    assert last_followed(options) == "10.0.0.2"


def test_a_node_is_not_among_those_that_it_compares_itself_with(options):
    assert options.peers == (Address("10.0.0.2", 6379), Address("10.0.0.3", 6379))
