"""What grows with the store: CPU of the data nodes per request, memory, and how long operations take.

    python -m benchmarks.growth [--stores 1000:10000 92000:10000 92000:1000000] [--seeded 20000] [--seconds 2]
        [--only questions operations] [--output FILE] [--markdown]

fills one store after the other with so many products and purchases, asks each the same over four connections through
nginx, and starts, fails over, backs up, checks and copies it. Of the products, so many at most are seeded, the others
are copies (benchmarks/multiplied.py); the purchases are copies, of a few users. A million products take a quarter of an
hour to copy on two cores.
"""

import os
import tempfile
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import django
import orjson

from benchmarks import documents, grid, growth_operations, growth_questions, growth_store, machine
from benchmarks.grid import Grid
from benchmarks.growth_questions import Cost
from benchmarks.growth_store import Memory, Size
from benchmarks.sides import ADDRESS_LIMITS, CALLER_LIMITS
from benchmarks.watch import Watch, watching
from chaos.embedded import start

NETWORK = "127.28"
#: A million products take more than the default.
MAXMEMORY = "8gb"
QUESTIONS, OPERATIONS = "questions", "operations"


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """What was measured of one store: how it was filled, and what a request, a record and an operation take."""

    size: Size
    memory: Memory
    costs: Mapping[str, Cost]
    operations: Mapping[str, float]


def measure(size: Size, arguments: Namespace, watch: Watch) -> Growth:
    """Fill a store, and measure it."""
    limits = {"address_limits": ADDRESS_LIMITS, "caller_limits": CALLER_LIMITS}
    with (
        tempfile.TemporaryDirectory(prefix="evergreen-growth-") as directory,
        start(NETWORK, maxmemory=MAXMEMORY, **limits) as target,
    ):
        filled = growth_store.fill(target, size, arguments.seeded, watch)
        costs: Mapping[str, Cost] = {}
        memory = filled.memory
        if QUESTIONS in arguments.only:
            asked = growth_questions.Questions(target, filled, Path(directory), arguments.client)
            costs = asked.measure(arguments.seconds, watch)
            memory = asked.with_outcomes(memory, watch)
        operations: Mapping[str, float] = {}
        if OPERATIONS in arguments.only:
            operations = growth_operations.measure(target, Path(directory), watch)
    return Growth(size=filled.size, memory=memory, costs=costs, operations=operations)


def grids(found: Sequence[Growth]) -> list[Grid]:
    """The tables: a column for each store."""
    return [
        _costs("CPU µs of the data nodes per request", found, "data_nodes_us"),
        _costs("CPU µs of the API per request", found, "api_us"),
        _memory(found),
        _operations(found),
    ]


def _costs(title: str, found: Sequence[Growth], figure: str) -> Grid:
    rows = Grid(title=title, columns=["request", *(str(each.size) for each in found)])
    for name in dict.fromkeys(name for each in found for name in each.costs):
        figures = (f"{getattr(each.costs[name], figure):,.0f}" if name in each.costs else "" for each in found)
        rows.rows.append([name, *figures])
    return rows


def _memory(found: Sequence[Growth]) -> Grid:
    rows = Grid(title="Bytes of memory in a data node", columns=["for each", *(str(each.size) for each in found)])
    for name, text in growth_store.MEMORY.items():
        values = (getattr(each.memory, name) for each in found)
        rows.rows.append([text, *("" if value is None else f"{value:,.0f}" for value in values)])
    return rows


def _operations(found: Sequence[Growth]) -> Grid:
    rows = Grid(title="Seconds", columns=["operation", *(str(each.size) for each in found)])
    for name in dict.fromkeys(name for each in found for name in each.operations):
        values = (each.operations.get(name) for each in found)
        rows.rows.append([name, *("" if value is None else f"{value:,.1f}" for value in values)])
    return rows


def main() -> None:
    arguments = _arguments()
    django.setup()
    found: list[Growth] = []
    with watching() as watch:
        for size in arguments.stores:
            found.append(measure(size, arguments, watch))
            # The largest store is the last one, and takes the longest: what was measured before it is safe.
            _save(found, arguments)
    tables = [each for each in grids(found) if each.rows]
    grid.show(tables, as_markdown=arguments.markdown)
    described = machine.line(_described(arguments))
    print(described)
    documents.publish(arguments.documents, "growth", tables, described)


def _described(arguments: Namespace) -> dict[str, str]:
    return machine.describe(arguments.client or "wrk where it is installed")


def _save(found: Sequence[Growth], arguments: Namespace) -> None:
    if arguments.output:
        stores = [{**asdict(each), "size": each.size._asdict()} for each in found]
        document = {"machine": _described(arguments), "stores": stores}
        arguments.output.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    sizes = [Size(1_000, 10_000), Size(92_000, 10_000), Size(92_000, 1_000_000)]
    parser.add_argument("--stores", nargs="+", type=Size.parse, default=sizes, metavar="PRODUCTS:PURCHASES")
    parser.add_argument("--seeded", type=int, default=20_000, help="the most products that are seeded (20000)")
    parser.add_argument("--seconds", type=int, default=2, help="of load for each question (2)")
    parser.add_argument("--only", nargs="+", choices=(QUESTIONS, OPERATIONS), default=(QUESTIONS, OPERATIONS))
    parser.add_argument("--client", choices=("wrk", "python"), default="")
    parser.add_argument("--output", type=Path, help="a file for everything that was measured, as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    documents.add_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
