"""What a failover costs: the reads that go on meanwhile, and where the time without a primary goes.

    python -m benchmarks.failover [--planned] [--times 5] [--reads 400] [--writes 200]

calls the shop through nginx, open loop, and kills the primary again and again, or has an operator move it. Reads while
there is no primary are compared with reads of the same run, just before. The Sentinels' logs and the load's history say
when what happened.
"""

import argparse
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, pairwise
from statistics import median, quantiles

import django
from rich.console import Console
from rich.table import Table

from chaos.embedded import EmbeddedTarget, start
from chaos.history import Call, CallKind, History
from chaos.load import Load
from chaos.mix import Mix
from chaos.stage import Stage

NETWORK = "127.29"
SETTLE_S, AFTERWARDS_S = 8.0, 4.0
#: What a Sentinel writes down of a primary that was killed or moved, in this order, and what that means.
KILLED = {
    "+sdown master": "a Sentinel finds it down",
    "+elected-leader": "one is elected",
    "+promoted-slave": "a replica is promoted",
    "+switch-master": "the others know",
}
MOVED = {
    "+try-failover": "a Sentinel takes the order",
    "+selected-slave": "a replica is chosen",
    "+promoted-slave": "it is promoted",
    "+switch-master": "the others know",
}
_LINE = re.compile(r"\d+:X (\d+ \w+ \d+ [\d:.]+) . (.*)")


class ReadsAndWrites(Mix):
    """So many reads and so many purchases, in turn, evenly."""

    def __init__(self, stage: Stage, reads: int, writes: int) -> None:
        super().__init__(stage)
        every = (reads + writes) / writes
        self._kinds = [
            CallKind.PURCHASE if place % every < 1 else CallKind.CATALOGUE for place in range(reads + writes)
        ]

    def calls(self) -> Iterator[Call]:
        for kind in cycle(self._kinds):
            yield self._makers[kind]()


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredFailover:
    """One primary that was killed or moved. `at` is in seconds of the load; `phases` say after how many seconds the
    first Sentinel wrote each of the events down."""

    at: float
    phases: Sequence[float]


def kill(target: EmbeddedTarget, load: Load) -> MeasuredFailover:
    """Kill the primary, and return when the topology is whole again."""
    before, at = time.time(), load.now
    # It is started again afterwards: on one machine that would take the CPU from what is measured.
    target.take_away(target.primary)
    return _observe(target, before, at, KILLED)


def move(target: EmbeddedTarget, load: Load) -> MeasuredFailover:
    """Make a planned failover, and return when the topology is whole again."""
    before, at = time.time(), load.now
    target.move_primary()
    return _observe(target, before, at, MOVED)


def _observe(target: EmbeddedTarget, before: float, at: float, events: Mapping[str, str]) -> MeasuredFailover:
    time.sleep(AFTERWARDS_S)
    phases = [_first(target, event, before) for event in events]
    target.heal()
    time.sleep(SETTLE_S)
    return MeasuredFailover(at=at, phases=phases)


def _first(target: EmbeddedTarget, event: str, after: float) -> float:
    """Seconds from `after` until the first Sentinel wrote this event down."""
    times = []
    for name in target.layout.sentinels:
        for line in target.layout.log(name).read_text(errors="replace").splitlines():
            match = _LINE.match(line)
            if match and match[2].startswith(event):
                times.append(datetime.strptime(match[1], "%d %b %Y %H:%M:%S.%f").timestamp() - after)
    return min((seconds for seconds in times if seconds >= 0), default=float("nan"))


def p99(calls: Sequence[Call]) -> float:
    """In milliseconds."""
    return quantiles([1000 * call.seconds for call in calls], n=100)[98]


def main() -> None:
    arguments = _arguments()
    django.setup()
    fail, events = (move, MOVED) if arguments.planned else (kill, KILLED)
    with start(NETWORK) as target:
        mix = ReadsAndWrites(target.set_up(), arguments.reads, arguments.writes)
        load = Load(target.url, mix, arguments.reads + arguments.writes)
        load.start()
        try:
            time.sleep(2 * SETTLE_S)
            failovers = [fail(target, load) for _ in range(arguments.times)]
        finally:
            history = load.stop()
    console = Console(width=140)
    console.print(_reads(history.reads, failovers))
    console.print(_phases(history, failovers, events))
    failed = sum(not call.is_acknowledged for call in history.calls)
    console.print(f"{len(history.calls):,} requests, {failed} failed")


def _reads(reads: Sequence[Call], failovers: Sequence[MeasuredFailover]) -> Table:
    """Undisturbed; while the Sentinels name no primary; and in the second after that, in which the writes that have
    waited are carried out. The last row is of all together: of one, the percentile is the seventh worst read."""
    table = Table("p99 of reads, ms", "undisturbed", "no primary", "ratio", "catching up", "ratio")
    periods = [_periods(reads, failover) for failover in failovers]
    together = [[call for calls in period for call in calls] for period in zip(*periods, strict=True)]
    for name, (calm, absent, busy) in zip(
        [*map(str, range(1, len(failovers) + 1)), "all"], [*periods, together], strict=True
    ):
        usual = p99(calm)
        ratios = [(f"{p99(calls):.1f}", f"{p99(calls) / usual:.2f}") for calls in (absent, busy)]
        table.add_row(name, f"{usual:.1f}", *ratios[0], *ratios[1])
    return table


def _periods(reads: Sequence[Call], failover: MeasuredFailover) -> Sequence[Sequence[Call]]:
    back = failover.at + failover.phases[-1]
    spans = ((failover.at - SETTLE_S + 1, failover.at - 0.1), (failover.at, back), (back, back + 1))
    return [[call for call in reads if start <= call.due < end] for start, end in spans]


def _phases(history: History, failovers: Sequence[MeasuredFailover], events: Mapping[str, str]) -> Table:
    table = Table("seconds from the beginning", "median", "longest")
    rows = {what: [failover.phases[place] for failover in failovers] for place, what in enumerate(events.values())}
    pauses = [_pause(history, failover) for failover in failovers]
    rows["the first write after the longest pause is acknowledged"] = [
        end - failover.at for failover, (_, end) in zip(failovers, pauses, strict=True)
    ]
    rows["the longest pause"] = [end - start for start, end in pauses]
    for what, seconds in rows.items():
        table.add_row(what, f"{median(seconds):.2f}", f"{max(seconds):.2f}")
    return table


def _pause(history: History, failover: MeasuredFailover) -> tuple[float, float]:
    """The longest time around a failover in which no write was acknowledged: when it began and when it ended."""
    ends = sorted(
        call.ended for call in history.writes if call.is_acknowledged and -1 < call.ended - failover.at < AFTERWARDS_S
    )
    return max(pairwise(ends), key=lambda pair: pair[1] - pair[0])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures what a failover costs.")
    parser.add_argument("--planned", action="store_true", help="the primary is moved, not killed")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--reads", type=int, default=400, help="a second")
    parser.add_argument("--writes", type=int, default=200, help="a second")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
