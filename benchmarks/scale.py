"""How the shop scales: processes of the API, the ceiling of one primary, and which part gives out first.

    python -m benchmarks.scale [--processes 1 2 4] [--products 2000] [--seconds 5] [--connections 32] [--markdown]

asks the shop for products and purchases over so many connections as fast as it answers, with one process of the API and
with more. Beside requests a second are the cores that each kind of process takes, and the share of a core that the
busiest single process takes: what is near 1 there has no more to give. The ceiling of a primary is what its main thread
could do if it had a core for itself and nothing else were in the way.
"""

import os
import re
import tempfile
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import client, documents, grid, machine, processes, sides
from benchmarks.client import Client, LoadResult, Requests
from benchmarks.grid import Grid
from benchmarks.measuring import Comparison
from benchmarks.report import KINDS
from benchmarks.side import Side
from benchmarks.watch import Watch, watching
from benchmarks.workloads import WORKLOADS, Catalogue
from devstack.temporary import RunningStack
from exactly_once.client import run_once

CUSTOMERS, WARM_UP_S = 20, 1
MEASURED = ("product", "purchase")
_MAIN_THREAD_S = re.compile(r"used_cpu_(?:user|sys)_main_thread:([\d.]+)")
_SCRIPTS = re.compile(r"cmdstat_evalsha(?:_ro)?:calls=(\d+),usec=(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Saturated:
    """One workload under full load: what the client saw, the cores that each kind of process took, and the share of a
    core of the busiest process of each kind."""

    workload: str
    api_processes: int
    load: LoadResult
    cores: dict[str, float]
    busiest: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ceiling:
    """Of a purchase on the primary, in microseconds: all its scripts, and all of its main thread."""

    script_us: float
    main_thread_us: float


def measure(number: int, arguments: Namespace, used: Client, watch: Watch) -> tuple[list[Saturated], Ceiling]:
    """Saturate a shop with so many processes of the API."""
    products = sides.products_for_sale(arguments.products)
    with running(number) as started, tempfile.TemporaryDirectory(prefix="evergreen-scale-") as directory:
        watch.say(f"the shop with {number} processes of the API is filled")
        side = sides.filled(started, products, CUSTOMERS)
        comparison = Comparison(used, [side], Catalogue.of(products), Path(directory))
        found = []
        for key in MEASURED:
            watch.say(f"{WORKLOADS[key].title}, {number} processes of the API")
            requests = comparison.requests(WORKLOADS[key], side)
            used.send(side.port, requests, arguments.connections, WARM_UP_S)
            before = read_primary(started)
            found.append(saturate(used, side, key, requests, number, arguments))
            after = read_primary(started)
        # Of the last workload, purchases.
        count = found[-1].load.requests
    ceiling = Ceiling(
        script_us=(after.script_us - before.script_us) / count,
        main_thread_us=(after.main_thread_us - before.main_thread_us) / count,
    )
    return found, ceiling


@contextmanager
def running(number: int) -> Iterator[RunningStack]:
    """A topology with so many processes of the API: of one instance, or of two with half of them each."""
    with sides.topology(workers=max(number // 2, 1)) as started:
        if number == 1:
            started.stop("api-2")
        yield started


def saturate(used: Client, side: Side, key: str, requests: Requests, number: int, arguments: Namespace) -> Saturated:
    """Send one workload as fast as it is answered."""
    each = {f"{kind} {pid}": [pid] for kind, pids in processes.members(side.processes).items() for pid in pids}
    before = processes.cpu_seconds(each)
    load = used.send(side.port, requests, arguments.connections, arguments.seconds)
    after = processes.cpu_seconds(each)
    shares = {name: (after[name] - before[name]) / load.seconds for name in each}
    by_kind = {kind: [share for name, share in shares.items() if name.split()[0] == kind] for kind in KINDS}
    return Saturated(
        workload=key,
        api_processes=number,
        load=load,
        cores={kind: sum(found) for kind, found in by_kind.items()},
        busiest={kind: max(found, default=0.0) for kind, found in by_kind.items()},
    )


def read_primary(started: RunningStack) -> Ceiling:
    """What the primary has taken so far."""
    if started.primary is None:
        raise SystemExit("The topology has no primary.")
    address = started.layout.redis[started.primary]
    (info,) = run_once(address, ("INFO", "commandstats", "cpu"), credentials=started.layout.operator)
    return Ceiling(
        script_us=sum(float(us) for _, us in _SCRIPTS.findall(info)),
        main_thread_us=1_000_000 * sum(map(float, _MAIN_THREAD_S.findall(info))),
    )


def scaling(found: list[Saturated], connections: int) -> Grid:
    """The table of everything that was saturated."""
    columns = ["request, processes of the API", "answers/s", "p99 ms", "failed"]
    columns += [f"{kind}: cores (busiest)" for kind in KINDS]
    rows = Grid(title=f"As fast as it is answered, {connections} connections", columns=columns)
    for each in found:
        cores = [f"{each.cores[kind]:.2f} ({each.busiest[kind]:.2f})" for kind in KINDS]
        figures = [f"{each.load.rate:,.0f}", f"{each.load.p99_ms:.1f}", str(each.load.failed)]
        rows.rows.append([f"{WORKLOADS[each.workload].title}, {each.api_processes}", *figures, *cores])
    return rows


def ceilings(found: dict[int, Ceiling]) -> Grid:
    """The table of what one primary could do."""
    columns = ["processes of the API", "scripts, µs", "main thread, µs", "ceiling, purchases/s"]
    rows = Grid(title="A purchase on the primary", columns=columns)
    for number, each in found.items():
        ceiling = f"{1_000_000 / each.main_thread_us:,.0f}"
        rows.rows.append([str(number), f"{each.script_us:.0f}", f"{each.main_thread_us:.0f}", ceiling])
    return rows


def main() -> None:
    arguments = _arguments()
    used = client.find(arguments.client)
    saturated: list[Saturated] = []
    found: dict[int, Ceiling] = {}
    with watching() as watch:
        for number in arguments.processes:
            rows, found[number] = measure(number, arguments, used, watch)
            saturated += rows
    tables, described = [scaling(saturated, arguments.connections), ceilings(found)], machine.describe(used.name)
    grid.show(tables, as_markdown=arguments.markdown)
    print(machine.line(described))
    documents.publish(arguments.documents, "scale", tables, machine.line(described))


def _arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--processes", nargs="+", type=int, choices=(1, 2, 4, 8), default=[1, 2, 4], help="of the API")
    parser.add_argument("--products", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=5, help="of load for each workload (5)")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--client", choices=("wrk", "python"), default="")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    documents.add_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
