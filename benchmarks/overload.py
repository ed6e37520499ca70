"""What happens when more is asked than can be answered.

    python -m benchmarks.overload [--times 3] [--minutes 10] [--worker-class gthread]

first finds out how much can be answered, by closed load on 32 connections. Then it calls the shop through nginx, open
loop, with two reads to each purchase, at so many times that rate, and after that at half of it. It says how much was
answered and how late, what a refused request costs beside an answered one, and after how many seconds the shop is
itself again. Without `--minutes` it takes less than a minute.
"""

import argparse
import os
import random
import resource
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import quantiles

import django
import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.open_load import MAX_CONNECTIONS, Answered, OpenLoad, http
from chaos.embedded import start
from chaos.stage import Stage
from configuration import server
from devstack import edge, render, supervision

NETWORK = "127.29"
TICKS = os.sysconf("SC_CLK_TCK")
CONNECTIONS, LINES = 32, 2
WARM_UP_S, CAPACITY_S, OVERLOAD_S, RECOVERY_S = 3.0, 8.0, 15.0, 8.0
#: Of an overload, the seconds until it counts as one.
ONSET_S = 5.0
#: Requests that are written beforehand, and sent again and again.
WRITTEN = 3_000
#: What the shop does when it is itself: it refuses nothing, and answers within so many seconds.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """A shop that is called: its port, its processes by kind, and what is asked of it."""

    port: int
    processes: Mapping[str, Sequence[int]]
    stage: Stage

    def requests(self) -> Iterator[bytes]:
        """Two reads of a product to each purchase of two lines, without end."""
        chance = random.Random(1)
        makers = (self._read, self._read, self._purchase)
        return cycle([makers[place % len(makers)](chance) for place in range(WRITTEN)])

    def cpu_s(self) -> dict[str, float]:
        """The CPU time of each kind of process so far."""
        return {kind: sum(map(_cpu_s, pids)) for kind, pids in self.processes.items()}

    def _read(self, chance: random.Random) -> bytes:
        return http("GET", f"/api/v1/products/{chance.choice(self.stage.plentiful)}/")

    def _purchase(self, chance: random.Random) -> bytes:
        items = [{"product": id, "quantity": 1} for id in chance.sample(self.stage.plentiful, LINES)]
        return http(
            "POST", "/api/v1/purchases/", orjson.dumps({"items": items}), chance.choice(self.stage.customers).token
        )


@contextmanager
def shop() -> Iterator[Shop]:
    """The whole topology, without rate limits, for as long as the block runs."""
    with start(NETWORK, address_limits=edge.NO_LIMITS) as target:
        pids: dict[str, list[int]] = {}
        for name, process in supervision.processes(target.layout).items():
            pids.setdefault(render.kind(name), []).append(process.pid)
        yield Shop(port=target.layout.nginx.port, processes=pids, stage=target.set_up())


def _cpu_s(pid: int) -> float:
    """User and system time of a process and its children that run."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS + sum(_cpu_s(int(child)) for child in children)


def measure(shop: Shop, sent: Iterator[bytes], rate: float, seconds: float, onset_s: float = 0.0) -> Measured:
    """Load of so many requests a second, or of CONNECTIONS that never pause, without its first `onset_s`."""
    before: dict[str, float] = {}
    open_load = OpenLoad(shop.port, sent, rate, MAX_CONNECTIONS if rate else CONNECTIONS)
    answers = open_load.run(seconds, onset_s, lambda: before.update(shop.cpu_s()))
    spent = {kind: total - before[kind] for kind, total in shop.cpu_s().items()}
    return Measured(answers=answers, seconds=seconds, cpu_s=spent)


def refusal_ratio(calm: Measured, overload: Measured, kinds: Sequence[str]) -> float:
    """What a refused request costs, as a share of an answered one, in the processes of these kinds; what was answered
    in the overload is taken to cost what it costs without one."""
    answered_s = sum(calm.cpu_s[kind] for kind in kinds) / len(calm.answered)
    spent_s = sum(overload.cpu_s[kind] for kind in kinds)
    refused_s = (spent_s - answered_s * len(overload.answered)) / max(len(overload.refused), 1)
    return refused_s / answered_s


def recovery_s(recovery: Measured) -> float:
    """Seconds after which nothing was refused or late any more."""
    return max((each.due for each in recovery.answers if each.status == 503 or each.seconds > USUAL_S), default=0.0)


def run(shop: Shop, times: float, overload_s: float) -> Sequence[tuple[str, float, Measured]]:
    """Each phase: its name, the rate that was asked for, and what it found."""
    sent = shop.requests()
    measure(shop, sent, 0, WARM_UP_S)
    calm = measure(shop, sent, 0, CAPACITY_S)
    overload = measure(shop, sent, times * calm.rate, overload_s, ONSET_S)
    recovery = measure(shop, sent, calm.rate / 2, RECOVERY_S)
    return (
        ("at most", calm.rate, calm),
        (f"{times:g} times that", times * calm.rate, overload),
        ("half of it, afterwards", calm.rate / 2, recovery),
    )


def main() -> None:
    arguments = _arguments()
    django.setup()
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    os.environ[server.WORKER_CLASS.name] = arguments.worker_class
    with shop() as served:
        phases = run(served, arguments.times, arguments.minutes * 60 or OVERLOAD_S)
    console = Console(width=160)
    rates = ("asked, per s", "answered, per s", "refused, per s", "not sent", "neither")
    table = Table("load", *rates, "p50 and p99, ms", "of reads", "of writes", "CPU")
    for name, rate, found in phases:
        table.add_row(name, *_row(rate, found))
    console.print(table)
    (_, _, calm), (_, _, overload), (_, _, recovery) = phases
    everything = tuple(calm.cpu_s)
    console.print(f"answered in the overload: {overload.rate / calm.rate:.0%} of what can be answered at most")
    console.print(f"an answered request costs {1000 * calm.total_cpu_s / len(calm.answered):.2f} ms of all processes")
    console.print(
        f"a refused one costs {refusal_ratio(calm, overload, everything):.2f} of that, "
        f"and in the instances {refusal_ratio(calm, overload, ['api']):.2f} of theirs"
    )
    console.print(f"itself again after {recovery_s(recovery):.1f} s")


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
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
