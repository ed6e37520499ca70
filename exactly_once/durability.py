"""How safe a write is before it is acknowledged. docs/guarantees.md says what each level promises."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from exactly_once.client import Command


class Durability(StrEnum):
    """What a write waits for: the primary alone, the replicas' memory, or the disks."""

    MEMORY = "memory"
    REPLICATED = "replicated"
    FSYNCED = "fsynced"

    def wait_commands(self, replicas: int, wait_ms: int) -> Sequence[Command]:
        """The commands that follow the script on its connection; each waits `wait_ms` milliseconds at most."""
        if self is Durability.MEMORY:
            return ()
        wait = ("WAIT", replicas, wait_ms)
        # A replica says how much it has as soon as it is asked, which is together with the write, before its disk has
        # it: by WAITAOF alone it is asked too early, and says the rest within a second. After a WAIT it is asked again,
        # when its disk has the write.
        return (wait, ("WAITAOF", 1, replicas, wait_ms)) if self is Durability.FSYNCED else (wait,)

    def acknowledgements(self, replies: Sequence[Any]) -> int:
        """How many replicas have the write; with FSYNCED, on their disks, and 0 unless on the primary's too."""
        if self is not Durability.FSYNCED:
            return int(replies[0]) if replies else 0
        on_primary, on_replicas = replies[-1]
        return int(on_replicas) if on_primary else 0
