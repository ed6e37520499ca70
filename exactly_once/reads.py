"""Reads: the catalogue from replicas that are up to date, people's own things from the primary."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

from exactly_once.client import Address, Command, Node, Nodes
from exactly_once.scripts import Scripts, Value
from exactly_once.server_errors import ServerFault
from exactly_once.topology import Fence, Topology, View
from shop import telemetry
from shop.concurrency import REQUESTS
from shop.domain.errors import StoreUnavailable
from shop.repositories.keys import Keys

#: How long a server may take for a read, in seconds.
TIMEOUT = 0.25


class Reader:
    """Runs commands and scripts that only read."""

    def __init__(self, *, nodes: Nodes, topology: Topology, scripts: Scripts, keys: Keys, fence: Fence) -> None:
        self._nodes = nodes
        self._topology = topology
        self._scripts = scripts
        # Asked before the data on the same connection: what is read is at least as new as the fence says.
        self._fence_query: Command = ("GET", keys.fence)
        self._fence = fence
        self._turn = itertools.count()

    def catalogue(self, command: Command) -> Any:
        """The reply of a replica that has every write known to this process, or else of the primary.

        Raises:
            StoreUnavailable: nobody answers.
        """
        return self._first(self._for_catalogue, lambda node: node.run(self._fence_query, command, timeout=TIMEOUT))

    def catalogue_script(self, name: str, keys: Mapping[str, str], argv: Mapping[str, Value]) -> Any:
        """As `catalogue`, for the script of this name."""
        return self._first(self._for_catalogue, self._script(name, keys, argv))

    def own(self, command: Command) -> Any:
        """The primary's reply; a replica's while there is no primary.

        Raises:
            StoreUnavailable: nobody answers.
        """
        return self._first(self._for_own, lambda node: node.run(self._fence_query, command, timeout=TIMEOUT))

    def own_script(self, name: str, keys: Mapping[str, str], argv: Mapping[str, Value]) -> Any:
        """As `own`, for the script of this name."""
        return self._first(self._for_own, self._script(name, keys, argv))

    def can_read(self) -> bool:
        """Whether any data node answers."""
        try:
            self.own(("PING",))
        except StoreUnavailable:
            return False
        return True

    def _script(self, name: str, keys: Mapping[str, str], argv: Mapping[str, Value]) -> Callable[[Node], list[Any]]:
        script = self._scripts[name]
        command = script.command(keys, argv)

        def ask(node: Node) -> list[Any]:
            return self._scripts.run(node, script, self._fence_query, command, timeout=TIMEOUT)

        return ask

    def _first(self, candidates: Callable[[View], Iterator[Address]], ask: Callable[[Node], list[Any]]) -> Any:
        past: dict[int, Any] = {}
        has_waited = False
        for view in self._views():
            for address in sorted(dict.fromkeys(candidates(view)), key=lambda a: self._nodes[a].is_suspect):
                # What this process hears of while the node answers came too late to be in the answer.
                needed = self._fence.value
                try:
                    # Whoever has waited in vain lets others work while it waits again.
                    with REQUESTS.resting() if has_waited else nullcontext():
                        fence, reply = ask(self._nodes[address])
                except ServerFault as fault:
                    telemetry.read_elsewhere(fault.reason)
                    has_waited = True
                    continue
                if self._is_recent(int(fence or 0), needed, address == view.primary):
                    telemetry.read_served(by_primary=address == view.primary)
                    return reply
                telemetry.read_elsewhere("behind")
                past[int(fence or 0)] = reply
        if not past:
            raise StoreUnavailable("The store does not answer.")
        # No primary, and whoever had it all is gone too: the latest there is beats no answer.
        return past[max(past)]

    def _views(self) -> Iterator[View]:
        yield self._topology.view
        with REQUESTS.resting():
            view = self._topology.refresh()
        yield view

    def _for_catalogue(self, view: View) -> Iterator[Address]:
        turn = next(self._turn)
        for place in range(len(view.replicas)):
            yield view.replicas[(turn + place) % len(view.replicas)]
        yield from self._for_own(view)

    def _for_own(self, view: View) -> Iterator[Address]:
        if view.primary:
            yield view.primary
        yield from view.known

    def _is_recent(self, fence: int, needed: int, is_primary: bool) -> bool:
        if fence >= needed:
            return True
        if is_primary:
            self._fence.restart_at(fence, needed)
        return is_primary
