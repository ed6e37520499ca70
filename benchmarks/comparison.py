"""A whole run: sides started, workloads measured, a report."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import client, machine, refusals, sides
from benchmarks.measuring import Comparison, Plan, Row
from benchmarks.peers.running import PROGRAMS, nginx_alone, peer
from benchmarks.refusals import Refusals
from benchmarks.report import Report
from benchmarks.side import BEFORE, SHOP, Side
from benchmarks.watch import Watch
from benchmarks.workloads import NGINX, Catalogue
from shop.domain.products import Product

CUSTOMERS = 20
SIDES = (SHOP, *PROGRAMS, NGINX)
PRODUCTS_A_LINE = 5000


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What is compared: a plan, on these sides, each with so many products; with a client of this name; whether
    requests are refused as well; and a tree of files whose shop is another side."""

    plan: Plan
    sides: Sequence[str]
    products: int
    client: str
    has_refusals: bool
    max_requests: int
    before: Path | None = None


def run(choice: Choice, watch: Watch) -> Report:
    """Start the sides, and measure them.

    Raises:
        WrongAnswer: a side does not do what it is measured for.
    """
    used = client.find(choice.client)
    described = machine.describe(used.name)
    watch.say(f"{choice.products:,} products are made up")
    products = sides.products_for_sale(choice.products)
    with tempfile.TemporaryDirectory(prefix="evergreen-bench-") as directory, running(choice, products, watch) as found:
        comparison = Comparison(used, found, Catalogue.of(products), Path(directory), choice.max_requests)
        watch.expect(comparison.steps(choice.plan) + choice.has_refusals * choice.plan.rounds)
        rows = comparison.measure(choice.plan, watch.step)
        refused = _refusals(choice, comparison, found, rows, watch) if choice.has_refusals else None
    return Report(machine=described, products=len(products), seconds=watch.seconds, rows=rows, refusals=refused)


@contextlib.contextmanager
def running(choice: Choice, products: Sequence[Product], watch: Watch) -> Iterator[list[Side]]:
    """The chosen sides, filled."""
    with contextlib.ExitStack() as started:
        found = []
        for name in choice.sides:
            watch.say(f"{name} starts, and is filled")
            if name == SHOP:
                found.append(started.enter_context(sides.shop(products, CUSTOMERS, _seeding(len(products), watch))))
            elif name == NGINX:
                found.append(started.enter_context(nginx_alone(products)))
            else:
                found.append(started.enter_context(peer(name, products, CUSTOMERS)))
        if choice.before:
            watch.say(f"{BEFORE} starts, and is filled")
            found.append(started.enter_context(sides.shop_of(choice.before, len(products), CUSTOMERS)))
        yield found


def _seeding(total: int, watch: Watch) -> Callable[[int], None]:
    """Show how far the shop is filled."""
    created = 0

    def progress(more: int) -> None:
        nonlocal created
        before, created = created, created + more
        if created // PRODUCTS_A_LINE > before // PRODUCTS_A_LINE:
            watch.say(f"{created:,} of {total:,} products created")

    return progress


def _refusals(
    choice: Choice, comparison: Comparison, found: Sequence[Side], rows: Sequence[Row], watch: Watch
) -> Refusals | None:
    """What a refused purchase costs, where one that is answered was measured."""
    shop = next((side for side in found if side.name == SHOP), None)
    loads = sorted(choice.plan.loads)
    costs = [
        row.total_cpu_ms
        for row in rows
        if (row.workload, row.side, row.connections) == ("purchase", SHOP, loads[len(loads) // 2])
    ]
    if shop is None or not costs:
        return None
    return refusals.measure(comparison, shop, costs[0], choice.plan.rounds, choice.plan.seconds, watch.step)
