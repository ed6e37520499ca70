"""What a purchase costs by number of data nodes.

    python -m benchmarks.data_nodes [--numbers 2 3 4 5] [--rounds 8] [--seconds 2] [--connections 1 16] [--markdown]

starts a whole shop for each number, and sends them purchases in turn, one round after the other: what else the machine
does hits all alike. It counts the CPU time of all processes of a shop by kind.
"""

import contextlib
import os
import statistics
import tempfile
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import client, documents, grid, machine, sides
from benchmarks.grid import Grid
from benchmarks.measuring import Comparison, Plan, Row
from benchmarks.side import Side
from benchmarks.watch import Watch, watching
from benchmarks.workloads import WORKLOADS, Catalogue
from configuration import stack
from shop.domain.products import Product

CUSTOMERS, WARM_UP_S = 20, 1
COMPARED = int(stack.DATA_NODES.default)


def measure(arguments: Namespace, used: client.Client, watch: Watch) -> list[Row]:
    """Purchases at all shops in turn."""
    products = sides.products_for_sale(arguments.products)
    with (
        running(arguments.numbers, products, watch) as shops,
        tempfile.TemporaryDirectory(prefix="evergreen-data-nodes-") as directory,
    ):
        comparison = Comparison(used, shops, Catalogue.of(products), Path(directory))
        plan = Plan(
            workloads=[replace(WORKLOADS["purchase"], sides=[shop.name for shop in shops])],
            loads=arguments.connections,
            rounds=arguments.rounds,
            seconds=arguments.seconds,
            warm_up_s=WARM_UP_S,
        )
        watch.expect(comparison.steps(plan))
        return comparison.measure(plan, watch.step)


@contextlib.contextmanager
def running(numbers: Sequence[int], products: Sequence[Product], watch: Watch) -> Iterator[list[Side]]:
    """A shop for each number of data nodes, filled; its name is the number."""
    with contextlib.ExitStack() as started:
        found = []
        for number in numbers:
            watch.say(f"the shop with {number} data nodes starts, and is filled")
            shop = started.enter_context(sides.topology(data_nodes=number))
            found.append(replace(sides.filled(shop, products, CUSTOMERS), name=str(number)))
        yield found


def costs(rows: Sequence[Row]) -> Grid:
    """The table: each number beside that of an ordinary shop, under the same load."""
    columns = ["data nodes, connections", "CPU ms a purchase", f"times that of {COMPARED}"]
    columns += ["of it redis", "api", "p50 ms", "p99 ms", "purchases/s", "failed"]
    table = Grid(title="A purchase of 2 lines by number of data nodes", columns=columns)
    compared = {row.connections: row for row in rows if row.side == str(COMPARED)}
    for row in rows:
        ordinary = compared.get(row.connections)
        table.rows.append(
            [
                f"{row.side}, {row.connections}",
                f"{row.total_cpu_ms:.2f}",
                f"{ratio(row, ordinary):.2f}" if ordinary else "",
                f"{row.cpu_ms['redis']:.2f}",
                f"{row.cpu_ms['api']:.2f}",
                f"{row.median('p50_ms'):.1f}",
                f"{row.median('p99_ms'):.1f}",
                f"{row.median('rate'):,.0f}",
                str(row.failed),
            ]
        )
    return table


def ratio(row: Row, other: Row) -> float:
    """The CPU time of a request beside that of the other row: the median of rounds that ran one after the other."""
    pairs = zip(row.rounds, other.rounds, strict=True)
    return statistics.median(sum(one.cpu_ms.values()) / sum(two.cpu_ms.values()) for one, two in pairs)


def main() -> None:
    arguments = _arguments()
    used = client.find(arguments.client)
    described = machine.line(machine.describe(used.name))
    with watching() as watch:
        tables = [costs(measure(arguments, used, watch))]
    grid.show(tables, as_markdown=arguments.markdown)
    print(described)
    documents.publish(arguments.documents, "data nodes", tables, described)


def _arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", nargs="+", type=int, choices=range(2, 6), default=[2, 3, 4, 5])
    parser.add_argument("--rounds", type=int, default=8, help="at each shop and load (8)")
    parser.add_argument("--seconds", type=int, default=2, help="of each round (2)")
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--products", type=int, default=1_000)
    parser.add_argument("--client", choices=("wrk", "python"), default="")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    documents.add_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
