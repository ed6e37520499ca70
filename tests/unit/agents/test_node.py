from dataclasses import replace
from pathlib import Path

import pytest

from agents.node import NodeOptions, configuration
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
    lines = configuration(options).splitlines()
    assert "replicaof 10.0.0.1 1" in lines
    assert "replica-priority 0" in lines


def test_a_node_has_a_memory_limit_where_none_is_named(options):
    assert "maxmemory 1gb" in configuration(options).splitlines()


def test_memory_and_disk_are_as_the_machine_allows(options):
    lines = configuration(replace(options, maxmemory="3gb", appendfsync="always")).splitlines()
    assert {"maxmemory 3gb", "appendfsync always"} <= set(lines)


@pytest.mark.parametrize("setting", ["auto-aof-rewrite-percentage", "save"])
def test_no_two_nodes_fork_at_the_same_growth_or_instant(options, setting):
    texts = [configuration(replace(options, address=node)) for node in options.nodes]
    values = [line for text in texts for line in text.splitlines() if line.startswith(f"{setting} ")]
    assert len(set(values)) == len(options.nodes)


def test_all_that_a_node_says_and_calls_goes_through_its_own_address(options):
    lines = configuration(options).splitlines()
    assert {"bind 10.0.0.1", "bind-source-addr 10.0.0.1", "replica-announce-ip 10.0.0.1"} <= set(lines)


def test_a_node_is_not_among_those_that_it_compares_itself_with(options):
    assert options.peers == (Address("10.0.0.2", 6379), Address("10.0.0.3", 6379))
