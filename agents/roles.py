"""Which role a starting data node may take. No clock and no network: statuses go in, the next step comes out.

The rules, and the danger behind each:

- A node starts read-only, without a primary, and the Sentinels cannot elect it until it has been in step with a primary
  once: what it finds on its disk may be old, or nothing.
- The node that the Sentinels call primary does not even start while a replica lives that they could elect instead: a
  primary that comes back fast may lack the last write, or everything, and its replicas would copy that.
- When no node lives that could be elected (everything was stopped), the one that the Sentinels call primary leads, and
  only with everything that the others have: it copies the fullest. Which node the Sentinels name counts for nothing
  there, because they may have lost their files.
- An acknowledged write is on two nodes. So all nodes but one must have been compared, and an empty one does not count.
  With fewer none leads, until an operator orders it.
- A node that has writes which its primary lacks sets a copy of its files aside before it follows; also where a
  Sentinel makes it follow. Sentinels repoint any node that they find following none of theirs for three seconds, which
  is how long one may load, and all nodes at the end of a failover.
- A node whose files are damaged does not start until another one is primary and has the data. Then it sets its files
  aside, which are never deleted, and copies everything. A torn tail is cut off instead, and the node is compared like
  any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from agents.node_status import NodeState, NodeStatus
from exactly_once.client import Address
from exactly_once.sentinels import Consensus

#: Seconds that the Sentinels get to replace a primary that has come back, before it starts all the same (and does not
#: lead before it has compared itself with the others).
ELECTION_TIMEOUT_S = 20.0
#: Seconds that a node which does not answer is waited for.
SILENCE_TIMEOUT_S = 5.0
#: Nodes that it takes to acknowledge a write.
MIN_NODES = 2
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
    """An action, and the node that it is about. `sets_aside` where that one lacks writes of this node, whose
    files are copied first."""

    action: Action
    node: Address | None = None
    sets_aside: bool = False


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
    return any(peer.address == consensus.primary and peer.is_primary and peer.has_data for peer in peers)


def next_step(
    me: NodeStatus, consensus: Consensus, peers: Sequence[NodeStatus], seconds: float, *, is_forced: bool = False
) -> RoleStep:
    """The next step of a node whose server has run for so many seconds, and that the Sentinels cannot elect yet.
    `is_forced` where an operator has ordered that it leads without the nodes that are missing."""
    if not me.is_ready or consensus.primary is None or consensus.is_failing_over:
        return WAIT
    if consensus.primary == me.address:
        return FINISH if me.is_primary else _as_primary(me, peers, seconds, is_forced)
    return _as_replica(me, consensus, peers, seconds, is_forced)


def find_overwriter(me: NodeStatus, peers: Sequence[NodeStatus]) -> NodeStatus | None:
    """The node whose data replaces that of this replica, now or next, although it lacks writes of this one: a primary,
    or the node that this one was made to follow. The old data is there until the link is up."""
    if not me.is_ready or me.is_primary or me.link_is_up:
        return None
    sources = [peer for peer in peers if peer.is_ready and (peer.is_primary or peer.address == me.follows)]
    return next((source for source in sources if me.has_writes_beyond(source)), None)


def find_missing(me: NodeStatus, consensus: Consensus, peers: Sequence[NodeStatus]) -> Sequence[NodeStatus]:
    """The nodes without whose data this one may not lead: none where it is not its turn, another one leads already, or
    enough have been compared."""
    is_candidate = consensus.primary == me.address or consensus.primary_is_down
    if not is_candidate or any(peer.is_primary for peer in peers) or _are_enough([me, *peers]):
        return []
    return [node for node in (me, *peers) if not node.has_data and node.state is not NodeState.LOADING]


def _as_primary(me: NodeStatus, peers: Sequence[NodeStatus], seconds: float, is_forced: bool) -> RoleStep:
    if not _may_compare([me, *peers], seconds, is_forced):
        return WAIT
    ready = [peer for peer in peers if peer.is_ready]
    fullest = max([me, *ready], key=lambda node: node.revision)
    if fullest is me:
        return LEAD
    return WAIT if me.follows == fullest.address else _replace(me, fullest, Action.COPY)


def _as_replica(
    me: NodeStatus, consensus: Consensus, peers: Sequence[NodeStatus], seconds: float, is_forced: bool
) -> RoleStep:
    primary = next((peer for peer in peers if peer.address == consensus.primary), None)
    if primary is None:
        return WAIT
    if primary.is_primary:
        if me.follows != primary.address:
            return _replace(me, primary, Action.FOLLOW)
        return FINISH if me.link_is_up else WAIT
    is_missing = consensus.primary_is_down and not primary.answers and seconds >= ABSENCE_TIMEOUT_S
    may_stand = is_missing and _may_compare([me, *peers], seconds, is_forced) and _is_fullest(me, peers)
    return STAND_FOR_ELECTION if may_stand else WAIT


def _may_compare(nodes: Sequence[NodeStatus], seconds: float, is_forced: bool) -> bool:
    """Whether the fullest of these nodes may lead now: every one that may still answer has had its time."""
    if any(node.state is NodeState.LOADING for node in nodes):
        return False
    if seconds < SILENCE_TIMEOUT_S and not _are_all_ready(nodes):
        return False
    return is_forced or _are_enough(nodes)


def _are_enough(nodes: Sequence[NodeStatus]) -> bool:
    """Whether these nodes have every acknowledged write between them: two have each, so at most one may be missing. One
    that is empty has lost what it had, unless all are. Alone, a node could take no write."""
    return _are_all_ready(nodes) or sum(node.has_data for node in nodes) >= max(len(nodes) - 1, MIN_NODES)


def _are_all_ready(nodes: Sequence[NodeStatus]) -> bool:
    return all(node.is_ready for node in nodes)


def _is_fullest(me: NodeStatus, peers: Sequence[NodeStatus]) -> bool:
    rivals = [peer for peer in peers if peer.is_ready]
    return all((me.revision, me.address) > (rival.revision, rival.address) for rival in rivals)


def _replace(me: NodeStatus, node: NodeStatus, action: Action) -> RoleStep:
    return RoleStep(action=action, node=node.address, sets_aside=me.has_writes_beyond(node))
