"""Many threads change one stock at once: the ledger has each change once, and so have the events."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.errors import Refusal
from shop.domain.events import EventQuery
from shop.domain.movements import MovementKind
from shop.domain.pages import Position
from shop.domain.purchases import Status
from tests.contract.walks import forwards
from tests.samples import a_request, again, in_catalogue, placed, registered, units

STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")
THREADS, ROUNDS = 8, 6


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=25)


def everything(page_at):
    return [entry for page in forwards(page_at) for entry in page.results]


def buy_and_cancel(shop, apple, buyer):
    """Buys until there is nothing left, adjusts, and cancels every other purchase, twice over."""
    for number in range(ROUNDS):
        with suppress(Refusal):
            shop.products.adjust_stock(a_request(), apple.id, 1 if number % 2 else -1, None)
            purchase = placed(shop, buyer, units(apple, 1))
            cancelling = a_request()
            for request in (cancelling, again(cancelling), a_request()) if number % 2 else ():
                shop.purchases.move(request, purchase.id, Status.CANCELLED, by=STAFF, restock=True, at=shop.clock.now())


def test_the_movements_of_many_at_once_add_up_and_each_change_has_one_event(shop, apple):
    buyers = [registered(shop).id for _ in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda buyer: buy_and_cancel(shop, apple, buyer), buyers))
    ledger = everything(lambda position: shop.products.movements(apple.id, 50, position))
    assert sum(movement.quantity for movement in ledger) == shop.products.get(apple.id).stock
    sold, returned = (
        Counter(each.reference for each in ledger if each.kind is kind)
        for kind in (MovementKind.SALE, MovementKind.CANCELLED)
    )
    assert set(sold.values()) == set(returned.values()) == {1}
    assert returned.keys() <= sold.keys()
    events = everything(lambda position: shop.events.page(EventQuery(), 50, position))
    assert len({event.id for event in events}) == len(events)
    types = Counter((event.type, event.object) for event in events)
    assert {id for type, id in types if type == "purchase.placed"} == sold.keys()
    assert {id for type, id in types if type == "purchase.cancelled"} == returned.keys()
    assert {count for (type, _), count in types.items() if type.startswith("purchase.")} == {1}
    adjusted = sum(each.quantity for each in ledger if each.kind is MovementKind.ADJUSTMENT)
    assert sum(each.data["delta"] for each in events if each.type == "product.stock_adjusted") == adjusted


def test_a_reader_that_follows_while_many_write_sees_each_event_once_and_in_order(shop, apple):
    buyers = [registered(shop).id for _ in range(THREADS)]
    seen = []
    with ThreadPoolExecutor(THREADS) as threads:
        writers = [threads.submit(buy_and_cancel, shop, apple, buyer) for buyer in buyers]
        is_over = False
        while not is_over:
            is_over = all(writer.done() for writer in writers)
            seen += everything(partial(events_behind, shop, behind(seen)))
    assert [writer.result() for writer in writers] == [None] * THREADS
    assert seen == everything(lambda position: shop.events.page(EventQuery(), 50, position))


def events_behind(shop, start, position):
    return shop.events.page(EventQuery(), 50, position or start)


def behind(events):
    """The position behind the last of these events."""
    return Position(key=events[-1].id) if events else None
