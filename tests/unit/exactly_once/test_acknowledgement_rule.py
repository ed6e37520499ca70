"""The rule of acknowledgement, checked exhaustively: for 1 to 4 replicas and 3 or 5 Sentinels, every way to cut them in
two and every state of each replica. Where a write is acknowledged, no election that a majority of the Sentinels can
hold makes a replica without the write the primary.

The rule is the real one; around it is a model of what the primary and the Sentinels report, and of an election.
Replicas in the same state are alike, and so are Sentinels on the same side: only their numbers are enumerated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations_with_replacement, product

import pytest

from exactly_once.client import Address
from exactly_once.errors import NotExecuted
from exactly_once.exclusions import QUERY, channel_of
from exactly_once.failover_safety import FailoverSafetyCheck
from exactly_once.sentinels import SentinelView

PRIMARY = Address("10.0.0.1", 6379)
OFFSET = 100


class State(Enum):
    """A replica when a write is checked. LATE is linked and slow. BACK was away, so that the Sentinels report it away,
    and can be elected by now. DEMOTED has the write and priority 0, EXCLUDED has priority 0 and lacks it."""

    IN_STEP = "in step"
    LATE = "late"
    AWAY = "away"
    BACK = "back"
    DEMOTED = "demoted"
    EXCLUDED = "excluded"

    @property
    def has_write(self) -> bool:
        return self in (State.IN_STEP, State.DEMOTED)

    @property
    def is_ineligible(self) -> bool:
        return self in (State.DEMOTED, State.EXCLUDED)

    @property
    def is_reported_linked(self) -> bool:
        return self not in (State.AWAY, State.BACK)

    @property
    def is_electable(self) -> bool:
        return self in (State.IN_STEP, State.LATE, State.BACK)


@dataclass(frozen=True, kw_only=True)
class Replica:
    """`is_here` where it is on the side of the primary and of the process that writes. Across the cut nothing arrives,
    so one over there lacks the write, and may be elected there."""

    address: Address
    state: State
    is_here: bool

    @property
    def has_write(self) -> bool:
        return self.is_here and self.state.has_write

    @property
    def is_electable(self) -> bool:
        return self.state.is_electable or (not self.is_here and self.state is State.DEMOTED)


@dataclass(frozen=True, kw_only=True)
class World:
    """`here` Sentinels of `sentinels` are on the side of the primary."""

    replicas: Sequence[Replica]
    sentinels: int
    here: int

    @property
    def count(self) -> int:
        return sum(replica.has_write for replica in self.replicas)

    def view(self, knows_all: bool) -> SentinelView:
        """What a Sentinel on the side of the primary reports."""
        all_of_them = frozenset(replica.address for replica in self.replicas)
        linked = {replica.address for replica in self.replicas if replica.is_here and replica.state.is_reported_linked}
        ineligible = {replica.address for replica in self.replicas if replica.state.is_ineligible}
        return SentinelView(
            primary=PRIMARY,
            primary_is_up=True,
            is_failing_over=False,
            is_promoted=False,
            replicas=all_of_them,
            up=frozenset(linked),
            linked=frozenset(linked),
            ineligible=frozenset(ineligible),
            sentinels=self.sentinels if knows_all else 1,
        )

    def elected(self) -> Iterator[Replica]:
        """The replica that is elected on each side which has a majority of the Sentinels: of those that can be, one
        that is furthest."""
        for is_here, voters in ((True, self.here), (False, self.sentinels - self.here)):
            candidates = [each for each in self.replicas if each.is_here == is_here and each.is_electable]
            if voters > self.sentinels // 2 and candidates:
                yield max(candidates, key=lambda each: each.has_write)


class Node:
    """Answers for the primary, or, as a replica, not at all."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world

    def run(self, *commands, timeout):
        if self.world is None:
            raise NotExecuted("no connection")
        replicas = self.world.replicas
        linked = [each for each in replicas if each.is_here and each.state is not State.AWAY]
        role = [
            "master",
            OFFSET,
            [[each.address.host, "6379", str(OFFSET if each.has_write else OFFSET - 1)] for each in linked],
        ]
        excluded = [channel_of(each.address) for each in replicas if each.state is State.EXCLUDED]
        return [excluded if command == QUERY else role for command in commands]


class Nodes(dict):
    def __missing__(self, address):
        return Node()


class Sentinels:
    def __init__(self, answers: Sequence[SentinelView | None]) -> None:
        self.answers = answers

    def ask(self):
        return self.answers


def worlds(replicas: int, sentinels: int) -> Iterator[World]:
    for states in combinations_with_replacement(list(product(State, (True, False))), replicas):
        each = [
            Replica(address=Address(f"10.0.0.{number}", 6379), state=state, is_here=is_here)
            for number, (state, is_here) in enumerate(states, 2)
        ]
        for here in range(sentinels + 1):
            yield World(replicas=each, sentinels=sentinels, here=here)


def is_acknowledged(world: World, *, configured: int, asked: int | None = None, knows_all: bool = True) -> bool:
    """Whether a process that is configured for so many replicas, and asks the first of the Sentinels, acknowledges."""
    if world.count >= max(configured, len(world.replicas)):
        return True
    asked = asked or world.sentinels
    answers = [world.view(knows_all) if number < world.here else None for number in range(asked)]
    check = FailoverSafetyCheck(Sentinels(answers), Nodes({PRIMARY: Node(world)}), configured)
    return world.count > 0 and check.is_failover_safe(PRIMARY, world.count)


def losses(replicas: int, sentinels: int, **process) -> list[World]:
    return [
        world
        for world in worlds(replicas, sentinels)
        if is_acknowledged(world, **process) and not all(each.has_write for each in world.elected())
    ]


@pytest.mark.parametrize("sentinels", [3, 5])
@pytest.mark.parametrize("replicas", [1, 2, 3, 4])
def test_no_election_loses_an_acknowledged_write(replicas, sentinels):
    assert losses(replicas, sentinels, configured=replicas) == []


@pytest.mark.parametrize("replicas", [2, 3, 4])
def test_a_process_that_is_configured_for_one_replica_less_loses_none_either(replicas):
    assert losses(replicas, 3, configured=replicas - 1) == []


@pytest.mark.parametrize("replicas", [1, 2, 3, 4])
@pytest.mark.parametrize("sentinels", [4, 5])
def test_a_process_that_asks_three_of_more_sentinels_loses_none_either(replicas, sentinels):
    assert losses(replicas, sentinels, configured=replicas, asked=3) == []


def test_two_sentinels_of_five_would_lose_writes():
    """Which shows that the model can find a loss."""
    assert losses(2, 5, configured=2, asked=3, knows_all=False) != []


@pytest.mark.parametrize(("replicas", "away"), [(1, 0), (2, 1), (3, 2), (4, 3)])
@pytest.mark.parametrize("sentinels", [3, 5])
def test_writes_go_on_with_one_replica_in_step_and_a_majority_of_the_sentinels(replicas, away, sentinels):
    states = [State.IN_STEP] * (replicas - away) + [State.AWAY] * away
    each = [
        Replica(address=Address(f"10.0.0.{number}", 6379), state=state, is_here=True)
        for number, state in enumerate(states, 2)
    ]
    world = World(replicas=each, sentinels=sentinels, here=sentinels // 2 + 1)
    assert is_acknowledged(world, configured=replicas)
    none_left = [Replica(address=one.address, state=State.AWAY, is_here=True) for one in each]
    assert not is_acknowledged(World(replicas=none_left, sentinels=sentinels, here=sentinels), configured=replicas)
