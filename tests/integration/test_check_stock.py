import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from operations import bootstrap
from operations.backup.replication import copy_data
from shop.domain.callers import Role
from shop.domain.payments import PaymentStatus, RefundStatus, new_payment
from shop.domain.products import ProductOrder
from shop.domain.purchases import Line, Shipment, Status, Units
from shop.domain.returns import Return, ReturnStatus
from shop.repositories.keys import BITMAP_SUFFIX
from shop.repositories.records.fields import milliseconds
from shop.repositories.records.returns import lines_text
from shop.seeding import madeup
from shop.seeding.madeup import Numbers
from tests.cart_samples import a_ready_cart, checked_out
from tests.contract.test_payments import apply, captured
from tests.contract.test_refunds import reserve
from tests.integration.auditing import PLAN, a_shop, found, on_primary, seeded
from tests.samples import a_request, as_staff, in_catalogue, issued, placed, registered, units
from tests.stack_fixtures import primary_of, wait_until

ROOT = Path(__file__).resolve().parents[2]
USER, PRODUCT, PURCHASE = PLAN.users.ids[0], PLAN.products.ids[0], PLAN.purchases.ids[0]
FIRST = PLAN.products.make(0)
BUYER = PLAN.purchases.make(0).user
SOLD = PLAN.purchases.make(0).lines[0].product
NOBODY = "01940000-0000-7000-8000-000000000000"
NAME = ProductOrder.NAME


@pytest.fixture
def container(redis_stack):
    with a_shop(redis_stack) as made:
        yield made


@pytest.fixture(scope="module")
def healthy(redis_stack):
    with a_shop(redis_stack) as made:
        seeded(made)
        yield made


def test_a_healthy_shop_has_nothing_wrong(healthy):
    audit = bootstrap.auditor(healthy).audit(lambda what: None)
    assert (audit.violations, audit.counts) == ([], {"users": 4, "products": 12, "purchases": 20})


def test_nothing_is_wrong_after_everything_that_can_be_done(container):
    shop, now = container.shop, container.shop.clock.now()
    staff = as_staff(shop)
    buyer, leaver = registered(shop), registered(shop)
    apple, pear = in_catalogue(shop, stock=50), in_catalogue(shop, stock=50, company="", category="")
    shop.users.set_role(a_request(), buyer.id, Role.STAFF, now)
    shop.products.adjust_stock(a_request(), apple.id, 7, None)
    shop.products.adjust_stock(a_request(), pear.id, -3, None)
    steps = [(Status.CANCELLED, True), (Status.PAID, False)], [(Status.PAID, False), (Status.REFUNDED, True)]
    for path in (*steps, [(Status.PAID, False), (Status.REFUNDED, False)], []):
        for user in (buyer, leaver):
            purchase = placed(shop, user.id, units(apple, 2), units(pear, 3))
            for status, restock in path[:1] if path == steps[0] else path:
                shop.purchases.move(a_request(), purchase.id, status, by=staff, restock=restock, at=now)
    late = placed(shop, buyer.id, units(pear, 1))
    shop.products.update(a_request(), apple.id, lambda p: p.with_changes(at=now, name="Ähren", category="Corn"), None)
    shop.products.withdraw(a_request(), pear.id, None)
    shop.purchases.move(a_request(), late.id, Status.CANCELLED, by=staff, restock=True, at=now)
    shop.users.delete(a_request(), leaver.id, None)
    sold_out = in_catalogue(shop, stock=1, name="Drill bits")
    placed(shop, buyer.id, units(sold_out, 1))
    assert found(container) == []


def shipped_and_returned(container) -> Return:
    """A return of which a part has arrived, of a purchase of which a part was refunded."""
    shop, now = container.shop, container.shop.clock.now()
    staff = as_staff(shop)
    apple, pear = in_catalogue(shop, stock=50), in_catalogue(shop, stock=50)
    purchase = placed(shop, registered(shop).id, units(apple, 5), units(pear, 3))
    shop.purchases.move(a_request(), purchase.id, Status.PAID, by=staff, restock=False, at=now)
    apples = [Units(product=apple.id, quantity=4)]
    shop.purchases.ship(a_request(), purchase.id, Shipment(at=now, lines=apples), by=staff)
    asked = [shop.ids.new(now) for _ in range(2)]
    for id in asked:
        half = [Units(product=apple.id, quantity=2)]
        shop.returns.request(a_request(), id, purchase.id, half, "Too green.", by=staff, at=now)
    shop.returns.approve(a_request(), asked[0], now)
    one = [Units(product=apple.id, quantity=1)]
    shop.returns.receive(a_request(), asked[0], one, restock=True, by=staff, at=now)
    shop.purchases.move(a_request(), purchase.id, Status.PARTIALLY_REFUNDED, by=staff, restock=False, at=now)
    shop.returns.refuse(a_request(), asked[1], now)
    return shop.returns.get(asked[0], None)


def test_nothing_is_wrong_with_purchases_that_were_shipped_and_returned_in_parts(container):
    found_return = shipped_and_returned(container)
    assert found_return.status is ReturnStatus.REFUNDED
    assert found(container) == []


RETURN_DAMAGE = {
    "a return of no purchase": (lambda keys, found: ("DEL", keys.purchase(found.purchase)), "return-record"),
    "a return of more than was sold": (
        lambda keys, found: (
            "HSET",
            keys.return_record(found.id),
            "received",
            _lines(found, 9),
            "lines",
            _lines(found, 9),
        ),
        "return-record",
    ),
    "more received than was asked for": (
        lambda keys, found: ("HSET", keys.return_record(found.id), "received", _lines(found, 3)),
        "return-record",
    ),
    "a return that vanished": (lambda keys, found: ("DEL", keys.return_record(found.id)), "index-stray"),
    "a return that is not among those of its purchase": (
        lambda keys, found: ("ZREM", keys.purchase_returns(found.purchase), found.id),
        "index-missing",
    ),
    "a return that is not among those of its status": (
        lambda keys, found: ("ZREM", keys.return_index(found.status), found.id),
        "index-missing",
    ),
}


def _lines(found: Return, quantity: int) -> str:
    return lines_text([replace(line, quantity=quantity) for line in found.lines])


@pytest.mark.parametrize("damage", RETURN_DAMAGE)
def test_it_finds_a_damaged_return(container, damage):
    command, code = RETURN_DAMAGE[damage]
    on_primary(container, command(container.keys, shipped_and_returned(container)))
    assert code in found(container)


def bought_with_a_voucher(container):
    """A voucher that two purchases have redeemed, of which one has given it back, and the other purchase."""
    shop, voucher = container.shop, issued(container.shop, limit=9)
    apple, carts = in_catalogue(shop, stock=50), []
    for _ in range(2):
        cart, caller = a_ready_cart(shop, apple, 1)
        shop.carts.set_voucher(a_request(), cart.id, caller, voucher.code, shop.clock.now())
        carts.append(checked_out(shop, cart, caller))
    step = {"by": as_staff(shop), "restock": True, "at": shop.clock.now()}
    shop.purchases.move(a_request(), carts[0].id, Status.CANCELLED, **step)
    return voucher, carts[1]


def test_nothing_is_wrong_with_a_voucher_that_is_redeemed_and_given_back(container):
    voucher, _ = bought_with_a_voucher(container)
    assert container.shop.vouchers.get(voucher.code).redeemed == 1
    assert found(container) == []


VOUCHER_DAMAGE = {
    "redeemed once more": (lambda keys, code, id: ("HINCRBY", keys.voucher(code), "redeemed", 1), "voucher-law"),
    "not counted": (lambda keys, code, id: ("HSET", keys.voucher(code), "redeemed", 0), "voucher-law"),
    "given back without its purchase": (
        lambda keys, code, id: ("HSET", keys.purchase(id), "voucher_returned", 1),
        "voucher-law",
    ),
    "another total": (lambda keys, code, id: ("HSET", keys.purchase(id), "discount", 1), "purchase-record"),
    "not in the list": (lambda keys, code, id: ("ZREM", keys.vouchers, code), "index-missing"),
    "a voucher that vanished": (lambda keys, code, id: ("DEL", keys.voucher(code)), "index-stray"),
}


@pytest.mark.parametrize("damage", VOUCHER_DAMAGE)
def test_it_finds_a_damaged_voucher(container, damage):
    command, code = VOUCHER_DAMAGE[damage]
    voucher, purchase = bought_with_a_voucher(container)
    on_primary(container, command(container.keys, voucher.code, purchase.id))
    assert code in found(container)


def paid_and_owing(container):
    """A purchase that was paid, shipped in part, and refunded in part, and its payment; and the payment of a purchase
    that was cancelled, whose refund is pending."""
    shop, apple = container.shop, in_catalogue(container.shop, stock=50)
    buyer, staff = registered(shop), as_staff(shop)
    bought = [placed(shop, buyer.id, units(apple, 5)) for _ in range(2)]
    payments = [captured_for(shop, purchase) for purchase in bought]
    two = [Units(product=apple.id, quantity=2)]
    shop.purchases.ship(a_request(), bought[0].id, Shipment(at=shop.clock.now(), lines=two), by=staff)
    reserved = reserve(shop, bought[0], 40)
    states = {reserved.refund.id: RefundStatus.SUCCEEDED}
    apply(shop, payments[0], replace(captured(payments[0]), refunded=40, refunds=states))
    reserve(shop, bought[0], 10)
    step = {"by": staff, "restock": True, "at": shop.clock.now()}
    shop.purchases.move(a_request(), bought[1].id, Status.CANCELLED, **step)
    return bought[0].id, payments[0].id, payments[1].id, apple.id


def captured_for(shop, purchase):
    payment = new_payment(shop.ids.new(shop.clock.now()), purchase.id, "fake", shop.clock.now())
    begun = shop.payments.begin(a_request(), payment, None).value
    return apply(shop, begun, captured(begun))


def test_nothing_is_wrong_with_payments_whatever_becomes_of_them(container):
    shop, apple = container.shop, in_catalogue(container.shop, stock=50)
    paid_and_owing(container)
    late, buyer = placed(shop, registered(shop).id, units(apple, 1)), registered(shop)
    orphaned = new_payment(shop.ids.new(shop.clock.now()), late.id, "fake", shop.clock.now())
    orphaned = shop.payments.begin(a_request(), orphaned, None).value
    step = {"by": as_staff(shop), "restock": True, "at": shop.clock.now()}
    shop.purchases.move(a_request(), late.id, Status.CANCELLED, **step)
    assert apply(shop, orphaned, captured(orphaned)).status is PaymentStatus.ORPHANED
    by_staff, unpaid = placed(shop, buyer.id, units(apple, 1)), placed(shop, buyer.id, units(apple, 1))
    manual = shop.ids.new(shop.clock.now())
    shop.payments.pay_manually(a_request(), by_staff.id, manual, as_staff(shop), shop.clock.now())
    open_payment = new_payment(shop.ids.new(shop.clock.now()), unpaid.id, "fake", shop.clock.now())
    shop.payments.begin(a_request(), open_payment, None)
    assert found(container) == []


PAYMENT_DAMAGE = {
    "more captured than authorized": (
        lambda keys, ids: ("HINCRBY", keys.payment(ids[1]), "authorized", -1),
        "payment-law",
    ),
    "more authorized than the purchase comes to": (
        lambda keys, ids: ("HINCRBY", keys.payment(ids[1]), "authorized", 1),
        "payment-law",
    ),
    "another amount than the purchase's": (
        lambda keys, ids: ("HSET", keys.payment(ids[1]), "amount", 10**9),
        "payment-law",
    ),
    "more refunded than captured": (
        lambda keys, ids: ("HSET", keys.payment(ids[1]), "refunded", 10**9),
        "payment-law",
    ),
    "more reserved and refunded than captured": (
        lambda keys, ids: ("HSET", keys.payment(ids[1]), "refunds", _refunds("pending", 10**9)),
        "payment-law",
    ),
    "less refunded than its refunds brought": (
        lambda keys, ids: ("HSET", keys.payment(ids[1]), "refunded", 39),
        "payment-law",
    ),
    "a captured payment that pays nothing": (
        lambda keys, ids: ("HDEL", keys.purchase(ids[0]), "payment"),
        "payment-law",
    ),
    "a captured payment that is not settled": (
        lambda keys, ids: ("HDEL", keys.payment(ids[1]), "settlement"),
        "payment-law",
    ),
    "a purchase that is paid by a payment of less": (
        lambda keys, ids: ("HSET", keys.payment(ids[1]), "captured", 100),
        "payment-law",
    ),
    "a purchase that is paid by a payment that is not there": (
        lambda keys, ids: ("HSET", keys.purchase(ids[0]), "payment", NOBODY),
        "payment-law",
    ),
    "a payment that vanished": (lambda keys, ids: ("DEL", keys.payment(ids[1])), "payment-law"),
    "a payment of no purchase": (lambda keys, ids: ("DEL", keys.purchase(ids[0])), "payment-law"),
    "a purchase that was never paid": (
        lambda keys, ids: ("HSET", keys.purchase(ids[0]), "history", '[["partially_refunded","0",""]]'),
        "payment-law",
    ),
    "money of a cancelled purchase that nothing brings back": (
        lambda keys, ids: ("HSET", keys.payment(ids[2]), "refunds", _refunds("failed", 40)),
        "payment-law",
    ),
    "a payment with something to do that is not checked": (
        lambda keys, ids: ("ZREM", keys.payments_open, ids[2]),
        "payment-index",
    ),
    "a payment that is checked and is not there": (
        lambda keys, ids: ("ZADD", keys.payments_open, 1, NOBODY),
        "payment-index",
    ),
    "a payment that is not among those of its purchase": (
        lambda keys, ids: ("ZREM", keys.purchase_payments(ids[0]), ids[1]),
        "index-missing",
    ),
    "a payment that cannot be read": (lambda keys, ids: ("HSET", keys.payment(ids[1]), "refunds", "["), "unreadable"),
    "units that were sent and are back without a return": (
        lambda keys, ids: ("HSET", keys.purchase(ids[0]), "restocked_units", f'{{"{ids[3]}":4}}'),
        "shipment-law",
    ),
}


def _refunds(status: str, amount: int) -> str:
    return orjson.dumps([[NOBODY, str(amount), status, "0", "", "", "0"]]).decode()


@pytest.mark.parametrize("damage", PAYMENT_DAMAGE)
def test_it_finds_a_damaged_payment(container, damage):
    command, code = PAYMENT_DAMAGE[damage]
    ids = paid_and_owing(container)
    on_primary(container, command(container.keys, ids))
    assert code in found(container)


def test_nothing_is_wrong_with_purchases_of_guests_until_they_are_forgotten_and_afterwards(container):
    shop, apple = container.shop, in_catalogue(container.shop, stock=5)
    bought = [checked_out(shop, *a_ready_cart(shop, apple, 1)) for _ in range(2)]
    step = {"by": as_staff(shop), "restock": True, "at": shop.clock.now()}
    shop.purchases.move(a_request(), bought[0].id, Status.CANCELLED, **step)
    assert found(container) == []
    on_primary(container, ("ZREM", container.keys.purchases_to_forget, bought[0].id))
    assert found(container) == ["index-missing"]
    on_primary(container, ("ZADD", container.keys.purchases_to_forget, 1, bought[0].id))
    assert shop.purchases.forget_guests(a_request(), shop.clock.now(), 50).value == 1
    assert found(container) == []


def test_a_product_without_an_instant_of_its_last_change_is_whole_and_gets_one_when_it_is_sold(container):
    shop = container.shop
    buyer, apple = registered(shop), in_catalogue(shop, stock=50)
    on_primary(container, ("HDEL", container.keys.product(apple.id), "stock_changed_at"))
    assert shop.products.get(apple.id).stock_changed_at == apple.created_at
    placed(shop, buyer.id, units(apple, 1))
    assert shop.products.get(apple.id).stock_changed_at > apple.created_at
    assert found(container) == []


@pytest.mark.parametrize("change", ["adjusted", "placed", "restocked"])
def test_the_first_change_of_an_old_record_is_later_than_its_creation_by_a_clock_ahead(container, change):
    shop = container.shop
    buyer, apple = registered(shop), in_catalogue(shop, stock=50)
    purchase, product = placed(shop, buyer.id, units(apple, 1)), container.keys.product(apple.id)
    an_hour_ahead_ms = milliseconds(shop.clock.now()) + 3_600_000
    on_primary(container, ("HDEL", product, "stock_changed_at"), ("HSET", product, "created_at", an_hour_ahead_ms))
    if change == "adjusted":
        shop.products.adjust_stock(a_request(), apple.id, 1, None)
    elif change == "placed":
        placed(shop, buyer.id, units(apple, 1))
    else:
        step = {"by": as_staff(shop), "restock": True, "at": shop.clock.now()}
        shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, **step)
    assert milliseconds(shop.products.get(apple.id).stock_changed_at) == an_hour_ahead_ms + 1


@pytest.fixture
def erased(container):
    """A shop in which the purchases of an erased user have not forgotten them yet: their ids, and the user's."""
    shop = container.shop
    buyer, apple = registered(shop), in_catalogue(shop, stock=50)
    purchases = [placed(shop, buyer.id, units(apple, 2)).id for _ in range(3)]
    shop.users.delete(a_request(), buyer.id, None)
    return buyer.id, purchases


def test_nothing_is_wrong_while_an_erasure_is_pending(container, erased):
    user, purchases = erased
    assert found(container) == []
    now, staff = container.shop.clock.now(), as_staff(container.shop)
    container.shop.purchases.move(a_request(), purchases[0], Status.PAID, by=staff, restock=False, at=now)
    assert found(container) == []
    assert container.shop.users.continue_erasure(a_request(), user).value.is_complete
    assert found(container) == []


def test_an_erasure_that_has_lost_what_is_left_of_it_is_found(container, erased):
    on_primary(container, ("DEL", container.keys.erasing_purchases(erased[0])))
    assert found(container) == ["index-missing"]


def test_an_erasure_that_is_forgotten_is_found(container, erased):
    on_primary(container, ("ZREM", container.keys.erasures, erased[0]))
    assert found(container) == ["index-missing", "index-stray", "purchase-record"]


def test_an_erased_user_who_is_there_is_found(container, erased):
    on_primary(container, ("ZADD", container.keys.erasures, 0, registered(container.shop).id))
    assert found(container) == ["user-record"]


DAMAGE = {
    "a stock that was changed past the shop": (
        lambda keys: ("HINCRBY", keys.product(SOLD), "stock", 1),
        ["movement-law", "stock-law"],
    ),
    "less than nothing in stock": (
        lambda keys: ("HSET", keys.product(SOLD), "stock", -1),
        ["movement-law", "negative-stock", "stock-law"],
    ),
    "a movement that vanished": (
        lambda keys: ("XTRIM", keys.movements(SOLD), "MAXLEN", 1),
        ["movement-law"],
    ),
    "a ledger that vanished": (
        lambda keys: ("DEL", keys.movements(SOLD)),
        ["movement-law"],
    ),
    "a ledger of a product that has none": (
        lambda keys: ("HDEL", keys.product(SOLD), "ledger"),
        ["movement-law"],
    ),
    "a sum of movements that is another one": (
        lambda keys: ("HINCRBY", keys.product(SOLD), "ledger", 1),
        ["movement-law"],
    ),
    "a movement too many": (
        lambda keys: ("XADD", keys.movements(SOLD), "*", "quantity", 1, "kind", "sale", "reference", "", "by", ""),
        ["movement-law"],
    ),
    "a movement that cannot be read": (
        lambda keys: ("XADD", keys.movements(SOLD), "*", "quantity", "some"),
        ["unreadable"],
    ),
    "a ledger of another type": (
        lambda keys: ("COPY", keys.product(SOLD), keys.movements(SOLD), "REPLACE"),
        ["unreadable"],
    ),
    "a purchase that vanished": (
        lambda keys: ("DEL", keys.purchase(PURCHASE)),
        ["index-stray", "stock-law"],
    ),
    "a purchase that is not among its user's": (
        lambda keys: ("ZREM", keys.purchase_index(BUYER, None), PURCHASE),
        ["index-missing"],
    ),
    "a purchase that is not among those of its status": (
        lambda keys: ("ZREM", keys.purchase_index(None, Status.DELIVERED), PURCHASE),
        ["index-missing"],
    ),
    "a purchase among those of another status": (
        lambda keys: ("ZADD", keys.purchase_index(None, Status.SHIPPED), 0, PURCHASE),
        ["index-stray"],
    ),
    "a purchase among somebody else's": (
        lambda keys: ("ZADD", keys.purchase_index(NOBODY, None), 0, PURCHASE),
        ["index-stray"],
    ),
    "a purchase that sorts elsewhere": (
        lambda keys: ("ZADD", keys.purchase_index(None, None), 1, PURCHASE),
        ["index-missing", "index-stray"],
    ),
    "a purchase of another total": (
        lambda keys: ("HSET", keys.purchase(PURCHASE), "total", 1),
        ["purchase-record"],
    ),
    "a purchase whose units are said to be back, and are not": (
        lambda keys: ("HSET", keys.purchase(PURCHASE), "restocked", 1),
        ["stock-law"],
    ),
    "a purchase of which a unit is said to be back, and is not": (
        lambda keys: ("HSET", keys.purchase(PURCHASE), "restocked_units", f'{{"{SOLD}":1}}'),
        ["stock-law"],
    ),
    "a purchase of which more is back than it sold": (
        lambda keys: ("HSET", keys.purchase(PURCHASE), "restocked_units", f'{{"{SOLD}":1000000}}'),
        ["purchase-record", "stock-law"],
    ),
    "a purchase of which more was shipped than it sold": (
        lambda keys: ("HSET", keys.purchase(PURCHASE), "shipments", f'[["0","","",[["{SOLD}",1000000]]]]'),
        ["purchase-record"],
    ),
    "a purchase that is to be paid by an instant, and is delivered": (
        lambda keys: ("ZADD", keys.purchases_by_pay_by, 1, PURCHASE),
        ["index-stray"],
    ),
    "a purchase of nobody who is known": (
        lambda keys: ("HSET", keys.purchase(PURCHASE), "user", NOBODY),
        ["index-missing", "index-stray", "purchase-record"],
    ),
    "a purchase that cannot be read": (
        lambda keys: ("HSET", keys.purchase(PURCHASE), "items", "["),
        ["index-stray", "stock-law", "unreadable"],
    ),
    "a product that vanished": (
        lambda keys: ("DEL", keys.product(SOLD)),
        ["index-column", "index-stray", "movement-law", "purchase-record"],
    ),
    "a product without a price": (
        lambda keys: ("HDEL", keys.product(PRODUCT), "price"),
        ["index-column", "index-stray", "movement-law", "purchase-record", "unreadable"],
    ),
    "a product under another number": (
        lambda keys: ("HSET", keys.product(PRODUCT), "number", 7),
        ["index-column", "index-stray", "product-record"],
    ),
    "a product whose stock changed before there was any": (
        lambda keys: ("HSET", keys.product(PRODUCT), "stock_changed_at", 0),
        ["product-record"],
    ),
    "a SKU that leads nowhere": (
        lambda keys: ("HSET", keys.skus, "MU3-999999", NOBODY),
        ["index-stray"],
    ),
    "a SKU that leads to another product": (
        lambda keys: ("HSET", keys.skus, FIRST.sku, PLAN.products.ids[1]),
        ["index-missing", "index-stray"],
    ),
    "a word that a product does not have": (
        lambda keys: ("SADD", f"{keys.word_prefix}never", 1),
        ["index-stray"],
    ),
    "a word that does not find its product": (
        lambda keys: ("DEL", f"{keys.word_prefix}mu3"),
        ["index-missing"],
    ),
    "a category that nothing is in": (
        lambda keys: ("ZADD", keys.categories, 0, "Nothing"),
        ["index-stray"],
    ),
    "an order without its products": (
        lambda keys: ("DEL", keys.products_by(NAME)),
        ["index-missing"],
    ),
    "an order without its sort keys": (
        lambda keys: ("DEL", keys.product_sort_keys(NAME)),
        ["index-missing"],
    ),
    "an order without its sort prefixes": (
        lambda keys: ("DEL", keys.product_sort_prefixes(NAME)),
        ["index-column"],
    ),
    "an order of a category without its products": (
        lambda keys: ("DEL", keys.products_of_category(FIRST.category, NAME)),
        ["index-missing"],
    ),
    "an order of a company and a category without its products": (
        lambda keys: ("DEL", keys.products_of_both(FIRST.company, FIRST.category, NAME)),
        ["index-missing"],
    ),
    "an order of a company and a category with a product too many": (
        lambda keys: ("ZADD", keys.products_of_both("Nothing", "Fruit", NAME), 0, "name\0001000000001"),
        ["index-stray"],
    ),
    "an order of a company with a product too many": (
        lambda keys: ("ZADD", keys.products_of_company("Nothing", NAME), 0, "name\0001000000001"),
        ["index-stray"],
    ),
    "a zone that is too narrow for its products": (
        lambda keys: ("SETRANGE", keys.product_zones, 0, struct.pack(">dd", 1, 1)),
        ["index-column"],
    ),
    "products neither in stock nor sold out": (
        lambda keys: ("DEL", keys.in_stock),
        ["index-missing"],
    ),
    "a price bitmap without its products": (
        lambda keys: ("DEL", f"{keys.price_from_prefix}64"),
        ["index-column"],
    ),
    "a bitmap of a set that is not there": (
        lambda keys: ("SETBIT", f"{keys.word_prefix}never{BITMAP_SUFFIX}", 3, 1),
        ["index-column"],
    ),
    "an index of another type": (
        lambda keys: ("COPY", keys.product(PRODUCT), f"{keys.word_prefix}mu3", "REPLACE"),
        ["index-unreadable"],
    ),
    "an address that leads to nobody": (
        lambda keys: ("HSET", keys.emails, "nobody@example.com", NOBODY),
        ["index-stray"],
    ),
    "a user whom no address leads to": (
        lambda keys: ("DEL", keys.emails),
        ["index-missing"],
    ),
    "a user under another address": (
        lambda keys: ("HSET", keys.user(USER), "email_key", "other@example.com"),
        ["index-missing", "index-stray", "user-record"],
    ),
    "somebody on the staff who is no staff": (
        lambda keys: ("SADD", keys.staff, USER),
        ["index-stray"],
    ),
    "staff who are not on the staff": (
        lambda keys: ("HSET", keys.user(USER), "role", "staff"),
        ["index-missing"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_it_finds(container, damage):
    seeded(container)
    command, codes = DAMAGE[damage]
    on_primary(container, command(container.keys))
    assert found(container) == codes


def test_it_finds_a_bitmap_that_disagrees_with_its_large_set(container):
    seeded(container, madeup.plan(Numbers(users=0, products=1001, purchases=0, seed=3)))
    assert found(container) == []
    on_primary(container, ("SETBIT", f"{container.keys.word_prefix}mu3{BITMAP_SUFFIX}", 5, 0))
    assert found(container) == ["index-column"]


def test_a_large_set_that_waits_for_its_bitmap_is_no_violation(container):
    seeded(container, madeup.plan(Numbers(users=0, products=1001, purchases=0, seed=3)))
    on_primary(container, ("DEL", f"{container.keys.word_prefix}mu3{BITMAP_SUFFIX}"))
    assert found(container) == []


def test_the_law_holds_on_every_snapshot_while_purchases_go_on(container):
    shop, apple = container.shop, in_catalogue(container.shop, stock=10**6)
    buyers = [registered(shop) for _ in range(4)]
    ended = threading.Event()

    def buy(buyer) -> None:
        while not ended.is_set():
            now = shop.clock.now()
            line = Line(product=apple.id, quantity=1)
            many = [(a_request(), shop.ids.new(now), buyer.id, [line], now) for _ in range(20)]
            shop.purchases.place_all(many)

    threads = [threading.Thread(target=buy, args=(buyer,)) for buyer in buyers]
    for thread in threads:
        thread.start()
    try:
        audits = [bootstrap.auditor(container).audit(lambda what: None) for _ in range(4)]
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert [audit.violations for audit in audits] == [[]] * 4
    counts = [audit.counts["purchases"] for audit in audits]
    assert counts == sorted(counts) and counts[0] < counts[-1]


def test_a_copy_has_every_write_that_was_acknowledged_before_it_was_asked_for(container):
    shop, buyer, apple = container.shop, registered(container.shop), in_catalogue(container.shop, stock=100)
    for count in range(1, 6):
        placed(shop, buyer.id, units(apple, 1))
        assert bootstrap.auditor(container).audit(lambda what: None).counts["purchases"] == count


def test_without_replicas_the_primary_is_copied(redis_stack, healthy):
    others = [name for name in redis_stack.layout.redis if name != redis_stack.primary]
    primary = redis_stack.layout.redis[primary_of(redis_stack)]
    redis_stack.stop(*others)
    try:
        wait_until(lambda: not healthy.cluster.topology.refresh().replicas)
        audit = bootstrap.auditor(healthy).audit(lambda what: None)
    finally:
        redis_stack.start(*others)
        redis_stack.wait_until_whole()
    assert (audit.source, audit.violations) == (str(primary), [])


def test_whoever_copies_is_no_replica_to_those_who_count(redis_stack, healthy, tmp_path):
    view = healthy.cluster.topology.refresh()
    on_primary(healthy, ("SET", healthy.keys.request("large"), os.urandom(2**25), "EX", 60))
    with unread(tmp_path / "copy") as reading:
        arguments = {"source": view.primary, "target": tmp_path / "copy", "known_as": view.replicas[0]}
        arguments["credentials"] = healthy.cluster.nodes.credentials
        copying = threading.Thread(target=copy_data, kwargs=arguments, daemon=True)
        copying.start()
        wait_until(lambda: "slave2:" in info(healthy))
        waited = healthy.cluster.nodes[view.primary].run(("INCR", healthy.keys.revision), ("WAIT", 3, 2000), timeout=5)
        listed = info(healthy)
        os.set_blocking(reading, True)
        while os.read(reading, 2**20):
            pass
        copying.join()
    assert waited[1] == 2
    assert "min_slaves_good_slaves:2" in listed
    assert listed.count(f"ip={view.replicas[0].host},port=6379") == 2


@contextmanager
def unread(path: Path) -> Iterator[int]:
    """A pipe, open for reading: whoever writes into it waits until somebody reads."""
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield reading
    os.close(reading)


def info(container) -> str:
    return on_primary(container, ("INFO", "replication"))[0]


def command(stack, container, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    store = container.keys.revision.partition("}")[0].removeprefix("{")
    return subprocess.Popen(
        [sys.executable, "manage.py", "check_stock", *arguments],
        cwd=ROOT,
        env={**os.environ, **stack.environment, "EVERGREEN_STORE": store, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_says_that_all_is_right_and_exits_with_0(redis_stack, healthy):
    checking = command(redis_stack, healthy)
    out, _ = checking.communicate()
    assert checking.returncode == 0
    assert "Looked at 4 users, 12 products, 20 purchases" in out
    assert "The stock invariant holds, and every index is right." in out


def test_the_command_lists_what_is_wrong_and_exits_with_1(redis_stack, container):
    seeded(container)
    on_primary(container, *(("HINCRBY", container.keys.product(id), "stock", 1) for id in PLAN.products.ids))
    on_primary(
        container, *(("ZADD", container.keys.categories, 0, f"[b]{n}") for n in range(12)), ("DEL", container.keys.skus)
    )
    checking = command(redis_stack, container, "--all")
    out, _ = checking.communicate()
    assert checking.returncode == 1
    # One of the products was not sold, and has no movements.
    assert "25 violations" in out and "[b]0" in out
    assert (out.count("stock-law"), out.count("movement-law")) == (12, 11)


def test_what_is_too_much_to_list_is_counted_and_listed_on_demand(redis_stack, container):
    seeded(container)
    on_primary(container, *(("SADD", f"{container.keys.word_prefix}never{n}", 1) for n in range(30)))
    short, _ = command(redis_stack, container).communicate()
    long, _ = command(redis_stack, container, "--all").communicate()
    assert short.count("index-stray") == 20 and "10 more: --all lists them." in short
    assert long.count("index-stray") == 30


def test_as_json_it_says_everything(redis_stack, container):
    seeded(container)
    on_primary(container, ("HINCRBY", container.keys.product(PRODUCT), "stock", 5))
    checking = command(redis_stack, container, "--json")
    report = orjson.loads(checking.communicate()[0])
    assert (checking.returncode, report["ok"], report["products"]) == (1, False, 12)
    found = [(violation["code"], violation["subject"]) for violation in report["violations"]]
    assert found == [(code, f"product {PRODUCT}") for code in ("stock-law", "movement-law")]


def test_it_exits_with_2_where_nothing_can_be_checked(redis_stack, healthy):
    for environment in ({"REDIS_SENTINEL": "127.0.0.1:1"}, {"EVERGREEN_REDIS_SERVER": "/bin/false"}):
        checking = command(redis_stack, healthy, **environment)
        out, said = checking.communicate()
        assert (checking.returncode, out) == (2, "")
        assert said.splitlines()[-1].startswith("CommandError: ") and "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_early_it_leaves_nothing_behind(redis_stack, healthy, tmp_path, number):
    checking = command(redis_stack, healthy, TMPDIR=str(tmp_path))
    wait_until(lambda: any(tmp_path.glob("evergreen-*/log")))
    checking.send_signal(number)
    _, said = checking.communicate()
    assert checking.returncode == 130 and said.endswith("Stopped: nothing has been proved.\n")
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_nothing_is_left_behind_when_it_is_done(healthy, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    bootstrap.auditor(healthy).audit(lambda what: None)
    assert list(tmp_path.iterdir()) == []
