"""What a killed primary costs: the reads that go on meanwhile, and where the time without a primary goes.

    python -m benchmarks.failover [--times 5] [--reads 400] [--writes 200] [--threads 512] [--worker gthread]

calls the shop through nginx, open loop, and kills the primary again and again. Reads while there is no primary are
compared with reads of the same run, just before. The Sentinels' logs and the load's history say when what happened.
"""

import argparse
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from statistics import median, quantiles

import django
from rich.console import Console
from rich.table import Table

from chaos import stage
from chaos.embedded import EmbeddedTarget, starting
from chaos.history import Call, Kind
from chaos.load import Load
from chaos.mix import Mix

NETWORK = "127.29"
SETTLE, FAILOVER = 8.0, 4.0
#: What a Sentinel writes down, in this order.
EVENTS = ("+sdown master", "+elected-leader", "+promoted-slave", "+switch-master")
_LINE = re.compile(r"\d+:X (\d+ \w+ \d+ [\d:.]+) . (.*)")


class ReadsAndWrites(Mix):
    """So many reads and so many purchases, in turn, evenly."""

    def __init__(self, set_up: stage.Stage, reads: int, writes: int) -> None:
        super().__init__(set_up, seed=1)
        every = (reads + writes) / writes
        self._kinds = [Kind.PURCHASE if place % every < 1 else Kind.CATALOGUE for place in range(reads + writes)]

    def calls(self) -> Iterator[Call]:
        for kind in cycle(self._kinds):
            yield self._makers[kind]()


@dataclass(frozen=True, kw_only=True, slots=True)
class Death:
    """One killed primary. `at` and `served` are seconds of the load; `phases`, seconds from the death until the first
    Sentinel wrote each of the events down."""

    at: float
    served: float
    phases: Sequence[float]


def killed(target: EmbeddedTarget, load: Load) -> Death:
    """Kills the primary, and returns when the topology is whole again."""
    before, at = time.time(), load.now
    # It is started again afterwards: on one machine that would take the CPU from what is measured.
    target.take_away(target.primary)
    time.sleep(FAILOVER)
    phases = [_first(target, event, before) for event in EVENTS]
    target.heal()
    time.sleep(SETTLE)
    served = min(call.ended for call in load.history.writes if call.due > at and call.status == 201)
    return Death(at=at, served=served, phases=phases)


def _first(target: EmbeddedTarget, event: str, after: float) -> float:
    """Seconds from `after` until the first Sentinel wrote this event down."""
    found = []
    for name in target.layout.sentinels:
        for line in target.layout.log(name).read_text(errors="replace").splitlines():
            match = _LINE.match(line)
            if match and match[2].startswith(event):
                found.append(datetime.strptime(match[1], "%d %b %Y %H:%M:%S.%f").timestamp() - after)
    return min((seconds for seconds in found if seconds >= 0), default=float("nan"))


def p99(calls: Sequence[Call]) -> float:
    """In milliseconds."""
    return quantiles([1000 * call.seconds for call in calls], n=100)[98]


def main() -> None:
    arguments = _arguments()
    os.environ["GUNICORN_THREADS"] = str(arguments.threads)
    django.setup()
    with starting(NETWORK) as target:
        mix = ReadsAndWrites(stage.set_up(target.configuration), arguments.reads, arguments.writes)
        load = Load(target.url, mix, arguments.reads + arguments.writes)
        load.start()
        try:
            time.sleep(2 * SETTLE)
            deaths = [killed(target, load) for _ in range(arguments.times)]
        finally:
            history = load.stop()
    console = Console(width=140)
    console.print(_reads(history.reads, deaths))
    console.print(_phases(deaths))
    failed = sum(not call.is_acknowledged for call in history.calls)
    console.print(f"{len(history.calls):,} requests, {failed} failed")


def _reads(reads: Sequence[Call], deaths: Sequence[Death]) -> Table:
    """Undisturbed; while the Sentinels name no primary; and in the second after that, in which the writes that have
    waited are carried out. The last row is of all deaths together: of one, the percentile is the seventh worst read."""
    table = Table("p99 of reads, ms", "undisturbed", "no primary", "ratio", "catching up", "ratio")
    periods = [_periods(reads, death) for death in deaths]
    together = [[call for calls in period for call in calls] for period in zip(*periods, strict=True)]
    for name, (calm, absent, busy) in zip(
        [*map(str, range(1, len(deaths) + 1)), "all"], [*periods, together], strict=True
    ):
        usual = p99(calm)
        ratios = [(f"{p99(calls):.1f}", f"{p99(calls) / usual:.2f}") for calls in (absent, busy)]
        table.add_row(name, f"{usual:.1f}", *ratios[0], *ratios[1])
    return table


def _periods(reads: Sequence[Call], death: Death) -> Sequence[Sequence[Call]]:
    back = death.at + death.phases[-1]
    spans = ((death.at - SETTLE + 1, death.at - 0.1), (death.at, back), (back, back + 1))
    return [[call for call in reads if start <= call.due < end] for start, end in spans]


def _phases(deaths: Sequence[Death]) -> Table:
    table = Table("seconds after the death", "median", "longest")
    names = ("a Sentinel finds it down", "one is elected", "a replica is promoted", "the others know")
    for place, name in enumerate(names):
        seconds = [death.phases[place] for death in deaths]
        table.add_row(name, f"{median(seconds):.2f}", f"{max(seconds):.2f}")
    seconds = [death.served - death.at for death in deaths]
    table.add_row("the first write is acknowledged", f"{median(seconds):.2f}", f"{max(seconds):.2f}")
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures what a killed primary costs.")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--reads", type=int, default=400, help="a second")
    parser.add_argument("--writes", type=int, default=200, help="a second")
    parser.add_argument("--threads", type=int, default=512, help="of each gunicorn worker")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
