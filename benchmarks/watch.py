"""Progress: one line that changes on a terminal, and a line a step elsewhere."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.status import Status


class Watch:
    """Shows what a run is doing, on the standard error."""

    def __init__(self, console: Console, status: Status) -> None:
        self._console = console
        self._status = status
        self._began = time.monotonic()
        self._done = self._total = 0

    def expect(self, steps: int) -> None:
        """So many steps are to come."""
        self._done, self._total = 0, steps

    def step(self, text: str) -> None:
        """The next step begins."""
        self._done += 1
        self.say(f"{self._done}/{max(self._total, self._done)} {text}")

    def say(self, text: str) -> None:
        """Show a text."""
        seconds = int(time.monotonic() - self._began)
        line = f"{seconds // 60:02d}:{seconds % 60:02d} {text}"
        if self._console.is_terminal:
            self._status.update(line)
        else:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    """Show progress while a block runs. Asked to end meanwhile, the process ends as by an exception: servers that a
    block has started end with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console(stderr=True)
    status = Status("starting", console=console)
    with status if console.is_terminal else contextlib.nullcontext():
        yield Watch(console, status)
