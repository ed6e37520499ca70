"""The steps of roles.py, carried out on the data nodes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from agents.copies import copy_files
from agents.launch import log
from agents.node_status import ANSWER_TIMEOUT_S, ClusterProbe, NodeStatus, cold_starts_key, format_cold_starts
from agents.roles import Action, RoleStep, find_overwriter
from exactly_once.client import Command, Node
from exactly_once.revision import NO_REVISION, Revision, epoch_key

_ELECTABLE = ("CONFIG", "SET", "replica-priority", "100")
_LEAD = ("REPLICAOF", "NO", "ONE")


@dataclass(kw_only=True, slots=True)
class RoleActions:
    """What the node with this directory does. Each method raises ServerError, ErrorReply or OSError."""

    probe: ClusterProbe
    directory: Path
    revision_key: str
    #: The node as it was at the last look, and the revision at which its files were set aside last.
    _former: NodeStatus | None = field(default=None, init=False)
    _set_aside_at: Revision | None = field(default=None, init=False)

    def protect(self, me: NodeStatus, peers: Sequence[NodeStatus]) -> None:
        """Set the node's files aside where a Sentinel's order has them overwritten by a node that lacks writes of it.
        Log it where that has happened already: between two looks, a small store can be copied."""
        if not me.is_ready:
            return
        overwriter = find_overwriter(me, peers)
        if overwriter:
            self._set_aside(me, overwriter)
        if me.link_is_up:
            self._log_loss([peer for peer in peers if peer.address == me.follows and peer.is_ready])
        self._former = me

    def _log_loss(self, sources: Sequence[NodeStatus]) -> None:
        former = self._former
        if former is None:
            log("another node's data replaced that of this one, unseen, before a copy was made", "error")
        elif former.revision != self._set_aside_at and any(map(former.has_writes_beyond, sources)):
            log(
                f"{sources[0].address} lacks writes of this node, which was at {former.revision}, and has replaced "
                "them before a copy was made",
                "error",
            )

    def carry_out(self, step: RoleStep, nodes: Sequence[NodeStatus]) -> None:
        """Carry out this step of the first of these nodes."""
        me, node = nodes[0], self.probe.nodes[nodes[0].address]
        if step.node:
            other = next(other for other in nodes if other.address == step.node)
            self._replace(step, me, other)
        elif step.action is Action.LEAD:
            self._lead(me, node)
        elif step.action is Action.STAND_FOR_ELECTION:
            self._stand(me, node)
        elif step.action is Action.FINISH:
            node.run(_ELECTABLE, timeout=ANSWER_TIMEOUT_S)

    def _replace(self, step: RoleStep, me: NodeStatus, other: NodeStatus) -> None:
        if step.sets_aside:
            self._set_aside(me, other)
        if step.action is Action.COPY:
            log(f"{other.address} has more: copying it before leading")
            self.probe.nodes[other.address].run(_LEAD, timeout=ANSWER_TIMEOUT_S)
        else:
            log(f"following {other.address}")
        self.probe.nodes[me.address].run(("REPLICAOF", *other.address), timeout=ANSWER_TIMEOUT_S)

    def _set_aside(self, me: NodeStatus, other: NodeStatus) -> None:
        """Copy the node's files, once for each revision: an order that fails is given again, and each copy may evict an
        earlier one."""
        if me.revision == self._set_aside_at:
            return
        copy = copy_files(self.directory, datetime.now(UTC))
        self._set_aside_at = me.revision
        log(
            f"{other.address}, at revision {other.revision}, lacks writes of this node, at {me.revision}: a copy of "
            f"the files that it replaces is in {copy}",
            "warning",
        )

    def _lead(self, me: NodeStatus, node: Node) -> None:
        log(f"no node that answers has more than revision {me.revision}: leading")
        begin_epoch = ("SET", epoch_key(self.revision_key), f"{me.revision.epoch + 1} {me.address}")
        if me.revision == NO_REVISION:
            # An empty store stays empty.
            node.run(_LEAD, timeout=ANSWER_TIMEOUT_S)
        else:
            # It leads first: what a replica writes itself is not in the stream from which a node that it copied goes
            # on.
            self._write(node, _LEAD, *self._new_start(me), begin_epoch)

    def _stand(self, me: NodeStatus, node: Node) -> None:
        start = self._new_start(me)
        if start:
            self._write(node, *start)
        node.run(_ELECTABLE, timeout=ANSWER_TIMEOUT_S)

    def _new_start(self, me: NodeStatus) -> list[Command]:
        """The command that records in the node's data at which revision it leads, or stands for election: a node that
        comes later sees there whether it has more. None where it is recorded, or there is nothing to have more than."""
        if me.revision in (NO_REVISION, *me.cold_starts):
            return []
        starts = format_cold_starts([*me.cold_starts, me.revision])
        return [("SET", cold_starts_key(self.revision_key), starts)]

    def _write(self, node: Node, *commands: Command) -> None:
        """Carry all of these commands out on a node without a role, or none of them: a node that led while its disk
        refused the record would never get one."""
        (pairs,) = node.run(("CONFIG", "GET", "min-replicas-to-write"), timeout=ANSWER_TIMEOUT_S)
        # Neither a node without a role nor a primary without replicas takes a write otherwise.
        node.run(
            ("CONFIG", "SET", "replica-read-only", "no", "min-replicas-to-write", "0"),
            ("MULTI",),
            *commands,
            ("EXEC",),
            ("CONFIG", "SET", "replica-read-only", "yes", "min-replicas-to-write", pairs[1]),
            timeout=ANSWER_TIMEOUT_S,
        )
