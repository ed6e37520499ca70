"""Which role a starting data node may take. No clock and no network: what is seen goes in, the next step comes out.

The rules, and the danger behind each:

- A node starts read-only, following nobody, and the Sentinels cannot elect it until it has been in step with a primary
  once: what it finds on its disk may be old, or nothing.
- The node that the Sentinels call primary does not even start while a replica lives that they could elect instead: a
  primary that comes back fast may lack the last write, or everything, and its replicas would copy that.
- When nobody lives that could be elected (everything was stopped), it leads once the others have answered, and only
  with everything that they have: it copies the fullest of those that followed it last.
- A node whose files are damaged does not start until another one is primary and has the data. Then it sets its files
  aside, which are never deleted, and copies everything.
- A node that followed somebody else last is not asked for its data: it may count more writes that nobody acknowledged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from agents.observe import Node, State, Verdict
from agents.wire import Address

# How long the Sentinels get to replace a primary that has come back, before it starts all the same (and leads nobody
# before it has compared itself with the others).
ELECTION_PATIENCE = 20.0
# How long a node that does not answer is waited for.
SILENCE_PATIENCE = 5.0
# How long the primary of a store that starts as a whole may be missing before another stands for election.
ABSENCE_PATIENCE = 15.0


class Action(Enum):
    """What a node that has started does next."""

    WAIT = auto()
    FOLLOW = auto()
    COPY = auto()
    LEAD = auto()
    STAND_FOR_ELECTION = auto()
    FINISH = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """An action, and the node that it is about."""

    action: Action
    node: Address | None = None


WAIT = Step(action=Action.WAIT)
LEAD = Step(action=Action.LEAD)
STAND_FOR_ELECTION = Step(action=Action.STAND_FOR_ELECTION)
FINISH = Step(action=Action.FINISH)


def may_start(me: Address, verdict: Verdict, peers: Sequence[Node], seconds: float) -> bool:
    """Whether a node that has held back for so many seconds may start its server."""
    if verdict.primary not in (None, me) or seconds >= ELECTION_PATIENCE:
        return True
    if any(peer.is_electable for peer in peers):
        return False
    return seconds >= SILENCE_PATIENCE or all(peer.state is not State.SILENT for peer in peers)


def may_set_aside(me: Address, verdict: Verdict, peers: Sequence[Node]) -> bool:
    """Whether a node whose files are damaged may start without them: another one is primary, and has the data."""
    if verdict.primary in (None, me) or verdict.primary_is_down or verdict.is_failing_over:
        return False
    return any(peer.address == verdict.primary and peer.is_primary and peer.revision > 0 for peer in peers)


def next_step(me: Node, verdict: Verdict, peers: Sequence[Node], seconds: float) -> Step:
    """What a node does whose server has run for so many seconds, and that the Sentinels cannot elect yet."""
    if me.state is not State.READY or verdict.primary is None or verdict.is_failing_over:
        return WAIT
    if verdict.primary == me.address:
        return FINISH if me.is_primary else _as_primary(me, peers, seconds)
    return _as_replica(me, verdict, peers, seconds)


def _as_primary(me: Node, peers: Sequence[Node], seconds: float) -> Step:
    ready = [peer for peer in peers if peer.state is State.READY]
    # Alone it could take no write, and whoever comes next may have more.
    if not ready or any(peer.state is State.LOADING for peer in peers):
        return WAIT
    if len(ready) < len(peers) and seconds < SILENCE_PATIENCE:
        return WAIT
    fullest = max(
        (peer for peer in ready if peer.is_primary or _followed(peer, me.address)),
        key=lambda peer: peer.revision,
        default=me,
    )
    if fullest.revision <= me.revision:
        return LEAD
    return WAIT if me.follows == fullest.address else Step(action=Action.COPY, node=fullest.address)


def _as_replica(me: Node, verdict: Verdict, peers: Sequence[Node], seconds: float) -> Step:
    primary = next((peer for peer in peers if peer.address == verdict.primary), None)
    if primary is None:
        return WAIT
    if primary.is_primary:
        if me.follows != primary.address:
            return Step(action=Action.FOLLOW, node=primary.address)
        return FINISH if me.link_is_up else WAIT
    is_missing = verdict.primary_is_down and not primary.answers and seconds >= ABSENCE_PATIENCE
    return STAND_FOR_ELECTION if is_missing and _is_fullest(me, primary.address, peers) else WAIT


def _is_fullest(me: Node, primary: Address, peers: Sequence[Node]) -> bool:
    others = [peer for peer in peers if peer.address != primary and peer.state is State.READY]
    rivals = [peer for peer in others if _followed(peer, primary)]
    # Alone it could take no write, so there is nothing to gain by being elected.
    return bool(others) and _followed(me, primary) and all(_rank(me) > _rank(rival) for rival in rivals)


def _followed(node: Node, primary: Address) -> bool:
    return node.follows is not None and node.follows.host == primary.host


def _rank(node: Node) -> tuple[int, Address]:
    return node.revision, node.address
