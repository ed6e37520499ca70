"""The steps of a role, as commands to the nodes."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from agents import role_actions
from agents.node_status import NOWHERE_PORT, NodeState, NodeStatus
from agents.role_actions import RoleActions
from agents.roles import LEAD, STAND_FOR_ELECTION, Action, RoleStep
from exactly_once.client import Address, ErrorReply
from exactly_once.revision import NO_REVISION, Revision

ONE, TWO = Address("10.0.0.1", 6379), Address("10.0.0.2", 6379)
HERE = Revision(3, 17)
NO_ONE = ("REPLICAOF", "NO", "ONE")
ELECTABLE = ("CONFIG", "SET", "replica-priority", "100")
WRITABLE = ("CONFIG", "SET", "replica-read-only", "no", "min-replicas-to-write", "0")
RECORD = ("SET", "{shop}:cold_starts", "1:5 3:17")
RESTORED = ("CONFIG", "SET", "replica-read-only", "yes", "min-replicas-to-write", "1")


class ANode:
    """Takes every command but the one that is `refused`, and has a replica to wait for."""

    def __init__(self):
        self.commands = []
        self.refused = None

    def run(self, *commands, timeout):
        self.commands += commands
        if self.refused in commands:
            raise ErrorReply("MISCONF")
        return [["min-replicas-to-write", "1"]]


@pytest.fixture
def nodes() -> dict[Address, ANode]:
    return {ONE: ANode(), TWO: ANode()}


@pytest.fixture
def actions(nodes, tmp_path: Path) -> RoleActions:
    (tmp_path / "appendonlydir").mkdir()
    return RoleActions(probe=SimpleNamespace(nodes=nodes), directory=tmp_path, revision_key="{shop}:revision")


def status(address: Address = ONE, revision: Revision = HERE) -> NodeStatus:
    nowhere = Address(address.host, NOWHERE_PORT)
    return NodeStatus(
        address=address,
        state=NodeState.READY,
        follows=nowhere,
        revision=revision,
        cold_starts=() if revision == NO_REVISION else (Revision(1, 5),),
    )


def transaction(*commands):
    return [WRITABLE, ("MULTI",), *commands, ("EXEC",), RESTORED]


def begun(epoch: int):
    return ("SET", "{shop}:epoch", f"{epoch} 10.0.0.1:6379")


def test_a_node_leads_before_it_records_where_it_began_and_begins_an_epoch_and_does_all_or_nothing(actions, nodes):
    actions.carry_out(LEAD, [status()])
    assert nodes[ONE].commands[1:] == transaction(NO_ONE, RECORD, begun(4))


def test_a_node_whose_start_is_recorded_begins_an_epoch_all_the_same(actions, nodes):
    actions.carry_out(LEAD, [status(revision=Revision(1, 5))])
    assert nodes[ONE].commands[1:] == transaction(NO_ONE, begun(2))


def test_a_node_that_stands_for_election_records_where_it_stands_and_leaves_the_epoch_to_the_first_write(
    actions, nodes
):
    actions.carry_out(STAND_FOR_ELECTION, [status()])
    assert nodes[ONE].commands[1:] == [*transaction(RECORD), ELECTABLE]


def test_a_node_that_cannot_record_where_it_stands_does_not_stand(actions, nodes):
    nodes[ONE].refused = RECORD
    with pytest.raises(ErrorReply, match="MISCONF"):
        actions.carry_out(STAND_FOR_ELECTION, [status()])
    assert ELECTABLE not in nodes[ONE].commands


def test_what_is_recorded_is_recorded_once(actions, nodes):
    actions.carry_out(STAND_FOR_ELECTION, [status(revision=Revision(1, 5))])
    assert nodes[ONE].commands == [ELECTABLE]


def test_an_empty_store_stays_empty(actions, nodes):
    actions.carry_out(LEAD, [status(revision=NO_REVISION)])
    assert nodes[ONE].commands == [NO_ONE]


@pytest.fixture
def events(monkeypatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(role_actions, "log", lambda event, level="info": found.append(event))
    return found


BEHIND = NodeStatus(address=TWO, state=NodeState.READY, revision=Revision(3, 9), cold_starts=(Revision(1, 5),))


def test_the_files_are_set_aside_once_where_a_sentinel_makes_the_node_follow_one_that_lacks_its_writes(
    actions, tmp_path, events
):
    copying = replace(status(), follows=TWO)
    for _ in range(3):
        actions.protect(copying, [BEHIND])
    (copy,) = tmp_path.glob("replaced-*")
    actions.protect(replace(copying, revision=BEHIND.revision, link_is_up=True), [BEHIND])
    assert [str(copy) in event for event in events] == [True]


def test_an_order_that_fails_and_is_given_again_evicts_no_copy(actions, nodes, tmp_path):
    nodes[ONE].refused = ("REPLICAOF", *TWO)
    step = RoleStep(action=Action.FOLLOW, node=TWO, sets_aside=True)
    for _ in range(5):
        with pytest.raises(ErrorReply, match="MISCONF"):
            actions.carry_out(step, [status(), BEHIND])
    assert len(list(tmp_path.glob("replaced-*"))) == 1


def test_a_copy_is_made_of_each_revision_that_is_replaced(actions, tmp_path):
    for revision in HERE, Revision(3, 18):
        actions.protect(replace(status(revision=revision), follows=TWO), [BEHIND])
    assert len(list(tmp_path.glob("replaced-*"))) == 2


def test_writes_that_were_replaced_between_two_looks_are_logged(actions, events):
    promoted = replace(BEHIND, follows=ONE)
    actions.protect(status(), [promoted])
    for _ in range(2):
        actions.protect(replace(BEHIND, address=ONE, follows=TWO, link_is_up=True), [BEHIND])
    (event,) = events
    assert "3:17" in event


def test_a_node_that_was_replaced_before_its_first_look_is_logged(actions, events):
    for _ in range(2):
        actions.protect(replace(BEHIND, address=ONE, follows=TWO, link_is_up=True), [BEHIND])
    assert len(events) == 1


def test_a_node_that_had_no_more_is_copied_without_a_line(actions, tmp_path, events):
    actions.protect(status(revision=BEHIND.revision), [BEHIND])
    actions.protect(replace(BEHIND, address=ONE, follows=TWO, link_is_up=True), [BEHIND])
    assert (events, list(tmp_path.glob("replaced-*"))) == ([], [])


def test_the_files_are_set_aside_before_the_node_follows_and_the_line_has_both_revisions(
    actions, nodes, tmp_path, events
):
    step = RoleStep(action=Action.FOLLOW, node=TWO, sets_aside=True)
    actions.carry_out(step, [status(), status(TWO, Revision(3, 9))])
    (copy,) = tmp_path.glob("replaced-*")
    assert [str(copy) in event and "3:9" in event and "3:17" in event for event in events] == [True, False]
    assert nodes[ONE].commands == [("REPLICAOF", *TWO)]


def test_a_node_whose_files_cannot_be_set_aside_does_not_follow(actions, nodes, tmp_path):
    (tmp_path / "appendonlydir").rmdir()
    step = RoleStep(action=Action.FOLLOW, node=TWO, sets_aside=True)
    with pytest.raises(OSError, match="appendonlydir"):
        actions.carry_out(step, [status(), status(TWO)])
    assert nodes[ONE].commands == []
