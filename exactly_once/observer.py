"""What the engine reports about its work, for metrics. An application passes an object or a module with these
functions."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Observer(Protocol):
    """Receives what the engine counts and measures. Every function must be fast, thread-safe, and must not raise."""

    def script_ran(self, script: str, outcomes: Sequence[str], seconds: float) -> None:
        """A script was run, with these reply tags, or a reason where a server failed."""

    def waited(self, replicas: int, seconds: float) -> None:
        """A WAIT ended after this time; so many replicas had the write."""

    def write_retried(self, reason: str) -> None:
        """A try of a write is followed by another one."""

    def without_primary(self, seconds: float) -> None:
        """There was no primary for this time."""

    def read_served(self, *, by_primary: bool) -> None:
        """A node answered a read."""

    def read_elsewhere(self, reason: str) -> None:
        """A node could not serve a read, and another one is asked."""

    def connection_busy(self) -> AbstractContextManager[None]:
        """A connection waits for a reply, for as long as the context lasts."""

    def connection_opened(self) -> None:
        """A connection was opened."""

    def write_in_progress(self) -> AbstractContextManager[None]:
        """A write is at the store or waits for it, for as long as the context lasts."""


class SilentObserver:
    """Ignores everything."""

    def script_ran(self, script: str, outcomes: Sequence[str], seconds: float) -> None: ...

    def waited(self, replicas: int, seconds: float) -> None: ...

    def write_retried(self, reason: str) -> None: ...

    def without_primary(self, seconds: float) -> None: ...

    def read_served(self, *, by_primary: bool) -> None: ...

    def read_elsewhere(self, reason: str) -> None: ...

    def connection_busy(self) -> AbstractContextManager[None]:
        return nullcontext()

    def connection_opened(self) -> None: ...

    def write_in_progress(self) -> AbstractContextManager[None]:
        return nullcontext()
