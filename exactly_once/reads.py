"""Reads, by the consistency that is asked for."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from enum import Enum
from typing import Any

from exactly_once.client import Address, Command, Node
from exactly_once.cluster import Cluster
from exactly_once.declarations import Value
from exactly_once.errors import ServerError, StoreUnavailable
from exactly_once.revision import Revision, RevisionWatermark, parse_reply
from exactly_once.scripts import Scripts
from exactly_once.topology import View

#: Time that a server may take for a read, in seconds.
DEFAULT_READ_TIMEOUT_S = 0.25


class Consistency(Enum):
    """What a read promises; docs/guarantees.md defines the terms."""

    #: From the primary. While there is no primary, from the most advanced node that answers.
    LINEARIZABLE = "linearizable"
    #: From a replica that has every write that this process has acknowledged (read-your-writes), and every one that
    #: any process has acknowledged more than MAX_STALENESS_S ago (bounded staleness), or else from the primary. Two
    #: reads in a row may come from replicas of which the second is behind the first.
    CAUSAL = "causal"


class Reader:
    """Runs commands and scripts that only read."""

    def __init__(
        self,
        cluster: Cluster,
        scripts: Scripts,
        watermark: RevisionWatermark,
        timeout_s: float = DEFAULT_READ_TIMEOUT_S,
    ) -> None:
        self._cluster = cluster
        self._scripts = scripts
        # Asked before the data on the same connection: what is read is at least as new as this revision.
        self._revision_query = watermark.query
        self._watermark = watermark
        self._timeout_s = timeout_s
        self._round_robin = itertools.count()

    def read(self, command: Command, consistency: Consistency) -> Any:
        """The reply to one command.

        Raises:
            StoreUnavailable: no node answers.
        """
        return self._first(consistency, lambda node: node.run(self._revision_query, command, timeout=self._timeout_s))

    def read_script(
        self,
        name: str,
        keys: dict[str, str],
        args: dict[str, Value],
        consistency: Consistency,
        *,
        charges: bool = False,
    ) -> Any:
        """The reply of the script of this name; with `charges` it may count the call against a rate limit.

        Raises:
            StoreUnavailable: no node answers.
        """
        script = self._scripts[name]
        command = script.command(keys, args, charges=charges)
        observer = self._cluster.observer

        def ask(node: Node) -> list[Any]:
            queries = (self._revision_query, command)
            return self._scripts.run(node, script, *queries, timeout=self._timeout_s, observer=observer)

        return self._first(consistency, ask)

    def _first(self, consistency: Consistency, ask: Callable[[Node], list[Any]]) -> Any:
        nodes, observer = self._cluster.nodes, self._cluster.observer
        outdated: dict[Revision, Any] = {}
        has_waited = False
        for view, is_fresh in self._views():
            candidates = dict.fromkeys(self._candidates(view, consistency))
            for address in sorted(candidates, key=lambda a: nodes[a].is_suspect):
                # What this process learns of while the node answers came too late to be in the answer.
                needed = self._watermark.value
                try:
                    # After a wait in vain, others may work while this thread waits again.
                    with self._cluster.release_slot() if has_waited else nullcontext():
                        stored, reply = ask(nodes[address])
                except ServerError as error:
                    observer.read_elsewhere(error.reason)
                    has_waited = True
                    continue
                revision, is_primary = parse_reply(stored), address == view.primary
                if self._is_recent(revision, needed, is_primary and is_fresh):
                    observer.read_served(by_primary=is_primary)
                    return reply
                observer.read_elsewhere("behind")
                outdated[revision] = reply
                if is_primary:
                    # It may be a former one: the Sentinels are asked before it is believed.
                    break
        if not outdated:
            raise StoreUnavailable("The store does not answer.")
        # No primary, and every node that had it all is gone too: the latest there is beats no answer.
        return outdated[max(outdated)]

    def _views(self) -> Iterator[tuple[View, bool]]:
        """The present view, then one for which the Sentinels were asked after this read began, and which of both."""
        yield self._cluster.topology.view, False
        with self._cluster.release_slot():
            view = self._cluster.topology.refresh()
        yield view, True

    def _candidates(self, view: View, consistency: Consistency) -> Iterator[Address]:
        primary = (view.primary,) if view.primary else ()
        if consistency is Consistency.CAUSAL:
            first = next(self._round_robin) % max(len(view.replicas), 1)
            replicas = (*view.replicas[first:], *view.replicas[:first])
            is_bounded = self._watermark.is_confirmed or not primary
            yield from (*replicas, *primary) if is_bounded else (*primary, *replicas)
        yield from (*primary, *view.known)

    def _is_recent(self, revision: Revision, needed: Revision, is_certainly_primary: bool) -> bool:
        if revision >= needed:
            return True
        if is_certainly_primary:
            self._watermark.reset_to(revision, needed)
        return is_certainly_primary
