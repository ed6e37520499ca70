"""What a request costs: one product, a page of 20, a purchase; the shop and a plain peer side by side, in one run.

    python -m benchmarks.requests [--requests 2000] [--rounds 5] [--connections 8]

counts the CPU time of every server process (nginx, gunicorn, data nodes, Sentinels) and divides it by the requests.
Both sides are called in turn, round after round; the median round counts. Requests per second are of a machine that
also makes the load.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks import load, processes
from benchmarks.plain_peer import peer
from benchmarks.sides import Side, shop

WARM_UP = 300
LINES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Of one round: milliseconds of CPU time per request by kind of process, and requests per second."""

    milliseconds: dict[str, float]
    rate: float

    @property
    def total(self) -> float:
        return sum(self.milliseconds.values())


def one_product(side: Side, chance: random.Random) -> bytes:
    return load.http("GET", f"/api/v1/products/{chance.choice(side.products)}/")


def page_of_20(side: Side, chance: random.Random) -> bytes:
    return load.http("GET", "/api/v1/products/")


def purchase(side: Side, chance: random.Random) -> bytes:
    items = [{"product": id, "quantity": 1} for id in chance.sample(side.products, LINES)]
    return load.http("POST", "/api/v1/purchases/", orjson.dumps({"items": items}), side.token)


KINDS: dict[str, Callable[[Side, random.Random], bytes]] = {
    "one product": one_product,
    "a page of 20": page_of_20,
    f"a purchase of {LINES}": purchase,
}


def measure(side: Side, requests: Sequence[bytes], connections: int) -> Cost:
    """What these requests cost."""
    before = {kind: processes.seconds(pids) for kind, pids in side.processes.items()}
    started = time.monotonic()
    load.send(side.port, requests, connections)
    rate = len(requests) / (time.monotonic() - started)
    spent = {kind: processes.seconds(pids) - before[kind] for kind, pids in side.processes.items()}
    return Cost(milliseconds={kind: 1000 * each / len(requests) for kind, each in spent.items()}, rate=rate)


def compare(sides: Sequence[Side], kind: str, arguments: argparse.Namespace) -> list[Cost]:
    """The median round of each side."""
    chance = random.Random(kind)
    make = KINDS[kind]
    for side in sides:
        load.send(side.port, [make(side, chance) for _ in range(WARM_UP)], arguments.connections)
    rounds: list[list[Cost]] = [[] for _ in sides]
    for _ in range(arguments.rounds):
        for side, costs in zip(sides, rounds, strict=True):
            requests = [make(side, chance) for _ in range(arguments.requests)]
            costs.append(measure(side, requests, arguments.connections))
    return [_median(costs) for costs in rounds]


def _median(costs: Sequence[Cost]) -> Cost:
    return sorted(costs, key=lambda cost: cost.total)[len(costs) // 2]


def main() -> None:
    arguments = _arguments()
    with shop() as ours, peer() as plain:
        results = {kind: compare([ours, plain], kind, arguments) for kind in KINDS}
    console = Console()
    console.print(_summary(results))
    console.print(_parts(results))


def _summary(results: dict[str, list[Cost]]) -> Table:
    table = Table("request", "ours: CPU ms", "peer: CPU ms", "peer / ours", "ours: per s", "peer: per s")
    for kind, (ours, plain) in results.items():
        ratio = f"{plain.total / ours.total:.2f}"
        table.add_row(kind, f"{ours.total:.2f}", f"{plain.total:.2f}", ratio, f"{ours.rate:.0f}", f"{plain.rate:.0f}")
    return table


def _parts(results: dict[str, list[Cost]]) -> Table:
    names = sorted({name for costs in results.values() for cost in costs for name in cost.milliseconds})
    table = Table("CPU ms per request", "", *names)
    for kind, costs in results.items():
        for side, cost in zip(("ours", "peer"), costs, strict=True):
            table.add_row(kind, side, *(f"{cost.milliseconds.get(name, 0):.2f}" for name in names))
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures what requests cost, beside a plain peer.")
    parser.add_argument("--requests", type=int, default=2000, help="in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    return parser.parse_args()


if __name__ == "__main__":
    main()
