from dataclasses import replace

import pytest

from agents.node_status import NOWHERE_PORT, NodeState, NodeStatus
from agents.roles import (
    ABSENCE_TIMEOUT_S,
    ELECTION_TIMEOUT_S,
    FINISH,
    LEAD,
    SILENCE_TIMEOUT_S,
    STAND_FOR_ELECTION,
    WAIT,
    Action,
    RoleStep,
    find_missing,
    find_overwriter,
    may_set_aside,
    may_start,
    next_step,
)
from exactly_once.client import Address
from exactly_once.revision import NO_REVISION, Revision
from exactly_once.sentinels import Consensus

ONE, TWO, THREE = (Address(f"10.0.0.{number}", 6379) for number in (1, 2, 3))
NO_CONSENSUS = Consensus(primary=None)
ONE_LEADS = Consensus(primary=ONE)
TWO_LEADS = Consensus(primary=TWO)


def standing(address: Address, followed: Address, revision: int | Revision = 0, **more: object) -> NodeStatus:
    follows = Address(followed.host, NOWHERE_PORT)
    found = revision if isinstance(revision, Revision) else Revision(0, revision)
    return replace(NodeStatus(address=address, state=NodeState.READY, follows=follows, revision=found), **more)


def replica(
    address: Address, of: Address, revision: int = 0, link_is_up: bool = True, priority: int = 100
) -> NodeStatus:
    return NodeStatus(
        address=address,
        state=NodeState.READY,
        follows=of,
        link_is_up=link_is_up,
        priority=priority,
        revision=Revision(0, revision),
    )


def primary(address: Address, revision: int = 0, priority: int = 100) -> NodeStatus:
    return NodeStatus(address=address, state=NodeState.READY, priority=priority, revision=Revision(0, revision))


def down(address: Address) -> NodeStatus:
    return NodeStatus(address=address, state=NodeState.DOWN)


def silent(address: Address) -> NodeStatus:
    return NodeStatus(address=address, state=NodeState.SILENT)


def loading(address: Address, followed: Address, priority: int = 0) -> NodeStatus:
    return standing(address, followed, state=NodeState.LOADING, priority=priority)


def follow(address: Address) -> RoleStep:
    return RoleStep(action=Action.FOLLOW, node=address)


def copy(address: Address) -> RoleStep:
    return RoleStep(action=Action.COPY, node=address)


ORPHANS = [replica(TWO, ONE, link_is_up=False), replica(THREE, ONE, link_is_up=False)]


@pytest.mark.parametrize(
    ("consensus", "peers", "seconds", "expected"),
    [
        pytest.param(TWO_LEADS, [primary(TWO), replica(THREE, TWO)], 0.0, True, id="another one is primary"),
        pytest.param(TWO_LEADS, [down(TWO), down(THREE)], 0.0, True, id="another one is primary, and down"),
        pytest.param(ONE_LEADS, ORPHANS, 0.0, False, id="its replicas live and are to elect one of them"),
        pytest.param(ONE_LEADS, ORPHANS, ELECTION_TIMEOUT_S, True, id="they did not elect anybody"),
        pytest.param(ONE_LEADS, [primary(TWO), silent(THREE)], 9.0, False, id="one was just promoted"),
        pytest.param(ONE_LEADS, [down(TWO), loading(THREE, ONE, 100)], 9.0, False, id="a replica copies just now"),
        pytest.param(ONE_LEADS, [down(TWO), down(THREE)], 0.0, True, id="nobody else runs"),
        pytest.param(ONE_LEADS, [standing(TWO, ONE), loading(THREE, ONE)], 0.0, True, id="all are starting"),
        pytest.param(ONE_LEADS, [down(TWO), silent(THREE)], 0.0, False, id="one may live"),
        pytest.param(ONE_LEADS, [down(TWO), silent(THREE)], SILENCE_TIMEOUT_S, True, id="it stays silent"),
        pytest.param(NO_CONSENSUS, [down(TWO), down(THREE)], 0.0, True, id="no Sentinel answers, nobody else runs"),
        pytest.param(NO_CONSENSUS, ORPHANS, 0.0, False, id="no Sentinel answers, and this may have been the primary"),
    ],
)
def test_a_node_holds_back_while_another_could_be_elected_in_its_place(consensus, peers, seconds, expected):
    assert may_start(ONE, consensus, peers, seconds) is expected


@pytest.mark.parametrize(
    ("me", "peers", "seconds", "expected"),
    [
        pytest.param(standing(ONE, ONE), [standing(TWO, TWO), standing(THREE, THREE)], 0.1, LEAD, id="a new store"),
        pytest.param(standing(ONE, ONE), [standing(TWO, TWO), down(THREE)], 0.1, WAIT, id="one is not there yet"),
        pytest.param(
            standing(ONE, ONE), [standing(TWO, TWO), down(THREE)], 99.0, WAIT, id="one does not come, and has all"
        ),
        pytest.param(
            standing(ONE, ONE, 9), [standing(TWO, ONE, 8), down(THREE)], 0.1, WAIT, id="one has data, and may come"
        ),
        pytest.param(
            standing(ONE, ONE, 9),
            [standing(TWO, ONE, 8), down(THREE)],
            SILENCE_TIMEOUT_S,
            LEAD,
            id="one does not come, and the others have what it acknowledged",
        ),
        pytest.param(
            standing(ONE, ONE, 0), [standing(TWO, ONE, 9), down(THREE)], 99.0, WAIT, id="an empty disk, and one is away"
        ),
        pytest.param(
            standing(ONE, ONE, 9), [standing(TWO, ONE, 0), silent(THREE)], 99.0, WAIT, id="another lost its disk"
        ),
        pytest.param(
            standing(ONE, ONE, 7),
            [standing(TWO, TWO, 53), standing(THREE, TWO, 53)],
            0.1,
            copy(TWO),
            id="new Sentinels",
        ),
        pytest.param(standing(ONE, ONE, 9), [down(TWO), silent(THREE)], 99.0, WAIT, id="nobody to compare with"),
        pytest.param(
            standing(ONE, ONE, 9), [loading(TWO, ONE), standing(THREE, ONE, 9)], 99.0, WAIT, id="one still loads"
        ),
        pytest.param(
            loading(ONE, ONE), [standing(TWO, ONE, 9), standing(THREE, ONE, 9)], 99.0, WAIT, id="it loads itself"
        ),
        pytest.param(
            standing(ONE, ONE, 9), [standing(TWO, ONE, 9), standing(THREE, ONE, 8)], 0.1, LEAD, id="nobody has more"
        ),
        pytest.param(
            standing(ONE, ONE, 8), [standing(TWO, ONE, 9), standing(THREE, ONE, 10)], 0.1, copy(THREE), id="two have"
        ),
        pytest.param(
            standing(ONE, ONE, 0), [standing(TWO, ONE, 9), standing(THREE, ONE, 9)], 0.1, copy(TWO), id="an empty disk"
        ),
        pytest.param(
            standing(ONE, ONE, revision=Revision(2, 10)),
            [standing(TWO, TWO, 12), standing(THREE, ONE, revision=Revision(2, 10))],
            0.1,
            LEAD,
            id="an older primary counts more, in an earlier epoch",
        ),
        pytest.param(
            replica(ONE, THREE, 0, link_is_up=False, priority=0),
            [standing(TWO, ONE, 9), primary(THREE, 10, priority=0)],
            1.0,
            WAIT,
            id="it copies",
        ),
        pytest.param(
            replica(ONE, THREE, 10, priority=0),
            [standing(TWO, ONE, 9), primary(THREE, 10, priority=0)],
            1.0,
            LEAD,
            id="it has copied",
        ),
        pytest.param(primary(ONE, 10, priority=0), [standing(TWO, ONE, 9), down(THREE)], 0.1, FINISH, id="it leads"),
    ],
)
def test_the_primary_of_a_store_that_starts_leads_only_with_everything_that_the_others_have(
    me, peers, seconds, expected
):
    assert next_step(me, ONE_LEADS, peers, seconds) == expected


GONE = Consensus(primary=ONE, primary_is_down=True)


@pytest.mark.parametrize(
    ("me", "consensus", "peers", "seconds", "expected"),
    [
        pytest.param(standing(TWO, ONE), ONE_LEADS, [primary(ONE), down(THREE)], 0.1, follow(ONE), id="there it is"),
        pytest.param(standing(TWO, ONE), ONE_LEADS, [standing(ONE, ONE), down(THREE)], 9.0, WAIT, id="not yet"),
        pytest.param(
            replica(TWO, ONE, link_is_up=False, priority=0),
            ONE_LEADS,
            [primary(ONE), down(THREE)],
            1.0,
            WAIT,
            id="copy",
        ),
        pytest.param(replica(TWO, ONE, priority=0), ONE_LEADS, [primary(ONE), down(THREE)], 1.0, FINISH, id="in step"),
        pytest.param(
            primary(TWO, 9, priority=0), ONE_LEADS, [primary(ONE, 9), down(THREE)], 1.0, follow(ONE), id="was copied"
        ),
        pytest.param(
            replica(TWO, THREE, priority=0), ONE_LEADS, [primary(ONE), down(THREE)], 1.0, follow(ONE), id="changed"
        ),
        pytest.param(standing(TWO, ONE), NO_CONSENSUS, [primary(ONE), down(THREE)], 99.0, WAIT, id="no Sentinels"),
        pytest.param(
            standing(TWO, ONE),
            Consensus(primary=ONE, is_failing_over=True),
            [primary(ONE), down(THREE)],
            9.0,
            WAIT,
            id="the Sentinels are at it",
        ),
        pytest.param(
            standing(TWO, ONE, 9), GONE, [down(ONE), standing(THREE, ONE, 8)], 9.0, WAIT, id="it may still come"
        ),
        pytest.param(
            standing(TWO, ONE, 9),
            GONE,
            [down(ONE), standing(THREE, ONE, 8)],
            ABSENCE_TIMEOUT_S,
            STAND_FOR_ELECTION,
            id="it does not come, and nobody here has more",
        ),
        pytest.param(
            standing(TWO, ONE, 8),
            GONE,
            [down(ONE), standing(THREE, ONE, 9)],
            ABSENCE_TIMEOUT_S,
            WAIT,
            id="it does not come, and another has more",
        ),
        pytest.param(
            standing(TWO, ONE, 9),
            GONE,
            [down(ONE), standing(THREE, ONE, 9)],
            ABSENCE_TIMEOUT_S,
            WAIT,
            id="of two equals, one stands",
        ),
        pytest.param(
            standing(TWO, TWO, 12),
            GONE,
            [down(ONE), standing(THREE, ONE, revision=Revision(1, 9))],
            ABSENCE_TIMEOUT_S,
            WAIT,
            id="another has a later epoch",
        ),
        pytest.param(
            standing(TWO, ONE, 9), GONE, [down(ONE), standing(THREE, THREE, 0)], 99.0, WAIT, id="the other one is empty"
        ),
        pytest.param(
            standing(TWO, ONE, 9), GONE, [down(ONE), loading(THREE, ONE)], 99.0, WAIT, id="another one still loads"
        ),
        pytest.param(
            standing(TWO, ONE, 9), GONE, [down(ONE), down(THREE)], 99.0, WAIT, id="alone it could take no write"
        ),
        pytest.param(
            standing(TWO, ONE, 9), GONE, [loading(ONE, ONE), standing(THREE, ONE, 8)], 99.0, WAIT, id="it loads"
        ),
        pytest.param(
            standing(TWO, ONE, 9),
            ONE_LEADS,
            [silent(ONE), standing(THREE, ONE, 8)],
            99.0,
            WAIT,
            id="only this node does not reach it",
        ),
    ],
)
def test_any_other_node_follows_the_primary_and_can_be_elected_once_it_is_in_step(
    me, consensus, peers, seconds, expected
):
    assert next_step(me, consensus, peers, seconds) == expected


def test_damaged_files_are_set_aside_where_another_node_is_primary_and_has_the_data():
    assert may_set_aside(ONE, TWO_LEADS, [primary(TWO, revision=7), down(THREE)])


@pytest.mark.parametrize(
    ("consensus", "peers"),
    [
        (NO_CONSENSUS, [primary(TWO, revision=7), down(THREE)]),
        (ONE_LEADS, [replica(TWO, ONE, revision=7), replica(THREE, ONE, revision=7)]),
        (TWO_LEADS, [primary(TWO, revision=0), down(THREE)]),
        (TWO_LEADS, [standing(TWO, TWO, revision=7), down(THREE)]),
        (TWO_LEADS, [down(TWO), primary(THREE, revision=7)]),
        (replace(TWO_LEADS, primary_is_down=True), [primary(TWO, revision=7), down(THREE)]),
        (replace(TWO_LEADS, is_failing_over=True), [primary(TWO, revision=7), down(THREE)]),
    ],
)
def test_damaged_files_stay_where_no_other_node_is_sure_to_have_the_data(consensus, peers):
    assert not may_set_aside(ONE, consensus, peers)


def test_an_operator_s_order_makes_a_node_lead_without_those_that_are_missing():
    me, peers = standing(ONE, ONE, 7), [down(TWO), down(THREE)]
    assert next_step(me, ONE_LEADS, peers, SILENCE_TIMEOUT_S) == WAIT
    assert next_step(me, ONE_LEADS, peers, SILENCE_TIMEOUT_S, is_forced=True) == LEAD


@pytest.mark.parametrize(
    ("peers", "seconds", "expected"),
    [
        ([loading(TWO, ONE), down(THREE)], 99.0, WAIT),
        ([down(TWO), silent(THREE)], 1.0, WAIT),
        ([standing(TWO, ONE, 9), down(THREE)], 99.0, copy(TWO)),
    ],
)
def test_the_order_replaces_neither_the_wait_for_nodes_that_start_nor_the_comparison(peers, seconds, expected):
    assert next_step(standing(ONE, ONE, 0), ONE_LEADS, peers, seconds, is_forced=True) == expected


def test_the_order_makes_the_last_node_stand_for_election_where_the_primary_is_gone():
    me, peers = standing(TWO, ONE, 7), [down(ONE), down(THREE)]
    assert next_step(me, GONE, peers, ABSENCE_TIMEOUT_S, is_forced=True) == STAND_FOR_ELECTION


@pytest.mark.parametrize(
    ("me", "consensus", "peers", "expected"),
    [
        (standing(ONE, ONE, 9), ONE_LEADS, [standing(TWO, ONE, 9), down(THREE)], []),
        (standing(ONE, ONE, 9), ONE_LEADS, [down(TWO), silent(THREE)], [TWO, THREE]),
        (standing(ONE, ONE, 9), TWO_LEADS, [down(TWO), silent(THREE)], []),
        (standing(TWO, ONE, 9), GONE, [down(ONE), silent(THREE)], [ONE, THREE]),
        (standing(ONE, ONE, 9), ONE_LEADS, [loading(TWO, ONE), down(THREE)], [THREE]),
        (standing(ONE, ONE, 0), ONE_LEADS, [standing(TWO, ONE, 9), down(THREE)], [ONE, THREE]),
        (standing(ONE, ONE, 0), ONE_LEADS, [standing(TWO, ONE, 0), standing(THREE, ONE, 0)], []),
        (standing(ONE, ONE, 0), GONE, [primary(TWO, 9), down(THREE)], []),
    ],
)
def test_the_nodes_that_are_missing_are_those_whose_data_could_decide(me, consensus, peers, expected):
    assert [node.address for node in find_missing(me, consensus, peers)] == expected


COLD_STARTS = (Revision(1, 10), Revision(2, 20))


@pytest.mark.parametrize(
    ("revision", "cold_starts", "expected"),
    [
        pytest.param(Revision(2, 20), COLD_STARTS, False, id="the same history"),
        pytest.param(Revision(3, 31), COLD_STARTS, True, id="more of the same history"),
        pytest.param(Revision(3, 25), COLD_STARTS, False, id="less of the same history"),
        pytest.param(Revision(2, 20), COLD_STARTS[:1], False, id="away at a cold start, with what that began with"),
        pytest.param(Revision(2, 21), COLD_STARTS[:1], True, id="away at a cold start, with more"),
        pytest.param(Revision(1, 11), (), True, id="away at two cold starts, with more than the first began with"),
        pytest.param(Revision(1, 10), (), False, id="away at two cold starts, with less"),
        pytest.param(NO_REVISION, (), False, id="empty"),
    ],
)
def test_a_node_that_has_writes_which_its_primary_lacks_sets_its_files_aside(revision, cold_starts, expected):
    me = standing(TWO, TWO, revision, cold_starts=cold_starts)
    leader = replace(primary(ONE), revision=Revision(3, 30), cold_starts=COLD_STARTS)
    step = RoleStep(action=Action.FOLLOW, node=ONE, sets_aside=expected)
    assert next_step(me, ONE_LEADS, [leader, down(THREE)], 0.1) == step


def test_a_node_that_copies_a_fuller_one_before_it_leads_sets_aside_what_only_it_has():
    me = standing(ONE, ONE, Revision(1, 11))
    fuller = standing(TWO, TWO, Revision(3, 30), cold_starts=COLD_STARTS)
    step = RoleStep(action=Action.COPY, node=TWO, sets_aside=True)
    assert next_step(me, ONE_LEADS, [fuller, standing(THREE, TWO, Revision(3, 30))], 0.1) == step


BEHIND = primary(ONE, 8)
COPYING = replica(TWO, ONE, 9, link_is_up=False, priority=0)


@pytest.mark.parametrize(
    ("me", "peers"),
    [
        pytest.param(COPYING, [BEHIND, down(THREE)], id="a Sentinel has made it follow the primary"),
        pytest.param(COPYING, [replica(ONE, THREE, 8), silent(THREE)], id="or a node that is promoted just now"),
        pytest.param(standing(TWO, TWO, 9), [BEHIND, down(THREE)], id="a failover is about to"),
    ],
)
def test_a_node_is_overwritten_by_one_that_lacks_writes_of_it_by_the_order_of_a_sentinel_too(me, peers):
    assert find_overwriter(me, peers) == peers[0]


@pytest.mark.parametrize(
    ("me", "peers"),
    [
        pytest.param(COPYING, [primary(ONE, 9), down(THREE)], id="it has no more"),
        pytest.param(replace(COPYING, link_is_up=True), [BEHIND, down(THREE)], id="it has been copied already"),
        pytest.param(COPYING, [silent(ONE), down(THREE)], id="what the other one has is not known"),
        pytest.param(standing(TWO, TWO, 9), [standing(ONE, ONE, 8), down(THREE)], id="there is no primary"),
        pytest.param(primary(TWO, 9), [BEHIND, down(THREE)], id="it leads, and was copied from that one"),
        pytest.param(loading(TWO, ONE), [BEHIND, down(THREE)], id="what it has is not known"),
    ],
)
def test_no_node_is_overwritten_that_has_no_more_or_is_not_to_be_copied(me, peers):
    assert find_overwriter(me, peers) is None
