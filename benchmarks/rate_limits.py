"""What a rate limit costs: a write, and a read of one's own, with the limit and without it, side by side in one run.

    python -m benchmarks.rate_limits [--calls 3000] [--rounds 7]

counts the microseconds that the primary's commands take (INFO commandstats) and the time of a call as an instance sees
it, the acknowledgement of a write included. Both sides are called in turn, round after round; the median round counts.
"""

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from benchmarks.sides import container, products_for_sale
from devstack.temporary import RunningStack, running
from exactly_once.client import run_once
from exactly_once.rate_limits import UNLIMITED, RateLimit
from exactly_once.requests import WriteRequest
from shop.bootstrap import Container
from shop.domain.callers import Role
from shop.domain.ports import Credentials
from shop.domain.users import User

NETWORK = "127.25"
WARM_UP, TIMEOUT_S = 200, 60.0
#: Never used up, and never whole.
LIMIT = RateLimit(key="benchmark", interval_us=100, burst=1_000_000)
READ_LIMIT = RateLimit(key="reads:", interval_us=100, burst=1_000_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Of one call, in microseconds: of the primary, and of the caller's time."""

    server_us: float
    call_us: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=3000)
    arguments.add_argument("--rounds", type=int, default=7)
    chosen = arguments.parse_args()
    with running(NETWORK, ("redis", "sentinel")) as stack:
        stack.wait_until_whole()
        with contextlib.closing(container(stack.layout)) as parts:
            _print(_measured(parts, Primary(stack), chosen.calls, chosen.rounds))


class Primary:
    """The primary of a topology, called as the operator."""

    def __init__(self, stack: RunningStack) -> None:
        name = stack.primary
        if name is None:
            raise SystemExit("The topology has no primary.")
        self._address, self._operator = stack.layout.redis[name], stack.layout.operator

    def run(self, *command: str) -> str:
        """Return the reply to a command."""
        (reply,) = run_once(self._address, command, credentials=self._operator)
        return str(reply)


def _measured(parts: Container, primary: Primary, calls: int, rounds: int) -> Mapping[str, Sequence[Cost]]:
    kinds = _kinds(parts)
    for call in kinds.values():
        _cost(primary, call, WARM_UP)
    costs: dict[str, list[Cost]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, call in kinds.items():
            costs[name].append(_cost(primary, call, calls))
    return costs


def _kinds(parts: Container) -> Mapping[str, Callable[[], object]]:
    shop = parts.shop
    product = shop.products.create(_request(), products_for_sale(1)[0]).value
    token = _token(parts)

    def sell(limit: RateLimit) -> object:
        return shop.products.adjust_stock(_request(limit), product.id, -1, None)

    return {
        "write": lambda: sell(UNLIMITED),
        "write, limited": lambda: sell(LIMIT),
        "own read": lambda: shop.users.caller(token, "a request"),
        "own read, limited": lambda: shop.users.caller(token, "a request", READ_LIMIT),
    }


def _token(parts: Container) -> str:
    shop, now = parts.shop, parts.shop.clock.now()
    id = shop.ids.new(now)
    user = User(
        id=id,
        email="bench@example.com",
        first_name="",
        last_name="",
        role=Role.CUSTOMER,
        created_at=now,
        updated_at=now,
        version=1,
    )
    shop.users.register(_request(), user, "no hash")
    expires_at = now.replace(year=now.year + 1)
    shop.users.issue_token(_request(), Credentials(user=user, password_hash="no hash"), "digest", now, expires_at, "")
    return "digest"


def _request(limit: RateLimit = UNLIMITED) -> WriteRequest:
    id, deadline = uuid4().hex, time.monotonic() + TIMEOUT_S
    return WriteRequest(id=id, idempotency_key=id, fingerprint=id, ttl_s=60, deadline=deadline, rate_limit=limit)


def _cost(primary: Primary, call: Callable[[], object], calls: int) -> Cost:
    primary.run("CONFIG", "RESETSTAT")
    started = time.perf_counter()
    for _ in range(calls):
        call()
    seconds = time.perf_counter() - started
    return Cost(server_us=_script_us(primary) / calls, call_us=seconds * 1_000_000 / calls)


def _script_us(primary: Primary) -> float:
    """Microseconds of all scripts since the counts began."""
    lines = [
        line.partition(":")
        for line in primary.run("INFO", "commandstats").splitlines()
        if line.startswith("cmdstat_evalsha")
    ]
    fields = [dict(pair.split("=", 1) for pair in rest.split(",")) for _, _, rest in lines]
    return sum(float(each["usec"]) for each in fields)


def _print(costs: Mapping[str, Sequence[Cost]]) -> None:
    table = Table("", "script on the primary, µs", "ratio", "call, µs", "ratio", title="A call, by median round")
    medians = {
        name: Cost(
            server_us=statistics.median(cost.server_us for cost in rounds),
            call_us=statistics.median(cost.call_us for cost in rounds),
        )
        for name, rounds in costs.items()
    }
    for name, cost in medians.items():
        base = medians[name.removesuffix(", limited")]
        table.add_row(
            name,
            f"{cost.server_us:.1f}",
            f"{cost.server_us / base.server_us:.2f}",
            f"{cost.call_us:.0f}",
            f"{cost.call_us / base.call_us:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
