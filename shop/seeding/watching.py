"""How far loading has come, for whoever waits: a bar on a terminal, now and then a line elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from shop.seeding.load import Tally

Watch = Callable[[Tally], None]

#: Seconds between two lines about one kind.
INTERVAL = 5.0


@contextmanager
def watching(console: Console) -> Iterator[Watch]:
    """What to call after every step."""
    if console.is_terminal:
        with _bars(console) as bars:
            yield _Bars(bars)
    else:
        yield _Lines(console)


def _bars(console: Console) -> Progress:
    rate = TextColumn("{task.fields[rate]:,.0f}/s")
    named = TextColumn("{task.description:9}")
    return Progress(named, BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn(), console=console)


class _Bars:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, tally: Tally) -> None:
        if tally.kind not in self._tasks:
            self._tasks[tally.kind] = self._bars.add_task(tally.kind, total=tally.wanted, rate=0.0)
        self._bars.update(self._tasks[tally.kind], completed=tally.done, rate=tally.rate)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._due = 0.0
        self._finished: set[str] = set()

    def __call__(self, tally: Tally) -> None:
        now = time.monotonic()
        if not tally.done:
            self._due = now + INTERVAL
        elif tally.kind not in self._finished and (now >= self._due or tally.done == tally.wanted):
            self._due = now + INTERVAL
            self._console.print(_line(tally), highlight=False)
        if tally.done == tally.wanted:
            self._finished.add(tally.kind)


def _line(tally: Tally) -> str:
    line = f"{tally.kind}: {tally.done:,} of {tally.wanted:,}"
    if not tally.rate:
        return line
    return f"{line}, {tally.rate:,.0f}/s, {(tally.wanted - tally.done) / tally.rate:,.0f} s left"
