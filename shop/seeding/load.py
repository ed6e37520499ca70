"""Carries out a plan: what is missing is made, many at a time, and only when it is acknowledged it counts."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any, Literal, Protocol, TypeVar

from exactly_once.errors import Unavailable
from exactly_once.requests import WriteRequest
from shop.domain.errors import SkuTaken
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Status
from shop.domain.users import User
from shop.seeding.plan import Placement, Plan, Section

T = TypeVar("T")
R = TypeVar("R")
Kind = Literal["users", "products", "purchases"]

#: How many are sent in one round trip. The store does nothing else in the meantime, not even answer a ping: a hundred
#: products, each with a script of its own, took a third of a second on a machine with no CPU to spare.
BATCH = 50
#: How many are looked for in one round trip.
LOOK = 2000
#: Batches that are under way at once: while one waits for the replicas, the next are made, and sent together with one
#: acknowledgement (group commit).
AT_ONCE = 4
#: Seconds that the store is given for one try, and between two.
DEADLINE, PAUSE = 10.0, 0.2
#: Seconds that outcomes are remembered. Few, because they take memory: the id of what is made is what keeps it from
#: being made twice.
REMEMBER = 10
#: Purchases of the past are paid and delivered: the shop would cancel those that were not.
PATH = (Status.PLACED, Status.PAID, Status.SHIPPED, Status.DELIVERED)


class ExistenceCheck(Protocol):
    """Knows what the store has."""

    def missing(self, kind: Kind, ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that it has not got."""
        ...


@dataclass(kw_only=True, slots=True)
class Tally:
    """What became of the things of one kind: there already, made now, or refused, by reason; in so many seconds."""

    kind: Kind
    wanted: int
    present: int = 0
    made: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """How many are dealt with, one way or another."""
        return self.present + self.made + self.refused.total()

    @property
    def rate(self) -> float:
        """How many were made per second."""
        return self.made / self.seconds if self.seconds else 0.0


class Loader:
    """Loads into one shop. `password_hash` is that of every user that is made; `watch` is called after every step;
    `timeout_s` is how many seconds the store may be away before loading gives up."""

    def __init__(
        self,
        *,
        shop: Shop,
        existence: ExistenceCheck,
        password_hash: str,
        watch: Callable[[Tally], None],
        timeout_s: float,
    ) -> None:
        self._shop = shop
        self._existence = existence
        self._password_hash = password_hash
        self._watch = watch
        self._timeout_s = timeout_s
        self._stopped = threading.Event()

    def load(self, plan: Plan) -> Iterator[Tally]:
        """What became of the users, the products and the purchases, each kind when it is done.

        Raises:
            Unavailable: the store was away for too long. Loading again goes on where this ended.
        """
        yield self._section("users", plan.users, self._register)
        yield self._section("products", plan.products, self._create)
        yield self._section("purchases", plan.purchases, self._place)

    def _section(self, kind: Kind, section: Section[T], send: Callable[[Sequence[T]], Sequence[Any]]) -> Tally:
        tally, began = Tally(kind=kind, wanted=len(section.ids)), time.monotonic()
        self._watch(tally)

        def carry_out(batch: tuple[Sequence[str], Sequence[T]]) -> tuple[Sequence[str], Sequence[Any]]:
            ids, things = batch
            return ids, self._with_retries(lambda: send(things))

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="seed") as threads:
            try:
                for ids, outcomes in _in_turn(threads, carry_out, self._batches(section, tally)):
                    self._count(tally, ids, outcomes)
                    tally.seconds = time.monotonic() - began
                    self._watch(tally)
            except BaseException:
                self._stopped.set()
                raise
        self._watch(tally)
        return tally

    def _batches(self, section: Section[T], tally: Tally) -> Iterator[tuple[Sequence[str], Sequence[T]]]:
        for start in range(0, len(section.ids), LOOK):
            ids = section.ids[start : start + LOOK]
            missing = self._with_retries(lambda ids=ids: self._existence.missing(tally.kind, ids))  # type: ignore[misc]
            tally.present += len(ids) - len(missing)
            places = iter([start + place for place, id in enumerate(ids) if id in missing])
            while batch := list(islice(places, BATCH)):
                yield [section.ids[place] for place in batch], [section.make(place) for place in batch]

    def _count(self, tally: Tally, ids: Sequence[str], outcomes: Sequence[Any]) -> None:
        refused = {id: outcome for id, outcome in zip(ids, outcomes, strict=True) if isinstance(outcome, Exception)}
        # Somebody has its SKU or its address: itself, where a repeat came after the outcome was forgotten.
        away = (
            self._with_retries(lambda: self._existence.missing(tally.kind, list(refused))) if refused else frozenset()
        )
        tally.made += len(ids) - len(away)
        tally.refused.update(type(refused[id]).__name__ for id in away)

    def _with_retries(self, work: Callable[[], R]) -> R:
        """Repeats what the store could not do, or may have done, under the same ids."""
        give_up = time.monotonic() + self._timeout_s
        while True:
            try:
                return work()
            except Unavailable:
                if time.monotonic() >= give_up or self._stopped.wait(PAUSE):
                    raise

    def _register(self, users: Sequence[User]) -> Sequence[object]:
        return self._shop.users.register_all([(_request(user.id), user, self._password_hash) for user in users])

    def _create(self, products: Sequence[Product]) -> Sequence[object]:
        # Others with them are another request: a batch that is made up anew may begin with the same product.
        digest = sha256("/".join(product.id for product in products).encode()).hexdigest()
        refused = self._shop.products.create_many(_request(digest), products).value
        taken = SkuTaken("Another product has this SKU.")
        return [taken if product.id in refused else product.id for product in products]

    def _place(self, purchases: Sequence[Placement]) -> Sequence[object]:
        placements = [(_request(p.id), p.id, p.user, p.lines, p.at) for p in purchases]
        return self._shop.purchases.place_all(placements, PATH)


def _request(id: str) -> WriteRequest:
    name = f"seed:{id}"
    deadline = time.monotonic() + DEADLINE
    return WriteRequest(id=name, idempotency_key=name, fingerprint=id, ttl_s=REMEMBER, deadline=deadline)


def _in_turn(threads: ThreadPoolExecutor, work: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
    """The results in their order, with no more things made than are worked on, and one."""
    under_way: deque[Future[R]] = deque()
    try:
        for thing in things:
            under_way.append(threads.submit(work, thing))
            if len(under_way) > AT_ONCE:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()
