"""Carries out a plan: what is missing is made, many at a time, and only when it is acknowledged it counts."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any, Literal, Protocol, TypeVar, cast

from exactly_once.errors import Unavailable
from shop.domain.addresses import Address, PostalAddress
from shop.domain.errors import ShopError, SkuTaken
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Status
from shop.domain.shipping_methods import ShippingMethod
from shop.domain.users import User
from shop.domain.vouchers import Voucher
from shop.seeding.buying import Buyer, return_id
from shop.seeding.fates import steps_left
from shop.seeding.ids import related_id
from shop.seeding.plan import OpenCart, Order, Orders, Placement, Plan, Section, through_carts
from shop.seeding.requests import seeding_request

T = TypeVar("T")
R = TypeVar("R")
Kind = Literal["users", "products", "purchases", "shipping methods", "vouchers", "addresses", "carts", "returns"]
#: What is counted: a payment comes with the purchase that it is about.
Counted = Kind | Literal["payments"]
#: Makes things: their results, or errors in their places.
Send = Callable[[Sequence[T]], Sequence[Any]]
#: Tells which of the ids are missing.
Look = Callable[[Sequence[str]], frozenset[str]]

#: How many are sent in one round trip. The store does nothing else in the meantime, not even answer a ping: a hundred
#: products, each with a script of its own, took a third of a second on a machine with no CPU to spare.
BATCH = 50
#: How many are looked for in one round trip.
LOOK = 2000
#: Batches that are under way at once: while one waits for the replicas, the next are made, and sent together with one
#: acknowledgement (group commit).
AT_ONCE = 4
#: Orders and carts that are worked on at once, of all batches: each is a dozen writes, one after the other, which the
#: store takes in with those of the others.
BUYERS = 16
#: Seconds between two tries.
PAUSE = 0.2
#: Purchases of the past are paid and delivered: the shop would cancel those that were not.
PATH = (Status.PLACED, Status.PAID, Status.SHIPPED, Status.DELIVERED)


class ExistenceCheck(Protocol):
    """Knows what the store has."""

    def missing(self, kind: Kind, ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that it has not got."""
        ...

    def statuses(self, kind: Kind, ids: Sequence[str]) -> Sequence[str]:
        """The status of each; empty where it has not got it."""
        ...

    def versions(self, kind: Kind, ids: Sequence[str]) -> Sequence[int]:
        """The version of each; 0 where it has not got it."""
        ...


@dataclass(kw_only=True, slots=True)
class Tally:
    """What became of the things of one kind: there already, made now, or refused, by reason; in so many seconds."""

    kind: Counted
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
        """What became of the things of each kind, when it is done.

        Raises:
            Unavailable: the store was away for too long. Loading again goes on where this ended.
        """
        yield self._section("users", plan.users, self._register)
        yield self._section("products", plan.products, self._create)
        yield from self._some("addresses", plan.addresses, self._one_by_one(self._store_address))
        yield from self._some("shipping methods", plan.shipping_methods, self._one_by_one(self._add_shipping_method))
        yield from self._some("vouchers", plan.vouchers, self._one_by_one(self._add_voucher))
        if plan.is_through_carts:
            yield self._section("purchases", *self._orders(through_carts(plan)))
        else:
            yield self._section("purchases", plan.purchases, self._place)
        yield from self._some("payments", *self._orders(plan.payments))
        buyer, carts = Buyer(self._shop), plan.carts
        yield from self._some("carts", carts, self._one_by_one(buyer.fill), lambda ids: self._unfilled(carts, ids))

    def _some(self, kind: Counted, section: Section[T], send: Send[T], look: Look | None = None) -> Iterator[Tally]:
        """What became of the things of a kind, of which a plan need not have any."""
        if section.ids:
            yield self._section(kind, section, send, look)

    def _section(self, kind: Counted, section: Section[T], send: Send[T], look: Look | None = None) -> Tally:
        tally, began = Tally(kind=kind, wanted=len(section.ids)), time.monotonic()
        self._watch(tally)
        missing = look or partial(self._existence.missing, cast(Kind, kind))

        def carry_out(batch: tuple[Sequence[str], Sequence[T]]) -> tuple[Sequence[str], Sequence[Any]]:
            ids, things = batch
            return ids, self._with_retries(lambda: send(things))

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="seed") as threads:
            try:
                for ids, outcomes in _in_turn(threads, carry_out, self._batches(section, tally, missing)):
                    self._count(tally, ids, outcomes, missing)
                    tally.seconds = time.monotonic() - began
                    self._watch(tally)
            except BaseException:
                self._stopped.set()
                raise
        self._watch(tally)
        return tally

    def _batches(self, section: Section[T], tally: Tally, look: Look) -> Iterator[tuple[Sequence[str], Sequence[T]]]:
        for start in range(0, len(section.ids), LOOK):
            ids = section.ids[start : start + LOOK]
            missing = self._with_retries(lambda ids=ids: look(ids))  # type: ignore[misc]
            tally.present += len(ids) - len(missing)
            places = iter([start + place for place, id in enumerate(ids) if id in missing])
            while batch := list(islice(places, BATCH)):
                yield [section.ids[place] for place in batch], [section.make(place) for place in batch]

    def _orders(self, orders: Orders) -> tuple[Section[Order], Send[Order], Look]:
        buyer = Buyer(self._shop)
        return orders, self._one_by_one(buyer.carry_out), lambda ids: self._unfinished(orders, ids)

    def _unfinished(self, orders: Orders, ids: Sequence[str]) -> frozenset[str]:
        """The purchases of which something is left to be done."""
        statuses = self._existence.statuses("purchases", ids)
        returns = self._existence.statuses("returns", [return_id(id) for id in ids])
        found = zip(ids, statuses, returns, strict=True)
        return frozenset(id for id, status, returned in found if steps_left(orders.fates[id], status, returned))

    def _unfilled(self, carts: Section[OpenCart], ids: Sequence[str]) -> frozenset[str]:
        """The carts that are not there, or have had fewer changes than they need."""
        places = {id: place for place, id in enumerate(carts.ids)}
        versions = zip(ids, self._existence.versions("carts", ids), strict=True)
        return frozenset(id for id, version in versions if version < carts.make(places[id]).min_version)

    def _one_by_one(self, work: Callable[[T], object]) -> Send[T]:
        """Things that are made by writes of their own, many at once. An error that the shop has for one of them takes
        the place of its result."""

        def outcome(thing: T) -> object:
            try:
                return self._with_retries(lambda: work(thing))
            except ShopError as error:
                return error

        def send(things: Sequence[T]) -> Sequence[object]:
            with ThreadPoolExecutor(BUYERS // AT_ONCE, thread_name_prefix="seed-one") as threads:
                return list(threads.map(outcome, things))

        return send

    def _store_address(self, owned: tuple[str, PostalAddress]) -> None:
        user, postal = owned
        id, now = related_id(user, "address"), self._shop.clock.now()
        address = Address(id=id, is_default=True, created_at=now, updated_at=now, version=1, **postal.values())
        self._shop.addresses.create(seeding_request(id), user, address)

    def _add_shipping_method(self, method: ShippingMethod) -> None:
        self._shop.shipping_methods.create(seeding_request(f"shipping:{method.code}"), method)

    def _add_voucher(self, voucher: Voucher) -> None:
        self._shop.vouchers.create(seeding_request(f"voucher:{voucher.code}"), voucher)

    def _count(self, tally: Tally, ids: Sequence[str], outcomes: Sequence[Any], look: Look) -> None:
        refused = {id: outcome for id, outcome in zip(ids, outcomes, strict=True) if isinstance(outcome, Exception)}
        # Somebody has its SKU or its address: itself, where a repeat came after the outcome was forgotten.
        away = self._with_retries(lambda: look(list(refused))) if refused else frozenset()
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
        return self._shop.users.register_all([(seeding_request(user.id), user, self._password_hash) for user in users])

    def _create(self, products: Sequence[Product]) -> Sequence[object]:
        # Others with them are another request: a batch that is made up anew may begin with the same product.
        digest = sha256("/".join(product.id for product in products).encode()).hexdigest()
        refused = self._shop.products.create_many(seeding_request(digest), products).value
        taken = SkuTaken("Another product has this SKU.")
        return [taken if product.id in refused else product.id for product in products]

    def _place(self, purchases: Sequence[Placement]) -> Sequence[object]:
        placements = [(seeding_request(p.id), p.id, p.user, p.lines, p.at) for p in purchases]
        return self._shop.purchases.place_all(placements, PATH)


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
