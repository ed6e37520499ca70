"""How far a store has come: a revision counts its writes, repeats included (etcd's word), and its epoch tells two
histories apart that a failover separates."""

import math
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from exactly_once.client import Command

#: Seconds by which a read may lag behind what other processes have acknowledged. The topology thread asks the primary
#: more often than that (`topology.CONFIRMATION_INTERVAL_S`).
MAX_STALENESS_S = 0.25


class Revision(NamedTuple):
    """A point in the history of a store. A later epoch is further than any number of an earlier one: writes that only a
    former primary has count for nothing once another primary has written.

    Epoch 0 is that of a store to which only versions without epochs have written.
    """

    epoch: int
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.number}"

    @classmethod
    def parse(cls, epoch: str | None, number: str | None) -> "Revision":
        """The revision that the two keys hold; None stands for a key that is not there. An epoch is written
        `epoch host:port`, with the primary that began it."""
        return cls(int(epoch.partition(" ")[0]) if epoch else 0, int(number or 0))


#: That of an empty store.
NO_REVISION = Revision(0, 0)


def epoch_key(revision_key: str) -> str:
    """The key of the epoch beside this key of the number."""
    return f"{revision_key.rpartition(':')[0]}:epoch"


def revision_query(revision_key: str) -> Command:
    """The command whose reply `parse_reply` understands: both keys at one instant."""
    return ("MGET", epoch_key(revision_key), revision_key)


def parse_reply(reply: Sequence[str | None]) -> Revision:
    """The revision in a reply to `revision_query`."""
    epoch, number = reply
    return Revision.parse(epoch, number)


class RevisionWatermark:
    """The latest revision that this process knows of, and when the primary confirmed it last. A node with an earlier
    one serves the past. Safe to share between threads."""

    def __init__(self, key: str) -> None:
        self.query = revision_query(key)
        self._value = NO_REVISION
        self._confirmed_at = -math.inf
        self._lock = threading.Lock()

    @property
    def value(self) -> Revision:
        return self._value

    @property
    def is_confirmed(self) -> bool:
        """Whether it has every write that was acknowledged, by any process, more than MAX_STALENESS_S ago."""
        return time.monotonic() - self._confirmed_at <= MAX_STALENESS_S

    def advance_to(self, revision: Revision) -> None:
        """Note a revision. News that come late change nothing: what is known never shrinks."""
        with self._lock:
            self._value = max(self._value, revision)

    def confirm(self, revision: Revision, asked_at: float) -> None:
        """Note what the primary replied to a query that was sent at `asked_at`, in seconds of the monotonic clock."""
        with self._lock:
            self._value = max(self._value, revision)
            self._confirmed_at = max(self._confirmed_at, asked_at)

    def reset_to(self, revision: Revision, known: Revision) -> None:
        """Note that the primary itself is at an earlier revision than the one that was `known` when it was asked: a
        failover took back what was never acknowledged, or the store was restored from a backup. A watermark that has
        advanced since stays."""
        with self._lock:
            if self._value == known:
                self._value = revision
