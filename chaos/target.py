"""What load is put on and faults are injected into: a running shop, whatever it runs on.

docs/chaos.md shows how to write an adapter for another one.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from chaos.append_only import FileDamage
from chaos.contents import Contents
from chaos.history import History
from chaos.stage import Stage


class NotHealed(Exception):
    """The topology did not recover by itself; the text says what is missing."""


class CannotInject(Exception):
    """The adapter of a target cannot inject this fault; the text says what it lacks."""


def _lack(method: str) -> CannotInject:
    return CannotInject(f"its fault injector has no method {method}")


class FaultInjector(Protocol):
    """The control over a topology. Its members have the names redis-1, sentinel-2, api-1, nginx and so on; what starts
    them again has the name supervisor, and can be killed and frozen.

    An adapter that derives from this need not have all of it: what it leaves out raises CannotInject."""

    @property
    def data_nodes(self) -> Mapping[str, tuple[str, int]]:
        """Host and port of each data node."""
        ...

    @property
    def primary(self) -> str:
        """The name of the data node that a majority of the Sentinels calls primary."""
        ...

    @property
    def replicas(self) -> Sequence[str]:
        """The names of the other data nodes."""
        ...

    @property
    def sentinels(self) -> Sequence[str]:
        """The names of the Sentinels."""
        return "sentinel-1", "sentinel-2", "sentinel-3"

    def kill(self, *names: str) -> None:
        """End these at once; their supervisor starts them again."""
        raise _lack("kill")

    def take_away(self, *names: str) -> None:
        """End these at once, without a restart."""
        raise _lack("take_away")

    def bring_back(self, *names: str) -> None:
        """Start these again."""
        raise _lack("bring_back")

    def empty(self, name: str) -> None:
        """Delete all data of a data node or a Sentinel that was taken away."""
        raise _lack("empty")

    def damage_file(self, name: str, damage: FileDamage) -> None:
        """Damage the append-only file of a data node that was taken away."""
        raise _lack("damage_file")

    def freeze(self, *names: str) -> None:
        """Suspend these, with their connections open."""
        raise _lack("freeze")

    def wake(self, *names: str) -> None:
        """Resume these; all that are frozen where none is named."""
        raise _lack("wake")

    def slow(self, name: str) -> AbstractContextManager[None]:
        """Delay the answers of a data node, by up to 180 ms, while the block runs."""
        raise _lack("slow")

    def keep_busy(self, name: str, seconds: float) -> None:
        """Run a script on a data node that takes so many seconds, and return when it has ended."""
        raise _lack("keep_busy")

    def full_connections(self, name: str) -> AbstractContextManager[None]:
        """Hold idle connections to a data node, so that it takes no other, while the block runs."""
        raise _lack("full_connections")

    def cut(self, one_side: Sequence[str], other_side: Sequence[str]) -> AbstractContextManager[None]:
        """Drop every packet between the two sides while the block runs."""
        raise _lack("cut")

    def lose_packets(self, share: float) -> AbstractContextManager[None]:
        """Drop this share of the packets between all nodes, Sentinels and instances while the block runs."""
        raise _lack("lose_packets")

    def shifted_clock(self, instance: str, seconds: float) -> AbstractContextManager[None]:
        """Run an API instance with a clock that is so many seconds ahead, or behind where they are negative, while the
        block runs. It is restarted in an orderly way before and after."""
        raise _lack("shifted_clock")

    def hang_up(self, count: int) -> None:
        """Send so many requests that nothing is done for, some with large bodies, and close each connection without
        waiting for a response."""
        raise _lack("hang_up")

    def hostile_client(self) -> AbstractContextManager[None]:
        """Attack from one address, with limits for it alone, while the block runs: 200 slow bodies, 2,000 connections,
        and a flood of wrong sign-ins and of refused purchases."""
        raise _lack("hostile_client")

    def kill_worker(self, instance: str) -> None:
        """End the process in an API instance that serves requests; its parent starts another."""
        raise _lack("kill_worker")

    def reload_nginx(self) -> None:
        """Make nginx read its configuration again."""
        raise _lack("reload_nginx")

    def roll(self, instance: str) -> None:
        """Restart an API instance in an orderly way, and return when it serves again."""
        raise _lack("roll")

    def scale(self, kind: str, count: int) -> None:
        """Have so many data nodes (`redis`) or Sentinels (`sentinel`), as an operator does."""
        raise _lack("scale")

    def move_primary(self) -> None:
        """Make a planned failover, as an operator does."""
        raise _lack("move_primary")

    def full_disk(self) -> AbstractContextManager[None]:
        """Fill the primary's disk while the block runs."""
        raise _lack("full_disk")

    def limit_run_disk(self) -> None:
        """Move all data and logs onto a file system of their own. Everything may be stopped for it."""
        raise _lack("limit_run_disk")

    def full_run_disk(self) -> AbstractContextManager[None]:
        """Fill that file system while the block runs."""
        raise _lack("full_run_disk")

    def full_bodies_disk(self) -> AbstractContextManager[None]:
        """Fill the disk on which nginx stores the bodies of requests while the block runs."""
        raise _lack("full_bodies_disk")

    def full_memory(self) -> AbstractContextManager[None]:
        """Hold the primary at its memory limit while the block runs."""
        raise _lack("full_memory")

    def heal(self) -> None:
        """Undo every fault, and return when everything is in its place again. Raises NotHealed."""
        ...


class Target(Protocol):
    """A running shop that can be called, set up and read."""

    @property
    def url(self) -> str:
        """The base URL of the shop, without a slash at the end: the API is below `/api/v1`."""
        ...

    @property
    def injector(self) -> FaultInjector | None:
        """The control over its topology; None where no faults can be injected from here."""
        ...

    def set_up(self) -> Stage:
        """Create the users and products of one run. Nothing else may write to these products."""
        ...

    def read_contents(self, stage: Stage, history: History) -> Mapping[str, Contents]:
        """The final contents, by the name of the node or of the interface that they were read from: at least one.

        Called after the load has ended. What was unknown must have been done by then, or never be done.

        Raises:
            NotHealed: the contents cannot be read, or the nodes do not agree in time.
        """
        ...

    def heal(self) -> None:
        """Return when the shop serves. Raises NotHealed."""
        ...
