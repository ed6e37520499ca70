"""Which role a starting data node may take. No clock and no network: statuses go in, the next step comes out.

The rules, and the danger behind each:

- A node starts read-only, without a primary, and the Sentinels cannot elect it until it has been in step with a primary
  once: what it finds on its disk may be old, or nothing.
- The node that the Sentinels call primary does not even start while a replica lives that they could elect instead: a
  primary that comes back fast may lack the last write, or everything, and its replicas would copy that.
- When no node lives that could be elected (everything was stopped), it leads once the others have answered, and only
  with everything that they have: it copies the fullest of those that followed it last.
- A node whose files are damaged does not start until another one is primary and has the data. Then it sets its files
  aside, which are never deleted, and copies everything.
- A node that followed another primary last is not asked for its data: it may count more writes, none of them
  acknowledged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from agents.node_status import NodeState, NodeStatus
from exactly_once.client import Address
from exactly_once.revision import NO_REVISION, Revision
from exactly_once.sentinels import Consensus

#: Seconds that the Sentinels get to replace a primary that has come back, before it starts all the same (and does not
#: lead before it has compared itself with the others).
ELECTION_TIMEOUT_S = 20.0
#: Seconds that a node which does not answer is waited for.
SILENCE_TIMEOUT_S = 5.0
#: Seconds that the primary of a store which starts as a whole may be missing before another stands for election.
ABSENCE_TIMEOUT_S = 15.0


class Action(Enum):
    """What a node that has started does next."""

    WAIT = auto()
    FOLLOW = auto()
    COPY = auto()
    LEAD = auto()
    STAND_FOR_ELECTION = auto()
    FINISH = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleStep:
    """An action, and the node that it is about."""

    action: Action
    node: Address | None = None


WAIT = RoleStep(action=Action.WAIT)
LEAD = RoleStep(action=Action.LEAD)
STAND_FOR_ELECTION = RoleStep(action=Action.STAND_FOR_ELECTION)
FINISH = RoleStep(action=Action.FINISH)


def may_start(me: Address, consensus: Consensus, peers: Sequence[NodeStatus], seconds: float) -> bool:
    """Whether a node that has waited for so many seconds may start its server."""
    if consensus.primary not in (None, me) or seconds >= ELECTION_TIMEOUT_S:
        return True
    if any(peer.is_electable for peer in peers):
        return False
    return seconds >= SILENCE_TIMEOUT_S or all(peer.state is not NodeState.SILENT for peer in peers)


def may_set_aside(me: Address, consensus: Consensus, peers: Sequence[NodeStatus]) -> bool:
    """Whether a node whose files are damaged may start without them: another one is primary, and has the data."""
    if consensus.primary in (None, me) or consensus.primary_is_down or consensus.is_failing_over:
        return False
    return any(peer.address == consensus.primary and peer.is_primary and peer.revision > NO_REVISION for peer in peers)


def next_step(me: NodeStatus, consensus: Consensus, peers: Sequence[NodeStatus], seconds: float) -> RoleStep:
    """The next step of a node whose server has run for so many seconds, and that the Sentinels cannot elect yet."""
    if me.state is not NodeState.READY or consensus.primary is None or consensus.is_failing_over:
        return WAIT
    if consensus.primary == me.address:
        return FINISH if me.is_primary else _as_primary(me, peers, seconds)
    return _as_replica(me, consensus, peers, seconds)


def _as_primary(me: NodeStatus, peers: Sequence[NodeStatus], seconds: float) -> RoleStep:
    ready = [peer for peer in peers if peer.state is NodeState.READY]
    # Alone it could take no write, and the next node may have more.
    if not ready or any(peer.state is NodeState.LOADING for peer in peers):
        return WAIT
    if len(ready) < len(peers) and seconds < SILENCE_TIMEOUT_S:
        return WAIT
    fullest = max(
        (peer for peer in ready if peer.is_primary or _followed(peer, me.address)),
        key=lambda peer: peer.revision,
        default=me,
    )
    if fullest.revision <= me.revision:
        return LEAD
    return WAIT if me.follows == fullest.address else RoleStep(action=Action.COPY, node=fullest.address)


def _as_replica(me: NodeStatus, consensus: Consensus, peers: Sequence[NodeStatus], seconds: float) -> RoleStep:
    primary = next((peer for peer in peers if peer.address == consensus.primary), None)
    if primary is None:
        return WAIT
    if primary.is_primary:
        if me.follows != primary.address:
            return RoleStep(action=Action.FOLLOW, node=primary.address)
        return FINISH if me.link_is_up else WAIT
    is_missing = consensus.primary_is_down and not primary.answers and seconds >= ABSENCE_TIMEOUT_S
    return STAND_FOR_ELECTION if is_missing and _is_fullest(me, primary.address, peers) else WAIT


def _is_fullest(me: NodeStatus, primary: Address, peers: Sequence[NodeStatus]) -> bool:
    others = [peer for peer in peers if peer.address != primary and peer.state is NodeState.READY]
    rivals = [peer for peer in others if _followed(peer, primary)]
    # Alone it could take no write, so there is nothing to gain by being elected.
    return bool(others) and _followed(me, primary) and all(_rank(me) > _rank(rival) for rival in rivals)


def _followed(node: NodeStatus, primary: Address) -> bool:
    return node.follows is not None and node.follows.host == primary.host


def _rank(node: NodeStatus) -> tuple[Revision, Address]:
    return node.revision, node.address
