"""What erasing a user of many purchases costs the others: how long their purchases take before it and meanwhile.

    python -m benchmarks.erasure [--purchases 1000000] [--rate 60] [--seconds 30] [--timeout SECONDS]

copies a purchase of one user so many times inside the store, lets others buy through nginx, and erases the user through
nginx as well. Their purchases before the erasure and meanwhile are compared within the one run. A failover meanwhile
counts as unrequested.
"""

import argparse
import contextlib
import itertools
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import django
import httpx
from rich.console import Console

from benchmarks.large_store import count_failovers
from benchmarks.watch import Watch, watching
from chaos.embedded import EmbeddedTarget, start
from chaos.history import Call, CallKind, History
from chaos.load import Load
from chaos.stage import Stage
from exactly_once.client import Command, Node
from shop.repositories.keys import Keys

NETWORK = "127.28"
#: A million purchases take more than the default.
MAXMEMORY = "4gb"
PURCHASES_A_STEP = 2_000
TIMEOUT_S, WAIT_MS, REPLICAS = 60.0, 60_000, 2
POLL_S = 0.25
#: No erasure was slower: the pauses between its steps admit about 2,000 a second, and at a load average of 26 it erased
#: 555 a second.
MIN_PURCHASES_PER_S, FIRST_STEP_S = 300, 60.0
MAX_LINES_OF_PROGRESS = 50
PASSWORD = "a long walk home"

# Copies one purchase under other ids, into the four orders that have it. Bound: PURCHASES_A_STEP.
_COPY_PURCHASE = """
local source, prefix, stem = KEYS[1], ARGV[1], ARGV[2]
local fields = redis.call('HGETALL', source)
local place
for i = 1, #fields, 2 do
  if fields[i] == 'id' then place = i + 1 end
end
local members = {}
for number = tonumber(ARGV[3]), tonumber(ARGV[4]) do
  local id = stem .. string.format('%08d', number)
  fields[place] = id
  redis.call('HSET', prefix .. id, unpack(fields))
  members[#members + 1] = 0
  members[#members + 1] = id
end
for index = 2, #KEYS do
  redis.call('ZADD', KEYS[index], unpack(members))
end
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Buyer:
    """A user who bought once, through nginx."""

    id: str
    headers: dict[str, str]
    purchase: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Disturbance:
    """The purchases of others before an erasure and meanwhile, in seconds; how long the erasure took, of which the
    request itself, and how many purchases it had not come to when the time was over; and what failed."""

    before: Sequence[float]
    during: Sequence[float]
    request_s: float
    erasure_s: float
    left: int
    failed: int
    failovers: int

    @property
    def p99_ratio(self) -> float:
        """By how many times the 99th percentile grew."""
        return quantile(self.during, 0.99) / quantile(self.before, 0.99)


class Purchases:
    """Purchases alone, of the customers in turn: what is slow then is not the hashing of a password."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._tokens = {person.id: person.token for person in stage.customers}

    def calls(self) -> Iterator[Call]:
        """One purchase after the other, without end."""
        turns = zip(itertools.cycle(self._stage.customers), itertools.cycle(self._stage.plentiful), strict=True)
        for person, product in turns:
            body = {"items": [{"product": product, "quantity": 1}]}
            yield Call(kind=CallKind.PURCHASE, method="POST", path="/purchases/", caller=person.id, body=body)

    def token(self, caller: str) -> str:
        """The caller's token."""
        return self._tokens[caller]

    def record_response(self, call: Call) -> None:
        """Nothing follows from a response."""


def quantile(seconds: Sequence[float], share: float) -> float:
    """The smallest of these times that so large a share does not exceed."""
    ordered = sorted(seconds)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def make_buyer(target: EmbeddedTarget, product: str) -> Buyer:
    """Register a user, sign in, and buy, through nginx."""
    credentials = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD}
    with httpx.Client(base_url=f"{target.url}/api/v1", timeout=TIMEOUT_S) as client:
        user = client.post("/users/", json=credentials).raise_for_status().json()["id"]
        token = client.post("/auth/token/", json=credentials).raise_for_status().json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        items = {"items": [{"product": product, "quantity": 1}]}
        purchase = client.post("/purchases/", json=items, headers=headers).raise_for_status().json()["id"]
    return Buyer(id=user, headers=headers, purchase=purchase)


def multiply_purchases(target: EmbeddedTarget, buyer: Buyer, count: int) -> None:
    """Copy the buyer's purchase until there are about so many. The copies are not counted against the stock."""
    keys = Keys(target.layout.settings.store)
    indexes = [keys.purchase_index(user, status) for user in (None, buyer.id) for status in (None, "placed")]
    stem = buyer.purchase[:-8]
    with contextlib.closing(Node(target.layout.redis[target.primary], credentials=target.operator)) as primary:
        for first in range(0, count, PURCHASES_A_STEP):
            last = min(first + PURCHASES_A_STEP, count) - 1
            names, prefix = (keys.purchase(buyer.purchase), *indexes), keys.purchase_prefix
            command: Command = ("EVAL", _COPY_PURCHASE, len(names), *names, prefix, stem, first, last)
            primary.run(command, ("WAIT", REPLICAS, WAIT_MS), timeout=TIMEOUT_S)


def erase(target: EmbeddedTarget, buyer: Buyer) -> float:
    """Erase the buyer through nginx. Return the seconds until it was acknowledged."""
    began = time.monotonic()
    with httpx.Client(base_url=f"{target.url}/api/v1", timeout=TIMEOUT_S, headers=buyer.headers) as client:
        body = {"current_password": PASSWORD}
        client.request("DELETE", f"/users/{buyer.id}/", json=body).raise_for_status()
    return time.monotonic() - began


def limit_s(purchases: int) -> float:
    """Seconds in which so many purchases are erased, however slow the machine is: 1,000,000 in an hour."""
    return FIRST_STEP_S + purchases / MIN_PURCHASES_PER_S


def wait_until_erased(
    target: EmbeddedTarget, user: str, timeout_s: float, progress: Callable[[int], object] = lambda left: None
) -> int:
    """Return when no erasure is pending, or the time is over, how many purchases are left. `progress` is called with
    that number meanwhile."""
    keys, deadline = Keys(target.layout.settings.store), time.monotonic() + timeout_s
    questions = ("ZCARD", keys.erasures), ("ZCARD", keys.erasing_purchases(user))
    with contextlib.closing(Node(target.layout.redis[target.primary], credentials=target.operator)) as primary:
        while True:
            pending, left = primary.run(*questions, timeout=TIMEOUT_S)
            if not pending or time.monotonic() > deadline:
                return int(left)
            progress(int(left))
            time.sleep(POLL_S)


def measure(
    target: EmbeddedTarget,
    purchases: int,
    rate: float,
    seconds: float,
    timeout_s: float,
    progress: Callable[[int], object] = lambda left: None,
) -> Disturbance:
    """Erase a user of so many purchases while others buy, who have bought for so many seconds before. Measure until
    the erasure is complete, or the time is over. `progress` is called with the number of purchases that are left."""
    stage = target.set_up()
    buyer = make_buyer(target, stage.plentiful[0])
    multiply_purchases(target, buyer, purchases)
    load, failovers = Load(target.url, Purchases(stage), rate), count_failovers(target)
    load.start()
    try:
        time.sleep(seconds)
        began = load.now
        request_s = erase(target, buyer)
        left = wait_until_erased(target, buyer.id, timeout_s, progress)
        ended = load.now
    finally:
        history = load.stop()
    return Disturbance(
        before=_purchases(history, seconds / 3, began),
        during=_purchases(history, began, ended),
        request_s=request_s,
        erasure_s=ended - began,
        left=left,
        failed=sum(not call.is_acknowledged for call in history.calls),
        failovers=count_failovers(target) - failovers,
    )


def _purchases(history: History, first_s: float, last_s: float) -> list[float]:
    return [call.seconds for call in history.calls if first_s <= call.due < last_s]


def main() -> None:
    arguments = _arguments()
    django.setup()
    timeout_s = arguments.timeout or limit_s(arguments.purchases)
    with watching() as watch, start(NETWORK, maxmemory=MAXMEMORY) as target:
        progress = _progress(watch, arguments.purchases)
        seen = measure(target, arguments.purchases, arguments.rate, arguments.seconds, timeout_s, progress)
    Console(width=140).print(_text(arguments.purchases, seen))


def _progress(watch: Watch, purchases: int) -> Callable[[int], None]:
    """Show how many purchases are left, a few times in all."""
    shown = purchases

    def progress(left: int) -> None:
        nonlocal shown
        if left < shown:
            watch.say(f"{left:,} of {purchases:,} purchases are left")
            shown = left - purchases // MAX_LINES_OF_PROGRESS

    return progress


def _text(purchases: int, seen: Disturbance) -> str:
    def row(name: str, seconds: Sequence[float]) -> str:
        p50, p99, slowest = (1000 * quantile(seconds, share) for share in (0.5, 0.99, 1))
        return f"{name}: {len(seconds):,} purchases, p50 {p50:.1f} ms, p99 {p99:.1f} ms, slowest {slowest:.1f} ms"

    return "\n".join(
        [
            row("before", seen.before),
            row("during", seen.during),
            f"{purchases - seen.left:,} of {purchases:,} purchases erased in {seen.erasure_s:.0f} s, acknowledged "
            f"after {seen.request_s:.2f} s; p99 grew by {seen.p99_ratio:.2f}; {seen.failed} requests failed; "
            f"{seen.failovers} failovers; load average {os.getloadavg()[0]:.1f}",
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures what an erasure costs others.")
    parser.add_argument("--purchases", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=60, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30, help="of load before the erasure")
    parser.add_argument("--timeout", type=float, help="seconds after which it is given up")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")
    main()
