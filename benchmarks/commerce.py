"""What the steps of a cart cost beside the purchase in one step: CPU time of all server processes, side by side.

    python -m benchmarks.commerce [--short] [--rounds 5] [--carts 400] [--products 1000] [--markdown]
        [--documents docs/benchmarks.md]

starts the whole topology, and in each round lets customers buy two products in one step, and as many others put the
same two into a cart, hold it, check it out and pay. Each step is sent for all carts before the next one, over four
connections through nginx, and what the processes take at rest is subtracted. The median round counts.
"""

import os
import random
import socket
import statistics
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import django
import orjson

from benchmarks import documents, grid, load, machine, processes, sides
from benchmarks.grid import Grid
from benchmarks.side import Side
from benchmarks.watch import Watch, watching
from shop.domain.carts import MAX_CARTS

CONNECTIONS, REST_S = 4, 2.0
PURCHASE, CART, LINE, HOLD, CHECKOUT, PAY = (
    "purchase of 2 lines in one step",
    "make a cart",
    "add a line to a cart",
    "hold a cart of 2 lines",
    "check out a cart of 2 lines",
    "pay, provider fake",
)
CURRENCY = "EUR"
SHORT = {"rounds": 1, "carts": MAX_CARTS, "products": 50}
#: CPU seconds by kind of process.
Spent = Mapping[str, float]


class StepFailed(Exception):
    """A request of a step had no success; the text has its answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Of one request: microseconds of CPU time of the API, of the data nodes, and of all server processes."""

    api_us: float
    data_nodes_us: float
    all_us: float


class Steps:
    """Sends the steps to a shop, and measures what they cost."""

    def __init__(self, side: Side, rest: Spent, seed: int) -> None:
        self._side = side
        self._rest = rest
        self._chance = random.Random(seed)

    def round(self, carts: int) -> dict[str, Cost]:
        """The cost of each step, each taken by so many carts.

        Raises:
            StepFailed.
        """
        tokens = [self._side.tokens[place % len(self._side.tokens)] for place in range(carts)]
        pairs = [self._chance.sample(self._side.products, 2) for _ in tokens]
        items = [{"items": [{"product": id, "quantity": 1} for id in pair]} for pair in pairs]
        costs = {}
        costs[PURCHASE], _ = self._posted("purchases/", items, tokens)
        costs[CART], made = self._posted("carts/", [{"currency": CURRENCY}] * carts, tokens)
        ids = [each["id"] for each in made]
        costs[LINE] = self._lines(ids, pairs, tokens)
        costs[HOLD], _ = self._sent("PUT", [f"carts/{id}/hold/" for id in ids], [{"minutes": 15}] * carts, tokens)
        costs[CHECKOUT], bought = self._posted("purchases/", [{"cart": id} for id in ids], tokens)
        paths = [f"purchases/{each['id']}/payments/" for each in bought]
        costs[PAY], _ = self._sent("POST", paths, [{"provider": "fake", "method": "tok_ok"}] * carts, tokens)
        return costs

    def _lines(self, ids: Sequence[str], pairs: Sequence[Sequence[str]], tokens: Sequence[str]) -> Cost:
        """Of a line: both lines of each cart are put, the first ones first."""
        paths = [f"carts/{id}/lines/{pair[place]}/" for place in (0, 1) for id, pair in zip(ids, pairs, strict=True)]
        return self._sent("PUT", paths, [{"quantity": 1}] * len(paths), [*tokens, *tokens])[0]

    def _posted(self, path: str, bodies: Sequence[Any], tokens: Sequence[str]) -> tuple[Cost, list[Any]]:
        return self._sent("POST", [path] * len(bodies), bodies, tokens)

    def _sent(
        self, method: str, paths: Sequence[str], bodies: Sequence[Any], tokens: Sequence[str]
    ) -> tuple[Cost, list[Any]]:
        """Send each request once. Return what one cost, and the documents of the answers in their order."""
        texts = [
            load.http(method, f"/api/v1/{path}", orjson.dumps(body), [f"Authorization: Bearer {token}"])
            for path, body, token in zip(paths, bodies, tokens, strict=True)
        ]
        began, before = time.monotonic(), processes.cpu_seconds(self._side.processes)
        answers = _answers(self._side.port, texts)
        seconds, after = time.monotonic() - began, processes.cpu_seconds(self._side.processes)
        failed = [body for status, body in answers if not 200 <= status < 300]
        if failed:
            raise StepFailed(f"{len(failed)} of {len(texts)} at {method} {paths[0]}: {failed[0].decode()}")
        us = {
            kind: 1_000_000 * (after[kind] - before[kind] - self._rest[kind] * seconds) / len(texts) for kind in after
        }
        cost = Cost(api_us=us["api"], data_nodes_us=us["redis"], all_us=sum(us.values()))
        return cost, [orjson.loads(body) for _, body in answers]


def _answers(port: int, texts: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """The answers to requests, each of which is sent once, in their order."""
    shares = [texts[place::CONNECTIONS] for place in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        answered = [iter(each) for each in threads.map(lambda share: list(_over_one(port, share)), shares)]
    return [next(answered[place % CONNECTIONS]) for place in range(len(texts))]


def _over_one(port: int, texts: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """The answers to requests over one connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=load.TIMEOUT_S) as connection:
        for text in texts:
            yield load.exchange(connection, text)


def at_rest(side: Side) -> Spent:
    """Seconds of CPU time a second without a load, by kind of process."""
    before = processes.cpu_seconds(side.processes)
    time.sleep(REST_S)
    after = processes.cpu_seconds(side.processes)
    return {kind: (after[kind] - before[kind]) / REST_S for kind in after}


def median(rounds: Sequence[Mapping[str, Cost]]) -> dict[str, Cost]:
    """The cost of each step in its median round, figure by figure."""
    return {
        name: Cost(
            **{
                figure: statistics.median(getattr(each[name], figure) for each in rounds)
                for figure in Cost.__dataclass_fields__
            }
        )
        for name in rounds[0]
    }


def table(costs: Mapping[str, Cost]) -> Grid:
    """Each step, and its ratio to the purchase in one step."""
    columns = ["step", "API", "data nodes", "all server processes", "by a purchase in one step"]
    found = Grid(title="CPU µs of a step of a cart", columns=columns)
    for name, cost in costs.items():
        figures = (f"{us:,.0f}" for us in (cost.api_us, cost.data_nodes_us, cost.all_us))
        found.rows.append([name, *figures, f"{cost.all_us / costs[PURCHASE].all_us:.2f}"])
    return found


def measure(rounds: int, carts: int, products: int, watch: Watch) -> dict[str, Cost]:
    """Start a shop, and measure the steps in it."""
    with sides.shop(sides.products_for_sale(products), max(1, carts // MAX_CARTS), lambda _: None) as side:
        steps = Steps(side, at_rest(side), seed=1)
        # Connections, scripts and code are warm after a round of a few.
        steps.round(min(carts, MAX_CARTS))
        found = []
        for number in range(rounds):
            watch.say(f"round {number + 1} of {rounds}")
            found.append(steps.round(carts))
    return median(found)


def main() -> None:
    arguments = _arguments()
    chosen = {**vars(arguments), **(SHORT if arguments.short else {})}
    django.setup()
    with watching() as watch:
        costs = measure(chosen["rounds"], chosen["carts"], chosen["products"], watch)
    tables = [table(costs)]
    grid.show(tables, as_markdown=arguments.markdown)
    described = machine.line(machine.describe("Python threads"))
    print(described)
    documents.publish(arguments.documents, "commerce", tables, described)


def _arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="one round of ten carts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--carts", type=int, default=400, help="in each round (400)")
    parser.add_argument("--products", type=int, default=1000)
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    documents.add_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
