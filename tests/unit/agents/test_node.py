from dataclasses import replace
from pathlib import Path

import pytest

from agents import node
from agents.node import NodeOptions, configuration
from agents.node_status import NOWHERE_PORT, NodeState, NodeStatus
from agents.secrets import Secrets
from exactly_once.client import Address, ErrorReply
from exactly_once.errors import NotExecuted
from exactly_once.revision import Revision
from exactly_once.sentinels import Consensus


def made_secrets(directory: Path) -> Secrets:
    directory.mkdir()
    (directory / "redis_password_replica").write_text("a password\n")
    return Secrets(directory)


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
        secrets=made_secrets(tmp_path / "secrets"),
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


def test_a_node_that_is_announced_under_another_address_listens_at_and_calls_from_its_own(options):
    lines = configuration(replace(options, bind="10.244.0.7")).splitlines()
    assert {"bind 10.244.0.7", "bind-source-addr 10.244.0.7", "replica-announce-ip 10.0.0.1"} <= set(lines)
    assert "replicaof 10.244.0.7 1" in lines


def test_a_node_is_not_among_those_that_it_compares_itself_with(options):
    assert options.peers == (Address("10.0.0.2", 6379), Address("10.0.0.3", 6379))


class AServer:
    """Takes every command, after it has failed with each of these errors in turn."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.commands = []

    def run(self, *commands, timeout):
        if self.errors:
            raise self.errors.pop(0)
        self.commands += commands
        return [["min-replicas-to-write", "1"]]


class AProbe:
    """A node that is in step with the primary that all Sentinels name. Each question fails with these errors first."""

    def __init__(self, me, primary, *errors):
        self.me, self.primary, self.errors = me, primary, list(errors)
        self.nodes = {me: AServer()}

    def status(self, address):
        if self.errors:
            raise self.errors.pop(0)
        return NodeStatus(
            address=self.me,
            state=NodeState.READY,
            follows=self.primary,
            link_is_up=True,
            revision=Revision(1, 7),
        )

    def statuses(self, addresses):
        return [NodeStatus(address=self.primary, state=NodeState.READY, revision=Revision(1, 7))]

    def consensus(self):
        return Consensus(primary=self.primary)


ELECTABLE = ("CONFIG", "SET", "replica-priority", "100")


@pytest.fixture
def probe(options, monkeypatch) -> AProbe:
    monkeypatch.setattr(node, "is_running", lambda pid: True)
    monkeypatch.setattr(node, "POLL_S", 0)
    return AProbe(options.address, options.peers[0])


def test_a_look_that_fails_is_repeated_until_the_node_has_its_role(options, probe):
    probe.errors = [OSError("no space"), RuntimeError("can't start new thread"), NotExecuted("gone")]
    node._assign_role(options, probe, 1)
    assert probe.nodes[options.address].commands == [ELECTABLE]


def test_a_node_is_not_left_without_its_priority_where_the_last_step_fails(options, probe):
    probe.nodes[options.address].errors = [NotExecuted("late"), ErrorReply("refused")]
    node._assign_role(options, probe, 1)
    assert probe.nodes[options.address].commands == [ELECTABLE]


def test_files_that_another_node_is_about_to_overwrite_are_set_aside_while_no_sentinel_answers(
    options, probe, monkeypatch
):
    (options.directory / "appendonlydir").mkdir()
    monkeypatch.setattr(probe, "consensus", lambda: Consensus(primary=None))
    held = NodeStatus(
        address=options.address,
        state=NodeState.READY,
        follows=Address(options.address.host, NOWHERE_PORT),
        revision=Revision(1, 8),
    )
    monkeypatch.setattr(probe, "status", lambda address: held)
    node._Assignment(options, probe).look()
    assert len(list(options.directory.glob("replaced-*"))) == 1


def test_a_mark_that_cannot_be_removed_does_not_hold_the_role_up(options, probe):
    options.loading.mkdir()
    node._assign_role(options, probe, 1)
    assert probe.nodes[options.address].commands == [ELECTABLE]
