"""Pages of the catalogue: how long the server takes for random combinations of filters, orders and positions.

    python -m benchmarks.catalogue [--queries 3000] [--seed 1]

asks a replica of the running stack, one page at a time, and takes the times from the server's own statistics. Half of
the questions are what shoppers ask, half are made to hurt: one-letter searches, orders at odds with the filters,
narrow prices by name, positions deep in the list.
"""

import argparse
import random
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

from rich.console import Console
from rich.table import Table

from shop.domain.pages import Position
from shop.domain.products import ProductOrder, ProductQuery
from shop.domain.text import words
from shop.repositories.catalogue import Search
from shop.repositories.connection import Address, Node
from shop.repositories.keys import Keys
from shop.repositories.records import fields as record_of
from shop.repositories.scripts import Scripts

TIMEOUT = 10.0
SLOWEST = 10
_USEC = re.compile(r"cmdstat_evalsha_ro:calls=(\d+),usec=(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the catalogue holds, as far as questions need it."""

    records: Sequence[dict[str, str]]
    positions: dict[ProductOrder, Sequence[str]]

    @property
    def prices(self) -> Sequence[int]:
        return sorted(int(key[:17]) for key in self.positions[ProductOrder.PRICE])


class Server:
    """A replica, and its own account of the time that scripts take."""

    def __init__(self, address: Address, keys: Keys) -> None:
        self._node = Node(address)
        self._keys = keys
        self._scripts = Scripts()
        self._spent = self._microseconds()

    def known(self, count: int) -> Known:
        """A random sample of the catalogue."""
        ids = self._run("HRANDFIELD", self._keys.product_ids, count, "WITHVALUES")[1::2]
        positions = {order: self._run("ZRANDMEMBER", self._keys.products_by(order), count) for order in ProductOrder}
        return Known(
            records=[record_of(self._run("HGETALL", self._keys.product(id))) for id in ids], positions=positions
        )

    def milliseconds(self, search: Search) -> float:
        """What the page cost, in the server."""
        script = self._scripts["product_page"]
        self._scripts.run(
            self._node, script, script.command(search.keys(self._keys), search.argv(self._keys)), timeout=TIMEOUT
        )
        before, self._spent = self._spent, self._microseconds()
        return (self._spent - before) / 1000

    def _microseconds(self) -> int:
        found = _USEC.search(self._run("INFO", "commandstats"))
        return int(found[2]) if found else 0

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
        size=chance.choice([20, 100]),
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


def measured(server: Server, known: Known, kind: str, seed: int) -> Iterator[tuple[float, Search]]:
    """Milliseconds and question, without end."""
    chance = random.Random(f"{kind} {seed}")
    while True:
        search = KINDS[kind](known, chance)
        yield server.milliseconds(search), search


def main() -> None:
    arguments = _arguments()
    random.seed(arguments.seed)
    server = Server(Address(*_split(arguments.replica)), Keys(arguments.store))
    known = server.known(2000)
    table = Table("questions", "count", "p50 ms", "p99 ms", "max ms")
    slowest: list[tuple[float, str]] = []
    for kind in KINDS:
        times = list(islice(measured(server, known, kind, arguments.seed), arguments.queries))
        cuts = statistics.quantiles([time for time, _ in times], n=100)
        table.add_row(kind, str(len(times)), *(f"{ms:.2f}" for ms in (cuts[49], cuts[98], max(t for t, _ in times))))
        slowest.extend((time, f"{kind}: {described(search)}") for time, search in times)
    console = Console()
    console.print(table)
    for time, text in sorted(slowest, reverse=True)[:SLOWEST]:
        console.print(f"{time:8.2f} ms  {text}", soft_wrap=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Times pages of the catalogue.")
    parser.add_argument("--replica", default="127.0.0.1:6379")
    parser.add_argument("--store", default="evergreen")
    parser.add_argument("--queries", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _split(text: str) -> tuple[str, int]:
    host, port = text.rsplit(":", 1)
    return host, int(port)


if __name__ == "__main__":
    main()
