"""What faults are injected into: a topology, whatever it runs on."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from shop.bootstrap import Configuration


class Target(Protocol):
    """A running topology. Its members go by the names redis-1, sentinel-2, api-1, nginx and so on."""

    @property
    def url(self) -> str:
        """Where nginx is called."""
        ...

    @property
    def configuration(self) -> Configuration:
        """How the store is reached."""
        ...

    @property
    def data_nodes(self) -> dict[str, tuple[str, int]]:
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

    def kill(self, *names: str) -> None:
        """Ends these at once; whoever supervises them starts them again."""
        ...

    def take_away(self, *names: str) -> None:
        """Ends these at once, and they stay away."""
        ...

    def bring_back(self, *names: str) -> None:
        """Starts these again."""
        ...

    def empty(self, name: str) -> None:
        """Takes all data from a data node that was taken away."""
        ...

    def freeze(self, *names: str) -> None:
        """Stops these in the middle of what they do, with their connections open."""
        ...

    def wake(self, *names: str) -> None:
        """Lets these go on."""
        ...

    def cut(self, one_side: Sequence[str], other_side: Sequence[str]) -> AbstractContextManager[None]:
        """Nothing gets from one side to the other, nor back, for as long as the block runs."""
        ...

    def kill_worker(self, instance: str) -> None:
        """Ends the process in an API instance that serves requests; its parent makes another."""
        ...

    def reload_nginx(self) -> None:
        """Has nginx read its configuration again."""
        ...

    def roll(self, instance: str) -> None:
        """Stops an API instance and starts it, and returns when it serves again."""
        ...

    def move_primary(self) -> None:
        """Makes a replica the primary, as an operator does."""
        ...

    def full_disk(self) -> AbstractContextManager[None]:
        """For as long as the block runs, the primary's disk is full."""
        ...

    def full_memory(self) -> AbstractContextManager[None]:
        """For as long as the block runs, the primary is at its memory limit."""
        ...

    def heal(self) -> None:
        """Whatever was done to it is undone; returns when everything is in its place again.

        Raises: NotHealed."""
        ...


class NotHealed(Exception):
    """The topology did not come back by itself; the text says what is missing."""
