"""Whether the shop stays as it is under a load that goes on: memory, open files, sockets in CLOSE_WAIT, and latency.

    python -m benchmarks.soak [--minutes 60] [--share 0.7 | --rate N] [--interval 10] [--output FILE] [--markdown]

finds out how many requests a second the shop answers, two reads of a product to each purchase, and sends that share of
them, at a rate, over connections that are closed and opened again. At each interval it samples every kind of process.
The last lines say which figures are flat: those whose regression line, after the first third, does not rise by more
than a tolerance. Memory of data nodes counts without the data, which purchases add to, and may grow by 15 % of what
these add.
"""

import os
import random
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import orjson

from benchmarks import client, documents, grid, machine, processes, sides
from benchmarks.client import Client, Requests, quantile_ms
from benchmarks.grid import Grid
from benchmarks.paced import PacedLoad
from benchmarks.side import Side
from benchmarks.trend import Trend, trend
from benchmarks.watch import Watch, watching
from benchmarks.workloads import WORKLOADS, Catalogue
from devstack.temporary import RunningStack
from exactly_once.client import run_once
from exactly_once.replies import parse_info

CUSTOMERS, CONNECTIONS, REQUESTS, READS_A_PURCHASE = 20, 32, 12_000, 2
WARM_UP_S, SEARCH_S = 3, 10
MEGABYTE = 2**20
#: By which memory may grow in any case, and the part of added data that it may grow by in data nodes.
MIN_GROWTH_MB, ALLOCATOR_SHARE = 4.0, 0.15
#: Lines of the table: neighbouring samples are put together.
MAX_LINES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One interval: latency from when a request was due, failures, and by kind of process megabytes of resident memory
    and open files; the data of the data nodes, without which their memory counts; sockets in CLOSE_WAIT of all."""

    at_s: float
    answered: int
    failed: int
    p50_ms: float
    p99_ms: float
    memory_mb: dict[str, float]
    data_mb: float
    files: dict[str, int]
    close_waits: int


class Soak:
    """A shop under a load that goes on."""

    def __init__(self, started: RunningStack, side: Side, requests: Requests) -> None:
        self._started = started
        self._side = side
        self._requests = requests

    def capacity(self, used: Client) -> float:
        """Requests a second that are answered, of a client that sends as fast as that."""
        used.send(self._side.port, self._requests, CONNECTIONS, WARM_UP_S)
        return used.send(self._side.port, self._requests, CONNECTIONS, SEARCH_S).rate

    def run(self, rate: float, seconds: float, interval_s: float, watch: Watch) -> list[Sample]:
        """Send requests at this rate, and sample each interval."""
        load = PacedLoad(self._side.port, self._requests.texts, CONNECTIONS, rate)
        samples: list[Sample] = []
        began = time.monotonic()
        load.start()
        try:
            for number in range(1, int(seconds / interval_s) + 1):
                time.sleep(max(began + number * interval_s - time.monotonic(), 0))
                samples.append(self._sample(load, time.monotonic() - began))
                watch.say(_line(samples[-1]))
        finally:
            load.stop()
        return samples

    def _sample(self, load: PacedLoad, at_s: float) -> Sample:
        taken = load.take()
        ordered = sorted(taken.seconds)
        members = processes.members(self._side.processes)
        memory = {kind: processes.resident_bytes(pids) / MEGABYTE for kind, pids in members.items()}
        data_mb = self._data_mb()
        memory["redis"] -= data_mb
        return Sample(
            at_s=at_s,
            answered=len(ordered),
            failed=taken.failed,
            p50_ms=quantile_ms(ordered, 0.5),
            p99_ms=quantile_ms(ordered, 0.99),
            memory_mb=memory,
            data_mb=data_mb,
            files={kind: processes.open_files(pids) for kind, pids in members.items()},
            close_waits=sum(map(processes.close_waits, members.values())),
        )

    def _data_mb(self) -> float:
        """What the data nodes use for their data, together."""
        layout = self._started.layout
        infos = (
            run_once(address, ("INFO", "memory"), credentials=layout.operator) for address in layout.redis.values()
        )
        return sum(int(parse_info(text)["used_memory"]) for (text,) in infos) / MEGABYTE


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """The figures that are to be flat."""
    kinds = samples[0].memory_mb
    # The allocator needs some memory for what data is added.
    overhead_mb = ALLOCATOR_SHARE * (samples[-1].data_mb - samples[0].data_mb)
    least_mb = {kind: MIN_GROWTH_MB + (overhead_mb if kind == "redis" else 0) for kind in kinds}
    return [
        *(_memory(kind, samples, least_mb[kind]) for kind in kinds),
        *(trend(f"{kind}: open files", [each.files[kind] for each in samples], share=0.05, least=4) for kind in kinds),
        trend("sockets in CLOSE_WAIT", [each.close_waits for each in samples], share=0.05, least=2),
        trend("latency p50, ms", [each.p50_ms for each in samples], share=0.25, least=1),
        trend("latency p99, ms", [each.p99_ms for each in samples], share=0.5, least=10),
    ]


def _memory(kind: str, samples: Sequence[Sample], least_mb: float) -> Trend:
    values = [each.memory_mb[kind] for each in samples]
    return trend(f"{kind}: memory, MB", values, share=0.05, least=least_mb)


def over_time(samples: Sequence[Sample]) -> Grid:
    """The table of samples, so many at most, each the last of its stretch."""
    kinds = list(samples[0].memory_mb)
    columns = [
        "at",
        "answered/s",
        "failed",
        "p50 ms",
        "p99 ms",
        *(f"{kind} MB" for kind in kinds),
        "files",
        "CLOSE_WAIT",
    ]
    rows = Grid(title="Over time", columns=columns)
    step = -(-len(samples) // MAX_LINES)
    interval_s = samples[0].at_s
    for each in samples[step - 1 :: step]:
        figures = [f"{each.answered / interval_s:,.0f}", str(each.failed), f"{each.p50_ms:.1f}", f"{each.p99_ms:.1f}"]
        memory = [f"{each.memory_mb[kind]:.1f}" for kind in kinds]
        rows.rows.append(
            [f"{each.at_s / 60:.1f} min", *figures, *memory, str(sum(each.files.values())), str(each.close_waits)]
        )
    return rows


def verdicts(found: Sequence[Trend]) -> Grid:
    """The table of trends."""
    rows = Grid(title="From the first third on", columns=["figure", "from", "to", "may grow by", "verdict"])
    for each in found:
        verdict = "flat" if each.is_flat else "GROWS"
        rows.rows.append([each.name, f"{each.first:.1f}", f"{each.last:.1f}", f"{each.tolerance:.1f}", verdict])
    return rows


def mixed(side: Side, catalogue: Catalogue) -> list[bytes]:
    """Reads and purchases, in random order."""
    chance, purchases = random.Random(1), REQUESTS // (READS_A_PURCHASE + 1)
    counts = {"product": REQUESTS - purchases, "purchase": purchases}
    texts = [
        text for key, each in counts.items() for text in islice(WORKLOADS[key].make(side, catalogue, chance), each)
    ]
    chance.shuffle(texts)
    return texts


def _line(sample: Sample) -> str:
    memory = ", ".join(f"{kind} {megabytes:.0f} MB" for kind, megabytes in sample.memory_mb.items())
    return f"{sample.answered} answered, {sample.failed} failed, p99 {sample.p99_ms:.1f} ms; {memory}"


def main() -> None:
    arguments = _arguments()
    used, products = client.find(arguments.client), sides.products_for_sale(arguments.products)
    with (
        watching() as watch,
        tempfile.TemporaryDirectory(prefix="evergreen-soak-") as directory,
        sides.topology() as started,
    ):
        watch.say("the shop is filled")
        side = sides.filled(started, products, CUSTOMERS)
        requests = client.write(mixed(side, Catalogue.of(products)), Path(directory) / "requests")
        soak = Soak(started, side, requests)
        rate = arguments.rate or arguments.share * soak.capacity(used)
        watch.say(f"{rate:,.0f} requests a second are sent")
        samples = soak.run(rate, 60 * arguments.minutes, arguments.interval, watch)
    found = trends(samples)
    tables = [over_time(samples), verdicts(found)]
    grid.show(tables, as_markdown=arguments.markdown)
    failed, sent = sum(each.failed for each in samples), sum(each.answered + each.failed for each in samples)
    described = machine.describe(used.name)
    described = {"load": f"{sent:,} requests at {rate:,.0f} a second, {failed:,} failed", **described}
    print(machine.line(described))
    documents.publish(arguments.documents, "soak", tables, machine.line(described))
    if arguments.output:
        document = {"machine": described, "rate": rate, "samples": [asdict(each) for each in samples]}
        arguments.output.write_bytes(orjson.dumps(document))
    sys.exit(0 if not failed and all(each.is_flat for each in found) else 1)


def _arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--share", type=float, default=0.7, help="of what can be answered (0.7)")
    parser.add_argument("--rate", type=float, help="requests a second, in place of the share")
    parser.add_argument("--interval", type=float, default=10, help="seconds between two samples (10)")
    parser.add_argument("--products", type=int, default=2_000)
    parser.add_argument("--client", choices=("wrk", "python"), default="")
    parser.add_argument("--output", type=Path, help="a file for all samples, as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    documents.add_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
