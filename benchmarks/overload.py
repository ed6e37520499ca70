"""What happens when more is asked than can be answered.

    python -m benchmarks.overload [--times 3] [--minutes 10] [--worker-class gthread] [--apart]

first finds out how much can be answered, by closed load on 32 connections. Then it calls the shop through nginx, open
loop, with two reads to each purchase: at half of that rate, at so many times that rate, and at half of it again. It
says how much was answered and how late, what a refused request costs beside an answered one, after how many seconds
the shop is itself again, and how late the client itself was. Without `--minutes` it takes about a minute. With
`--apart` the client has a core of its own, as a client on another machine has, and the servers have the others.
"""

import argparse
import os
import random
import resource
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from statistics import quantiles

import django
from rich.console import Console
from rich.table import Table

from benchmarks import processes
from benchmarks.open_load import MAX_CONNECTIONS, Answered, OpenLoad
from benchmarks.side import Side
from benchmarks.sides import filled, products_for_sale, topology
from benchmarks.workloads import WORKLOADS, Catalogue
from configuration import server

CONNECTIONS, PRODUCTS, CUSTOMERS = 32, 1_000, 100
WARM_UP_S, CAPACITY_S, OVERLOAD_S, RECOVERY_S = 3.0, 8.0, 15.0, 12.0
#: Of an overload, the seconds until it counts as one.
ONSET_S = 5.0
#: Requests that are written beforehand, and sent again and again.
WRITTEN = 3_000
#: What the shop does when it is itself, at least: it answers 95 of 100 requests within so many seconds.
USUAL_S = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a load found: its answers, how many seconds of it count, and the CPU seconds of each kind of process."""

    answers: Sequence[Answered]
    seconds: float
    cpu_s: Mapping[str, float]

    @property
    def answered(self) -> Sequence[Answered]:
        return [each for each in self.answers if 200 <= each.status < 300]

    @property
    def refused(self) -> Sequence[Answered]:
        return [each for each in self.answers if each.status == 503]

    @property
    def rate(self) -> float:
        """Answered requests per second."""
        return len(self.answered) / self.seconds

    @property
    def total_cpu_s(self) -> float:
        return sum(self.cpu_s.values())


def requests(side: Side) -> Iterator[bytes]:
    """Two reads to each purchase, without end."""
    chance = random.Random(1)
    nothing = Catalogue(categories=(), words=())
    reads, purchases = (WORKLOADS[key].make(side, nothing, chance) for key in ("product", "purchase"))
    sources = cycle((reads, reads, purchases))
    return cycle([next(next(sources)) for _ in range(WRITTEN)])


def measure(side: Side, sent: Iterator[bytes], rate: float, seconds: float, onset_s: float = 0.0) -> Measured:
    """Load of so many requests a second, or of CONNECTIONS that never pause, without its first `onset_s`."""
    before: dict[str, float] = {}
    open_load = OpenLoad(side.port, sent, rate, MAX_CONNECTIONS if rate else CONNECTIONS)
    answers = open_load.run(seconds, onset_s, lambda: before.update(processes.cpu_seconds(side.processes)))
    spent = {kind: total - before[kind] for kind, total in processes.cpu_seconds(side.processes).items()}
    return Measured(answers=answers, seconds=seconds, cpu_s=spent)


def refusal_ratio(calm: Measured, overload: Measured, kinds: Sequence[str]) -> float:
    """What a refused request costs, as a share of an answered one, in the processes of these kinds; what was answered
    in the overload is taken to cost what it costs without one."""
    answered_s = sum(calm.cpu_s[kind] for kind in kinds) / len(calm.answered)
    spent_s = sum(overload.cpu_s[kind] for kind in kinds)
    refused_s = (spent_s - answered_s * len(overload.answered)) / max(len(overload.refused), 1)
    return refused_s / answered_s


def recovery_s(before: Measured, after: Measured) -> float:
    """Seconds of the load `after` an overload until no second refused more or was later than the worst second of the
    same load `before` it."""
    usual = _seconds_of(before).values()
    most_refused, latest_s = max(each[0] for each in usual), max(USUAL_S, *(each[1] for each in usual))
    unusual = [
        at for at, (refused, late_s) in _seconds_of(after).items() if refused > most_refused or late_s > latest_s
    ]
    return max(unusual, default=-1) + 1.0


def _seconds_of(found: Measured) -> Mapping[int, tuple[int, float]]:
    """By second: how many were not answered, and the 95th percentile of how late the others were."""
    by_second: dict[int, list[Answered]] = {}
    for each in found.answers:
        by_second.setdefault(int(each.due), []).append(each)
    return {second: _second(answers) for second, answers in by_second.items()}


def _second(answers: Sequence[Answered]) -> tuple[int, float]:
    times = sorted(each.seconds for each in answers if each.status in (200, 201))
    return len(answers) - len(times), times[int(0.95 * len(times))] if times else 0.0


def run(side: Side, times: float, overload_s: float) -> Sequence[tuple[str, float, Measured]]:
    """Each phase: its name, the rate that was asked for, and what it found."""
    sent = requests(side)
    measure(side, sent, 0, WARM_UP_S)
    calm = measure(side, sent, 0, CAPACITY_S)
    before = measure(side, sent, calm.rate / 2, RECOVERY_S)
    overload = measure(side, sent, times * calm.rate, overload_s, ONSET_S)
    recovery = measure(side, sent, calm.rate / 2, RECOVERY_S)
    return (
        ("at most", calm.rate, calm),
        ("half of it, before", calm.rate / 2, before),
        (f"{times:g} times that", times * calm.rate, overload),
        ("half of it, afterwards", calm.rate / 2, recovery),
    )


def main() -> None:
    arguments = _arguments()
    django.setup()
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    os.environ[server.WORKER_CLASS.name] = arguments.worker_class
    *shared, last = cores = sorted(os.sched_getaffinity(0))
    if arguments.apart:
        if not shared:
            raise SystemExit("--apart takes two cores.")
        os.sched_setaffinity(0, shared)
    with topology() as started:
        side = filled(started, products_for_sale(PRODUCTS), CUSTOMERS)
        os.sched_setaffinity(0, [last] if arguments.apart else cores)
        phases = run(side, arguments.times, arguments.minutes * 60 or OVERLOAD_S)
    console = Console(width=160)
    rates = ("asked, per s", "answered, per s", "refused, per s", "not sent", "neither")
    table = Table("load", *rates, "p50 and p99, ms", "of reads", "of writes", "CPU")
    for name, rate, found in phases:
        table.add_row(name, *_row(rate, found))
    console.print(table)
    calm, before, overload, after = (found for _, _, found in phases)
    everything = tuple(calm.cpu_s)
    console.print(f"answered in the overload: {overload.rate / calm.rate:.0%} of what can be answered at most")
    console.print(f"an answered request costs {1000 * calm.total_cpu_s / len(calm.answered):.2f} ms of all processes")
    console.print(
        f"a refused one costs {refusal_ratio(calm, overload, everything):.2f} of that, "
        f"and in the instances {refusal_ratio(calm, overload, ['api']):.2f} of theirs"
    )
    console.print(f"itself again after {recovery_s(before, after):.0f} s")
    for name, _, found in phases:
        lags = [1000 * (each.sent - each.due) for each in found.answers]
        console.print(f"{name}: sent late by {quantiles(lags, n=100)[98]:.0f} ms (p99), {max(lags):.0f} ms at most")


def _row(rate: float, found: Measured) -> Sequence[str]:
    unsent = sum(each.status == 0 and each.seconds == 0 for each in found.answers)
    neither = len(found.answers) - len(found.answered) - len(found.refused) - unsent
    reads, writes = ([each for each in found.answered if each.status == status] for status in (200, 201))
    return (
        f"{rate:,.0f}",
        f"{found.rate:,.0f}",
        f"{len(found.refused) / found.seconds:,.0f}",
        f"{unsent:,}",
        f"{neither:,}",
        *map(_percentiles, (found.answered, reads, writes)),
        ", ".join(f"{kind} {spent / found.seconds:.2f}" for kind, spent in found.cpu_s.items()),
    )


def _percentiles(answers: Sequence[Answered]) -> str:
    times = [1000 * each.seconds for each in answers]
    found = quantiles(times, n=100) if len(times) > 1 else [float("nan")] * 99
    return f"{found[49]:.0f}, {found[98]:.0f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what overload costs.")
    parser.add_argument("--times", type=float, default=3.0, help="of what can be answered (3)")
    parser.add_argument("--minutes", type=float, default=0.0, help="of overload (15 s)")
    parser.add_argument("--worker-class", default=server.WORKER_CLASS.default, help="EVERGREEN_WORKER_CLASS")
    parser.add_argument("--apart", action="store_true", help="the client on a core of its own")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
