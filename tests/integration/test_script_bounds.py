"""No script does more than its bound, however much there is: each runs with the most that it can meet.

What is counted does not depend on the machine: commands, and elements of their replies. `MAX_COSTS` is a table of what
each script may cost. Where a script may meet more than in these scenes, its cost does not grow with it.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from exactly_once.client import Command, Node
from exactly_once.rate_limits import RateLimit
from exactly_once.scripts import Scripts
from shop.clock import SystemClock
from shop.domain.accounts import MAX_REGISTRATIONS, MailQuota, MailToken, PendingRegistration, email_locator
from shop.domain.api_keys import MAX_API_KEYS
from shop.domain.callers import Caller, Role, Scope
from shop.domain.carts import MAX_CARTS, MAX_HOLDS
from shop.domain.errors import InsufficientStock, LastStaff
from shop.domain.figures import MAX_DAYS, REFUSALS, last_days
from shop.domain.pages import MAX_PAGE_SIZE
from shop.domain.payments import MAX_PAYMENTS
from shop.domain.ports import MAX_KNOWN_NETWORKS, Shop
from shop.domain.products import ProductOrder, ProductQuery
from shop.domain.purchases import MAX_LINES, MAX_SHIPMENTS, PurchaseQuery, Shipment, Status, Units
from shop.domain.returns import MAX_RETURNS, ReturnQuery
from shop.domain.sessions import session_id
from shop.domain.transfers import MAX_STORED
from shop.repositories import records
from shop.repositories.accounts import RedisAccountRepository
from shop.repositories.addresses import RedisAddressRepository
from shop.repositories.api_keys import RedisApiKeyRepository
from shop.repositories.audit import MAX_FAILURES, RedisAuditRepository
from shop.repositories.carts import RedisCartRepository
from shop.repositories.checkouts import RedisCheckoutRepository
from shop.repositories.deliveries import RedisDeliveryRepository
from shop.repositories.endpoints import RedisEndpointRepository
from shop.repositories.erasures import MAX_OUTCOMES, MAX_PURCHASES
from shop.repositories.existence import MAX_IDS, ExistenceCheck
from shop.repositories.figures import RedisFigureRepository
from shop.repositories.journal import MAX_TRIMMED, RedisJournal, Retention
from shop.repositories.keys import Keys
from shop.repositories.payments import RedisPaymentRepository
from shop.repositories.product_batches import MAX_PRODUCTS
from shop.repositories.products import RedisProductRepository
from shop.repositories.purchases import RedisPurchaseRepository
from shop.repositories.returns import RedisReturnRepository
from shop.repositories.scripts import FOLDER, shop_scripts
from shop.repositories.secret_slots import RedisSecretSlots
from shop.repositories.shipping_methods import RedisShippingMethodRepository
from shop.repositories.transfers import RedisTransferRepository
from shop.repositories.user_outcomes import MAX_OUTCOMES_PAGE_SIZE
from shop.repositories.users import RedisUserRepository
from shop.repositories.vouchers import RedisVoucherRepository
from shop.services.expiry import MAX_PER_BATCH
from tests.contract.test_audit import KEYS as AUDIT_KEYS
from tests.contract.test_audit import journaled
from tests.contract.test_catalogue_of_large_sets import lower
from tests.counted_store import TIMEOUT_S, Cost, CountedStore
from tests.fakes import fake_shop
from tests.integration.cart_bounds import (
    CART_COSTS,
    carts_of_as_many_lines_and_holds_as_there_may_be,
    carts_that_are_claimed_released_and_deleted,
    products_that_as_many_carts_hold_as_may,
)
from tests.integration.payment_bounds import (
    PAYMENT_COSTS,
    payments_of_as_many_lines_and_refunds_as_there_may_be,
    purchases_that_staff_have_taken_the_money_for,
)
from tests.integration.transfer_bounds import (
    TRANSFER_COSTS,
    imports_and_exports_of_as_many_rows_and_errors_as_there_may_be,
)
from tests.integration.voucher_bounds import (
    VOUCHER_COSTS,
    a_cart_of_as_many_lines_as_there_may_be_with_voucher_and_shipping,
    as_many_addresses_of_a_user_as_there_may_be,
    as_many_shipping_methods_as_there_may_be,
    vouchers_on_more_pages_than_one,
)
from tests.integration.webhook_bounds import (
    WEBHOOK_COSTS,
    endpoints_and_deliveries_of_as_many_events_as_one_plan_takes,
)
from tests.samples import (
    FAR_AWAY,
    a_product,
    a_request,
    a_return,
    a_user,
    again,
    an_api_key,
    in_catalogue,
    known,
    placed,
    products_page,
    registered,
    signed_in,
    units,
)

#: More of everything than a bound: tokens of a user, purchases, users. An earlier version limited none of them.
MANY_TOKENS, MANY_PURCHASES, MANY_USERS, MANY_MATCHES = 400, 500, 12_000, 2_100
MANY_ENTRIES = MAX_TRIMMED + 100
#: Lines after which a page of purchases ends.
MAX_PAGE_LINES = 2_000
#: Commands of write.lua, journal.lua and events.lua around a script, a refusal included.
WRITE = 16
#: Of a change of a stock: commands with one movement too many to be listed, and elements of the oldest that are summed.
MOVEMENT, SUMMED_UP = 7, 11
#: Movements of one product that are listed.
MAX_MOVEMENTS = 10_000
#: The words of a product with as many prefixes as there may be: 200 characters each of name, company and category.
LONG_NAME = " ".join(f"{letter}{'x' * 23}" for letter in "abcdefgh")
LONG_COMPANY = " ".join(f"{letter}{'y' * 23}" for letter in "abcdefgh")
LONG_CATEGORY = " ".join(f"{letter}{'z' * 23}" for letter in "abcdefgh")
#: Sets of such a product, bitmaps of prices, and commands for each of them; three orders.
MAX_SETS, MAX_BITMAPS, PER_SET, OF_ORDERS = 3 * 200 + 64, 51, 4, 30
#: Bitmaps that one script begins, of sets that have just grown to more products than 1,000: of each the commands, and
#: the elements of the reply. Other sets that grew at once wait for the next products, and grow a little on.
NEW_BITMAPS = 2 * (1_000 + 100)

#: Of each script: commands, and elements of replies.
MAX_COSTS: Mapping[str, tuple[int, int]] = {
    **CART_COSTS,
    **WEBHOOK_COSTS,
    **PAYMENT_COSTS,
    **TRANSFER_COSTS,
    **VOUCHER_COSTS,
    "api_key_caller": (5, 32),
    "api_key_create": (WRITE + 4, 40),
    "api_key_page": (1 + MAX_PAGE_SIZE + 1, 101 + 101 * 30),
    "api_key_revoke": (WRITE + 2, 10),
    "api_key_roll": (WRITE + 4, 40),
    "api_key_use": (WRITE + 2, 10),
    "audit_checkpoint": (WRITE + 1, 10),
    "audit_failure": (WRITE + 8, 10),
    "facet_page": (1 + MAX_PAGE_SIZE + 1, 101),
    "ids_fields": (MAX_IDS, MAX_IDS),
    "ids_missing": (MAX_IDS, 0),
    "product_adjust_stock": (WRITE + 10 + MOVEMENT, 20 + SUMMED_UP),
    "product_by_sku": (2, 40),
    "product_create": (WRITE + PER_SET * MAX_SETS + MAX_BITMAPS + OF_ORDERS + NEW_BITMAPS, 60 + NEW_BITMAPS),
    "product_create_many": (
        WRITE + MAX_PRODUCTS * (PER_SET * MAX_SETS + MAX_BITMAPS + OF_ORDERS) + 8 * (1_000 + MAX_PRODUCTS),
        8 * (1_000 + MAX_PRODUCTS),
    ),
    "product_movements": (2, 4 + MAX_PAGE_SIZE + 1),
    "product_page": (400, 3000),
    "product_range": (2 + MAX_PAGE_SIZE + 1, (MAX_PAGE_SIZE + 1) * (2 + 14)),
    "product_update": (
        WRITE + 2 * PER_SET * MAX_SETS + 2 * MAX_BITMAPS + 2 * OF_ORDERS + NEW_BITMAPS,
        60 + NEW_BITMAPS,
    ),
    "product_withdraw": (WRITE + PER_SET * MAX_SETS + MAX_BITMAPS + OF_ORDERS, 60),
    "purchase_backlog": (5, 0),
    "purchase_expire": (
        WRITE + 25 + MAX_PAYMENTS + (7 + MOVEMENT) * MAX_LINES,
        82 + 3 * MAX_PAYMENTS + (4 + SUMMED_UP) * MAX_LINES,
    ),
    "purchase_forget": (WRITE + 1 + 3 * 50, 60),
    "purchase_get": (3, 60),
    "purchase_move": (
        WRITE + 30 + (7 + MOVEMENT) * MAX_LINES + 7 * MAX_RETURNS,
        140 + (4 + SUMMED_UP) * MAX_LINES + MAX_RETURNS,
    ),
    "purchase_overdue": (3 + 1000 + 200 * (1 + MAX_PAYMENTS), 4 + 200 + 1000 + 200 * 3 * MAX_PAYMENTS),
    "purchase_page": (1 + 3 * (MAX_PAGE_SIZE + 1), 101 * 60),
    # Of each line the holds that have ended are dropped.
    "purchase_place": (
        WRITE + 10 + (10 + MOVEMENT) * MAX_LINES,
        60 + (12 + SUMMED_UP + MAX_HOLDS) * MAX_LINES,
    ),
    "purchase_ship": (WRITE + 28, 82),
    "purchase_sums": (1 + 250, 250 * 5),
    "purchase_tallies": (2 * 4 * MAX_DAYS, 4 * MAX_DAYS),
    "purchase_unpaid": (3 + 200, 12 + 200),
    "refusals_of_days": (MAX_DAYS, 2 * 24 * len(REFUSALS) * MAX_DAYS),
    "refusals_record": (WRITE + len(REFUSALS) + 1, 10),
    "registration_begin": (WRITE + 14 + 2 * 10, 20),
    "registration_confirm": (WRITE + 10, 40),
    "request_replay": (4, 10),
    "reset_confirm": (WRITE + 8 + 5 * 100, 120),
    "reset_issue": (WRITE + 10, 20),
    "return_get": (5, 24),
    "return_move": (WRITE + 12, 30),
    "return_page": (2 + 4 * (MAX_PAGE_SIZE + 1), 101 * 23),
    "return_receive": (WRITE + 20 + (7 + MOVEMENT) * MAX_LINES, 80 + (4 + SUMMED_UP) * MAX_LINES),
    "return_request": (WRITE + 14 + MAX_RETURNS, 60 + 4 * MAX_RETURNS),
    "secret_add": (WRITE + 10, 40),
    "rate_admit": (1 + 3 * 3, 6),
    "token_caller": (7, 7),
    "token_issue": (WRITE + 10 + 2 * 100, 130),
    "token_page": (2 + 2 * 20, 20 + 3 * 20),
    "token_revoke": (WRITE + 5 + 5 * 100, 120),
    "token_revoke_every": (WRITE + 1, 10),
    "token_use": (WRITE + 2, 10),
    "user_by_email": (2, 22),
    "user_delete": (WRITE + 33 + 6 * MAX_STORED + MAX_CARTS + 5 * 100, 120 + MAX_CARTS + 4 * MAX_STORED),
    "user_erase": (
        WRITE + 21 + 6 * MAX_STORED + 3 * MAX_OUTCOMES + (5 + MAX_RETURNS) * MAX_PURCHASES,
        20 + 4 * MAX_STORED + MAX_OUTCOMES + (3 + MAX_RETURNS) * MAX_PURCHASES,
    ),
    "user_outcomes": (3 + MAX_OUTCOMES_PAGE_SIZE + 1, 2 * 21 + 21),
    "user_page": (2 + 10 * 201 + MAX_PAGE_SIZE + 1, 2000 + 101 * 20),
    "user_register": (WRITE + 10, 40),
    "user_set_password": (WRITE + 8 + 5 * 100, 120),
    "user_set_role": (WRITE + 10, 40),
    "user_update": (WRITE + 10, 40),
}


@pytest.fixture(scope="module")
def store(data_node: Node) -> CountedStore:
    return CountedStore(node=data_node, keys=Keys(f"test-{uuid4()}"), scripts=shop_scripts())


@pytest.fixture(scope="module")
def shop(store: CountedStore) -> Shop:
    return replace(
        fake_shop(),
        users=RedisUserRepository(store, store.keys),
        accounts=RedisAccountRepository(store, store.keys),
        api_keys=RedisApiKeyRepository(store, store.keys),
        products=RedisProductRepository(store, store.keys),
        purchases=RedisPurchaseRepository(store, store.keys),
        carts=RedisCartRepository(store, store.keys),
        checkouts=RedisCheckoutRepository(store, store.keys, timedelta(minutes=30)),
        vouchers=RedisVoucherRepository(store, store.keys),
        shipping_methods=RedisShippingMethodRepository(store, store.keys),
        addresses=RedisAddressRepository(store, store.keys),
        returns=RedisReturnRepository(store, store.keys),
        endpoints=RedisEndpointRepository(store, store.keys),
        deliveries=RedisDeliveryRepository(store, store.keys),
        transfers=RedisTransferRepository(store, store.keys),
        payments=RedisPaymentRepository(store, store.keys),
        figures=RedisFigureRepository(store, store.keys),
        audit=RedisAuditRepository(store, store.keys),
        rates=store,
    )


def run(store: CountedStore, commands: Sequence[Command]) -> None:
    for start in range(0, len(commands), 5000):
        store.node.run(*commands[start : start + 5000], timeout=TIMEOUT_S)


def with_tokens(store: CountedStore, shop: Shop, user) -> Caller:
    """Signs the user in on top of many more tokens than a sign-in leaves."""
    caller, key = signed_in(shop, user), store.keys.user_tokens(user.id)
    names = [f"token-{number}-of-{user.id}" for number in range(MANY_TOKENS)]
    far = int(FAR_AWAY.timestamp() * 1000) - 1
    run(store, [("HSET", store.keys.token(name), "user", user.id, "created_at", 1) for name in names])
    run(store, [("ZADD", key, far, name) for name in names])
    return caller


def with_purchases(store: CountedStore, user) -> None:
    """Gives the user copies of the one purchase, so many that they need several steps."""
    keys = store.keys
    (first,) = store.read(("ZRANGE", keys.user_purchases(user.id), 0, 0))
    fields = store.read(("HGETALL", keys.purchase(first)))
    ids = [f"{first[:-6]}{number:06}" for number in range(MANY_PURCHASES)]
    run(store, [("HSET", keys.purchase(id), *fields, "id", id) for id in ids])
    for user_id, status in [(who, what) for who in (None, user.id) for what in (None, Status.PLACED)]:
        run(store, [("ZADD", keys.purchase_index(user_id, status), 0, id) for id in ids])


def writes_of_users(store, shop):
    ada = registered(shop, role=Role.STAFF)
    with pytest.raises(LastStaff):
        shop.users.set_role(a_request(caller=ada.id), ada.id, Role.CUSTOMER, shop.clock.now())
    registered(shop, role=Role.STAFF)
    shop.users.set_role(a_request(), ada.id, Role.CUSTOMER, shop.clock.now())
    request = a_request()
    for attempt in (request, again(request)):
        shop.users.update(attempt, ada.id, lambda u: replace(u, email="countess@x.de", version=u.version + 1), None)
    ada = shop.users.get(ada.id)
    caller = with_tokens(store, shop, ada)
    shop.users.set_password(a_request(), caller, lambda credentials: "new")
    assert shop.users.caller(caller.token, "another")
    assert shop.users.caller("token-1-of-" + ada.id, "another") is None
    shop.users.issue_token(a_request(), known(shop, ada), "t", shop.clock.now(), FAR_AWAY, "")
    shop.users.record_token_use(a_request(), caller.token, shop.clock.now())


def sign_in_and_sign_out_of_a_user_of_many_tokens(store, shop):
    ada = registered(shop)
    caller = with_tokens(store, shop, ada)
    shop.users.issue_token(a_request(), known(shop, ada), "next", shop.clock.now(), FAR_AWAY, "sealed")
    sessions = shop.users.sessions(caller, shop.clock.now())
    assert len(sessions) == 20
    shop.users.revoke_session(a_request(), caller, session_id(sessions[-1].digest), shop.clock.now())
    shop.users.revoke_tokens(a_request(), caller)
    assert shop.users.sessions(caller, shop.clock.now()) == []
    assert shop.users.caller(f"token-7-of-{ada.id}", "another") is None


def erasure_of_a_user_of_many_tokens_outcomes_and_purchases(store, shop):
    ada = registered(shop)
    products = [in_catalogue(shop, stock=MAX_OUTCOMES * 2) for _ in range(MAX_LINES)]
    for _ in range(MAX_OUTCOMES + 10):
        placed(shop, ada.id, *(units(product, 1) for product in products))
    with_purchases(store, ada)
    with_tokens(store, shop, ada)
    first = shop.users.outcomes(ada.id, MAX_PAGE_SIZE, None)
    assert len(first.results) == MAX_OUTCOMES_PAGE_SIZE
    assert len(shop.users.outcomes(ada.id, MAX_PAGE_SIZE, first.next).results) == 11
    shop.users.delete(a_request(), ada.id, None)
    assert len(shop.purchases.page(PurchaseQuery(), MAX_PAGE_SIZE, None).results) == MAX_PAGE_LINES / MAX_LINES
    steps = [shop.users.continue_erasure(a_request(), ada.id).value]
    while not steps[-1].is_complete:
        steps.append(shop.users.continue_erasure(a_request(), ada.id).value)
        assert len(steps) < 15
    assert steps[0].erased == MAX_OUTCOMES + MAX_PURCHASES
    assert store.read(("EXISTS", store.keys.user_purchases(ada.id), store.keys.user_tokens(ada.id))) == 0
    assert shop.users.pending_erasures(1).count == 0


def purchases_of_as_many_lines_as_there_may_be(store, shop):
    ada, staff = registered(shop), Caller(id="staff", role=Role.STAFF, token="")
    products = [in_catalogue(shop, stock=1) for _ in range(MAX_LINES)]
    purchase = placed(shop, ada.id, *(units(product, 1) for product in products))
    request = a_request(caller=ada.id)
    for attempt in (request, again(request)):
        with pytest.raises(InsufficientStock):
            now = shop.clock.now()
            shop.purchases.place(attempt, "another", ada.id, [units(product, 1) for product in products], now)
    assert shop.purchases.get(purchase.id, ada.id) == purchase
    for target in (Status.PAID, Status.SHIPPED, Status.DELIVERED, Status.REFUNDED):
        is_last = target is Status.REFUNDED
        shop.purchases.move(a_request(), purchase.id, target, by=staff, restock=is_last, at=shop.clock.now())


def shipments_and_returns_of_as_many_lines_as_there_may_be(store, shop):
    ada, staff = registered(shop), Caller(id="staff", role=Role.STAFF, token="")
    products = [in_catalogue(shop, stock=MAX_RETURNS) for _ in range(MAX_LINES)]
    purchase = placed(shop, ada.id, *(units(product, MAX_RETURNS) for product in products))
    one_each, now = [Units(product=product.id, quantity=1) for product in products], shop.clock.now()
    shop.purchases.move(a_request(), purchase.id, Status.PAID, by=staff, restock=False, at=now)
    for _ in range(MAX_SHIPMENTS - 1):
        shop.purchases.ship(a_request(), purchase.id, Shipment(at=now, lines=one_each), by=staff)
    assert shop.purchases.ship(a_request(), purchase.id, Shipment(at=now, lines=()), by=staff).value.shipments[-1].lines
    for _ in range(MAX_RETURNS):
        id = shop.ids.new(now)
        shop.returns.request(a_request(), id, purchase.id, one_each, "Too green.", by=staff, at=now)
        shop.returns.approve(a_request(), id, now)
        shop.returns.receive(a_request(), id, (), restock=True, by=staff, at=now)
    shop.returns.refuse(a_request(), a_return(shop, placed(shop, ada.id, units(products[0], 1))).id, now)
    assert shop.returns.get(id, ada.id).restocked
    shop.purchases.move(a_request(), purchase.id, Status.REFUNDED, by=staff, restock=True, at=now)
    run_returns = [("ZADD", store.keys.returns, 0, shop.ids.new(now)) for _ in range(MAX_PAGE_SIZE)]
    run(store, [*run_returns, *(copied(store, id, command[3]) for command in run_returns)])
    assert len(shop.returns.page(ReturnQuery(), None, MAX_PAGE_SIZE, None).results) == MAX_PAGE_SIZE


def copied(store, id, other):
    fields = store.read(("HGETALL", store.keys.return_record(id)))
    return ("HSET", store.keys.return_record(other), *fields, "id", other)


def purchases_that_are_not_paid(store, shop):
    ada, products = registered(shop), [in_catalogue(shop, stock=1) for _ in range(MAX_LINES)]
    purchase, now = placed(shop, ada.id, *(units(product, 1) for product in products)), shop.clock.now()
    due = records.milliseconds(now)
    run(store, [("HSET", store.keys.purchase(purchase.id), "pay_by", due)])
    run(store, [("ZADD", store.keys.purchases_by_pay_by, due, purchase.id)])
    assert purchase.id in shop.purchases.unpaid(now, MAX_PER_BATCH).ids
    assert shop.purchases.overdue_for(now)
    run(store, [("ZADD", store.keys.purchases_to_forget, due, purchase.id)])
    assert shop.purchases.forget_guests(a_request(), now, 50).value == 1
    (ended,) = shop.purchases.expire_all([(a_request(), purchase.id)], now)
    assert ended.value.status is Status.EXPIRED


def stocks_whose_ledgers_are_full(store, shop):
    product, buyer = in_catalogue(shop, stock=MAX_MOVEMENTS * 2), registered(shop)
    placed(shop, buyer.id, units(product, 1))
    key, movements = store.keys.product(product.id), store.keys.movements(product.id)
    taken = ("quantity", -1, "kind", "sale", "reference", "a purchase", "by", "")
    run(store, [("XADD", movements, "*", *taken) for _ in range(MAX_MOVEMENTS - 2)])
    run(store, [("HINCRBY", key, field, 2 - MAX_MOVEMENTS) for field in ("stock", "ledger")])
    shop.products.adjust_stock(a_request(), product.id, 1, None)
    assert store.read(("XLEN", movements)) == MAX_MOVEMENTS - 9
    for _ in range(9):
        shop.products.adjust_stock(a_request(), product.id, 1, None)
    purchase = placed(shop, buyer.id, units(product, 1))
    carried, stock, ledger = map(int, store.read(("HMGET", key, "carried", "stock", "ledger")))
    listed = [int(fields[1]) for _, fields in store.read(("XRANGE", movements, "-", "+"))]
    assert carried + sum(listed) == ledger == stock
    staff = Caller(id="staff", role=Role.STAFF, token="")
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=staff, restock=True, at=shop.clock.now())
    assert len(shop.products.movements(product.id, MAX_PAGE_SIZE, None).results) == MAX_PAGE_SIZE


def the_record_of_a_refused_purchase_is_small(store, shop):
    ada = registered(shop)
    products = [in_catalogue(shop, stock=0) for _ in range(MAX_LINES)]
    request = a_request(caller=ada.id, ttl_s=86_400)
    with pytest.raises(InsufficientStock):
        shop.purchases.place(request, "p", ada.id, [units(product, 9) for product in products], shop.clock.now())
    record = store.keys.request(request.idempotency_key)
    assert int(store.read(("STRLEN", record))) < 1500
    assert int(store.read(("TTL", record))) <= 600


def pages_of_users_where_many_match_at_the_far_end(store, shop):
    keys = store.keys
    users = [(f"0{number:06}", "eve" if number >= MANY_MATCHES else "ada") for number in range(MANY_USERS)]
    emails = [(id, f"{name}{id}@x.de") for id, name in users]
    one = registered(shop)
    fields = store.read(("HGETALL", keys.user(one.id)))
    run(store, [("HSET", keys.user(id), *fields, "id", id, "email", e, "email_key", e) for id, e in emails])
    run(store, [("ZADD", keys.users, 0, id) for id, _ in emails])
    run(store, [("ZADD", keys.users_by_email, 0, f"{email}\0{id}") for id, email in emails])
    found = shop.users.page("ada", MAX_PAGE_SIZE, None).results
    assert [user.id for user in found] == [f"0{MANY_MATCHES - 1 - place:06}" for place in range(MAX_PAGE_SIZE)]
    assert len(shop.users.page("ada000", MAX_PAGE_SIZE, None).results) == MAX_PAGE_SIZE
    assert len(shop.users.page("", MAX_PAGE_SIZE, None).results) == MAX_PAGE_SIZE


def products_of_as_many_words_as_there_may_be(store, shop):
    product = a_product(shop, name=LONG_NAME, company=LONG_COMPANY, category=LONG_CATEGORY, sku="Q" * 64)
    shop.products.create(a_request(), product)
    turned = {"name": LONG_CATEGORY[::-1], "company": LONG_NAME[::-1], "category": LONG_COMPANY[::-1]}
    shop.products.update(a_request(), product.id, lambda p: p.with_changes(at=p.updated_at, **turned), None)
    shop.products.get_by_sku(product.sku)
    long = {"company": LONG_COMPANY, "category": LONG_CATEGORY}
    many = [a_product(shop, name=f"{number} {LONG_NAME}"[:200], **long) for number in range(MAX_PRODUCTS)]
    shop.products.create_many(a_request(), many)
    shop.products.adjust_stock(a_request(), product.id, -product.stock, None)
    shop.products.withdraw(a_request(), product.id, None)
    for number in range(MAX_PAGE_SIZE + 1):
        in_catalogue(shop, category=f"category {number}")
    assert len(shop.products.categories(MAX_PAGE_SIZE, None).results) == MAX_PAGE_SIZE
    assert len(products_page(shop, ProductQuery(), MAX_PAGE_SIZE, None).results) == MAX_PAGE_SIZE
    query = ProductQuery(words=frozenset({"granny", "smith"}), in_stock=True, min_price=1, max_price=10**9)
    assert len(products_page(shop, query, MAX_PAGE_SIZE, None).results) == MAX_PAGE_SIZE


def api_keys_and_secrets(store, shop):
    keys = [an_api_key(shop, *Scope, networks=tuple(f"10.0.{n}.0/24" for n in range(20))) for _ in range(MAX_API_KEYS)]
    id, now = keys[0].key.id, shop.clock.now()
    assert len(shop.api_keys.page(MAX_PAGE_SIZE, None).results) == MAX_PAGE_SIZE
    shop.api_keys.roll(a_request(), id, "digest", "sealed", now, FAR_AWAY, lambda: None)
    shop.api_keys.record_use(a_request(), id, now)
    shop.api_keys.revoke(a_request(), id)
    shop.users.revoke_every_token(a_request(), shop.clock.now())
    RedisSecretSlots(store, store.keys).add(a_request(), {f"key-{number}": "sealed" for number in range(5)})


def entries_of_the_audit(store, shop):
    product = in_catalogue(shop, stock=1)
    for _ in range(MANY_ENTRIES):
        shop.products.adjust_stock(journaled(), product.id, 1, None)
    for number in range(2 * MAX_FAILURES):
        shop.audit.record_failure(journaled(), f"192.0.{number}.0/24")
    retention = Retention(age=timedelta(seconds=-60), max_entries=1)
    journal = RedisJournal(store, store.keys, SystemClock(), retention, lambda: AUDIT_KEYS)
    assert journal.count() > MAX_TRIMMED
    journal.append_checkpoint(a_request())
    assert journal.check().break_found is None
    assert journal.check().count < MANY_ENTRIES


def tokens_of_mails_at_their_limits(store, shop):
    keys, far = store.keys, int(FAR_AWAY.timestamp() * 1000)
    locators = [f"locator-{number}" for number in range(MAX_REGISTRATIONS + 50)]
    run(store, [("ZADD", keys.registrations, far - 1, locator) for locator in locators])
    email, now = "mail@x.de", shop.clock.now()
    pending = [("HSET", keys.registration(email_locator(email)), f"digest-{number}", "") for number in range(5)]
    run(store, pending)
    ada, token = registered(shop), MailToken(digest="d", sealed="sealed", created_at=now, expires_at=FAR_AWAY)
    quota = MailQuota(address_and_network="pair", address="address", network="network")
    to_be = PendingRegistration(email=email, first_name="", last_name="", password_hash="hash", expires_at=FAR_AWAY)
    shop.accounts.begin_registration(a_request(), to_be, token, quota)
    assert store.read(("HLEN", keys.registration(email_locator(email)))) == 1
    assert store.read(("ZCARD", keys.registrations)) == len(locators) + 1 - 10
    user = a_user(shop, email=email)
    shop.accounts.confirm_registration(a_request(), email_locator(email), "d", lambda _: (user, "hash"))
    shop.accounts.issue_reset(a_request(), known(shop, ada), token, quota)
    with_tokens(store, shop, ada)
    shop.accounts.reset_password(a_request(), ada.id, now, lambda _: ("d", "new"))


def calls_that_are_limited(store, shop):
    limits = [RateLimit(key=f"{number}:", interval_us=1_000_000, burst=99) for number in range(3)]
    ada = registered(shop)
    caller, issued = signed_in(shop, ada), an_api_key(shop, *Scope)
    assert shop.users.caller(caller.token, "another", limits[0]).id == ada.id
    assert shop.api_keys.credentials(issued.key.id, shop.secrets.digest(issued.secret), limits[0]).key == issued.key
    shop.rates.admit(limits)
    for number in range(MAX_KNOWN_NETWORKS + 2):
        now = shop.clock.now()
        shop.users.issue_token(
            a_request(rate_limit=limits[1]), known(shop, ada), "t", now, FAR_AWAY, "", "", f"n{number}"
        )
    assert len(known(shop, ada).networks) == MAX_KNOWN_NETWORKS


def many_ids_at_once(store, shop):
    check = ExistenceCheck(store, store.keys)
    assert len(check.missing("users", [f"missing-{number}" for number in range(2 * MAX_IDS)])) == 2 * MAX_IDS
    assert len(store.costs["ids_missing"]) == 2
    assert check.statuses("purchases", ["missing"] * MAX_IDS) == [""] * MAX_IDS


def figures_of_many_purchases_and_refusals(store, shop):
    ada, apple = registered(shop), in_catalogue(shop, stock=1)
    placed(shop, ada.id, units(apple, 1))
    with_purchases(store, ada)
    days = last_days(shop.clock.now(), MAX_DAYS)
    assert len(shop.figures.tallies(days)) == MAX_DAYS
    assert shop.figures.walk(days[0], "").last
    assert shop.figures.backlog().purchases[Status.PLACED] >= MANY_PURCHASES
    counts = {(hour, reason): 1 for hour in range(24) for reason in REFUSALS}
    for day in days:
        shop.figures.record_refusals(a_request(), day.start, {key: 1 for key in counts if key[0] == 0})
    for hour in range(1, 24):
        shop.figures.record_refusals(a_request(), days[0].start, {key: 1 for key in counts if key[0] == hour})
    assert shop.figures.refusals([day.start for day in days])[0].counts == counts


SCENES = (
    writes_of_users,
    sign_in_and_sign_out_of_a_user_of_many_tokens,
    erasure_of_a_user_of_many_tokens_outcomes_and_purchases,
    purchases_of_as_many_lines_as_there_may_be,
    stocks_whose_ledgers_are_full,
    the_record_of_a_refused_purchase_is_small,
    pages_of_users_where_many_match_at_the_far_end,
    products_of_as_many_words_as_there_may_be,
    api_keys_and_secrets,
    entries_of_the_audit,
    tokens_of_mails_at_their_limits,
    calls_that_are_limited,
    many_ids_at_once,
    figures_of_many_purchases_and_refusals,
    carts_of_as_many_lines_and_holds_as_there_may_be,
    carts_that_are_claimed_released_and_deleted,
    products_that_as_many_carts_hold_as_may,
    vouchers_on_more_pages_than_one,
    as_many_shipping_methods_as_there_may_be,
    a_cart_of_as_many_lines_as_there_may_be_with_voucher_and_shipping,
    as_many_addresses_of_a_user_as_there_may_be,
    shipments_and_returns_of_as_many_lines_as_there_may_be,
    purchases_that_are_not_paid,
    endpoints_and_deliveries_of_as_many_events_as_one_plan_takes,
    payments_of_as_many_lines_and_refunds_as_there_may_be,
    purchases_that_staff_have_taken_the_money_for,
    imports_and_exports_of_as_many_rows_and_errors_as_there_may_be,
)


@pytest.fixture(scope="module")
def costs(store: CountedStore, shop: Shop) -> Mapping[str, Cost]:
    """The highest cost of each script, after all that may be costly was done."""
    for scene in SCENES:
        scene(store, shop)
    return {name: highest(costs) for name, costs in store.costs.items()}


def highest(costs: Sequence[Cost]) -> Cost:
    return Cost(
        commands=max(cost.commands for cost in costs),
        elements=max(cost.elements for cost in costs),
        bytes=max(cost.bytes for cost in costs),
        unpacked=max(cost.unpacked for cost in costs),
        seconds=max(cost.seconds for cost in costs),
    )


def test_every_script_has_a_bound_and_was_run(costs):
    assert set(costs) == set(MAX_COSTS) == {script.name for script in shop_scripts()}


@pytest.mark.parametrize("script", MAX_COSTS)
def test_a_script_costs_no_more_than_its_bound(costs, script, record_property):
    cost, (max_commands, max_elements) = costs[script], MAX_COSTS[script]
    record_property("milliseconds", round(cost.seconds * 1000, 1))
    assert cost.commands <= max_commands
    assert cost.elements <= max_elements


#: Of a catalogue whose matches are at the far end of the order.
FEW_MATCHES, MANY_PRODUCTS = 20, 300
#: Ways to a page that read no more than a limit: constants that close other ways, the constant that is the limit, and
#: how many times it may be read. With a higher limit the way is taken here, and reads more.
LIMITED_WAYS = {
    "a scan of the order": ({"SCAN_ORDER_DIVISOR": 1, "SORT_THRESHOLD": 0}, "SCAN_ORDER_LIMIT", 3),
    "a scan of so many that cost too much": ({"SCAN_ORDER_DIVISOR": 1, "SORT_THRESHOLD": 0}, "MAX_SCAN_COST", 3),
    "an intersection": ({"SCAN_ORDER_LIMIT": 0, "SORTED_MATCH_COST": 1}, "MAX_INTERSECTION_COST", 2),
}


def with_limits(store: CountedStore, folder: Path, limits: dict[str, int]) -> CountedStore:
    """The store with scripts that have these constants."""
    shutil.copytree(str(FOLDER), folder)
    lower(folder, {"BITMAP_THRESHOLD": 3} | limits)
    return CountedStore(node=store.node, keys=store.keys, scripts=Scripts(folder))


@pytest.fixture(scope="module")
def lowered(data_node: Node, tmp_path_factory) -> CountedStore:
    """A store with a catalogue whose larger sets have bitmaps."""
    empty = CountedStore(node=data_node, keys=Keys(f"test-{uuid4()}"), scripts=shop_scripts())
    store = with_limits(empty, tmp_path_factory.mktemp("lua") / "lua", {})
    filled = replace(fake_shop(), products=RedisProductRepository(store, store.keys))
    for number in range(MANY_PRODUCTS):
        is_match = number >= MANY_PRODUCTS - FEW_MATCHES
        in_catalogue(filled, name=f"{number:03} {'rare' if is_match else 'frequent'}")
    return store


def elements_of_a_page(store: CountedStore) -> int:
    """How many elements the script of the first match by name reads."""
    shop = replace(fake_shop(), products=RedisProductRepository(store, store.keys))
    query = ProductQuery(words=frozenset({"rare"}), order=ProductOrder.NAME, descending=False)
    (found,) = products_page(shop, query, 1, None).results
    assert found.name == f"{MANY_PRODUCTS - FEW_MATCHES:03} rare"
    return highest(store.costs["product_page"]).elements


@pytest.mark.parametrize(("others", "limit", "times"), LIMITED_WAYS.values(), ids=LIMITED_WAYS)
def test_a_page_reads_no_more_than_its_limits_however_large_the_catalogue_is(lowered, tmp_path, others, limit, times):
    at_most = 10
    low = elements_of_a_page(with_limits(lowered, tmp_path / "low", {**others, limit: at_most}))
    high = elements_of_a_page(with_limits(lowered, tmp_path / "high", {**others, limit: MANY_PRODUCTS}))
    none = elements_of_a_page(with_limits(lowered, tmp_path / "none", {**others, limit: 0}))
    assert low <= none + times * at_most < high
