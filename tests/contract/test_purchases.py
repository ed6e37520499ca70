from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.callers import Caller, Role
from shop.domain.errors import (
    InsufficientStock,
    Invalid,
    InvalidTransition,
    MixedCurrencies,
    NotFound,
    Refusal,
    Shortage,
    UnknownProduct,
)
from shop.domain.money import Money
from shop.domain.products import ProductQuery
from shop.domain.purchases import TRANSITIONS, Event, Item, Line, Purchase, PurchaseQuery, Sales, Status
from tests.contract.walks import backwards, forwards, there_and_back
from tests.samples import a_request, again, euros, in_catalogue, placed, products_page, registered, units

NOTHING = "01900000-0000-7000-8000-000000000000"
IN_STOCK = ProductQuery(in_stock=True)
STAFF = Caller(id="somebody-of-the-staff", role=Role.STAFF, token="t")
ROADS = {
    Status.PLACED: [],
    Status.PAID: [Status.PAID],
    Status.PARTIALLY_SHIPPED: [Status.PAID, Status.PARTIALLY_SHIPPED],
    Status.SHIPPED: [Status.PAID, Status.SHIPPED],
    Status.DELIVERED: [Status.PAID, Status.SHIPPED, Status.DELIVERED],
    Status.EXPIRED: [Status.EXPIRED],
    Status.CANCELLED: [Status.CANCELLED],
    Status.PARTIALLY_REFUNDED: [Status.PAID, Status.PARTIALLY_REFUNDED],
    Status.REFUNDED: [Status.PAID, Status.REFUNDED],
}


@pytest.fixture
def buyer(shop):
    return registered(shop)


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=10, price=euros("1.20"))


@pytest.fixture
def pear(shop):
    return in_catalogue(shop, sku="PEAR", name="Conférence", stock=5, price=euros("0.35"))


def move(shop, purchase, target, by=STAFF, restock=None):
    units_return = target is Status.CANCELLED if restock is None else restock
    now = shop.clock.now()
    return shop.purchases.move(a_request(), purchase.id, target, by=by, restock=units_return, at=now).value


def brought_to(shop, purchase, status):
    for step in ROADS[status]:
        purchase = move(shop, purchase, step)
    return purchase


def customer(user):
    return Caller(id=user.id, role=Role.CUSTOMER, token="t")


def stock(shop, product):
    return shop.products.get(product.id).stock


def listed(shop, **query):
    return [purchase.id for purchase in shop.purchases.page(PurchaseQuery(**query), 100, None).results]


def test_a_purchase_copies_what_its_products_are_called_and_cost(shop, buyer, apple, pear):
    now = shop.clock.now()
    id = shop.ids.new(now)
    lines = [units(pear, 3), units(apple, 2)]
    purchase = shop.purchases.place(a_request(), id, buyer.id, lines, now).value
    first, second = purchase.items
    assert first == Item(
        product=pear.id, sku="PEAR", name="Conférence", unit_price=euros("0.35"), quantity=3, line_total=euros("1.05")
    )
    assert (second.product, second.line_total) == (apple.id, euros("2.40"))
    assert replace(purchase, items=()) == Purchase(
        id=id,
        user=buyer.id,
        status=Status.PLACED,
        items=(),
        total=euros("3.45"),
        created_at=now,
        updated_at=now,
        version=1,
        history=(Event(status=Status.PLACED, at=now, by=buyer.id),),
    )


def test_a_purchase_is_read_as_it_was_placed(shop, buyer, apple):
    purchase = placed(shop, buyer.id, units(apple, 2))
    assert shop.purchases.get(purchase.id, None) == shop.purchases.get(purchase.id, buyer.id) == purchase


def test_a_purchase_keeps_its_copies_when_its_products_change_and_go(shop, buyer, apple):
    purchase = placed(shop, buyer.id, units(apple, 2))
    shop.products.update(
        a_request(), apple.id, lambda p: p.with_changes(at=p.updated_at, name="New", price=euros("9")), None
    )
    shop.products.withdraw(a_request(), apple.id, None)
    assert shop.purchases.get(purchase.id, None) == purchase


def test_units_are_taken_from_stock(shop, buyer, apple, pear):
    placed(shop, buyer.id, units(apple, 10), units(pear, 1))
    assert (stock(shop, apple), stock(shop, pear)) == (0, 4)
    assert shop.products.get(apple.id).version == 1


def test_another_currency_has_its_own_minor_units(shop, buyer):
    tea = in_catalogue(shop, price=Money.parse("1.250", "KWD"))
    assert placed(shop, buyer.id, units(tea, 3)).total == Money.parse("3.750", "KWD")


def test_what_costs_nothing_is_bought_for_nothing(shop, buyer):
    assert placed(shop, buyer.id, units(in_catalogue(shop, price=euros("0")), 3)).total == euros("0")


def test_every_unknown_product_is_named(shop, buyer, apple, pear):
    shop.products.withdraw(a_request(), pear.id, None)
    lines = [Line(product=NOTHING, quantity=1), units(apple, 99), units(pear, 1)]
    with pytest.raises(UnknownProduct) as refused:
        placed(shop, buyer.id, *lines)
    assert refused.value.products == (NOTHING, pear.id)


def test_every_currency_of_a_mixture_is_named(shop, buyer, apple):
    yens = [in_catalogue(shop, price=Money(minor=1, currency=code)) for code in ("JPY", "CHF", "JPY")]
    with pytest.raises(MixedCurrencies) as refused:
        placed(shop, buyer.id, units(apple, 99), *(units(product, 1) for product in yens))
    assert refused.value.currencies == ("CHF", "EUR", "JPY")


def test_every_shortage_is_named_and_nothing_is_taken(shop, buyer, apple, pear):
    plum = in_catalogue(shop, stock=0)
    with pytest.raises(InsufficientStock) as refused:
        placed(shop, buyer.id, units(pear, 6), units(apple, 10), units(plum, 1))
    assert refused.value.shortages == (
        Shortage(product=pear.id, requested=6, available=5),
        Shortage(product=plum.id, requested=1, available=0),
    )
    assert (stock(shop, apple), stock(shop, pear)) == (10, 5)
    assert listed(shop) == listed(shop, user=buyer.id) == []


def test_lines_of_one_product_are_one(shop, buyer):
    product = in_catalogue(shop, stock=10)
    lines, now = [Line(product=product.id, quantity=6), Line(product=product.id, quantity=4)], shop.clock.now()
    with pytest.raises(InsufficientStock) as refused:
        shop.purchases.place(a_request(), shop.ids.new(now), buyer.id, [*lines, *lines], now)
    assert refused.value.shortages == (Shortage(product=product.id, requested=20, available=10),)
    bought = shop.purchases.place(a_request(), shop.ids.new(now), buyer.id, lines, now).value
    assert [item.quantity for item in bought.items] == [10]
    assert products_page(shop, IN_STOCK, 10, None).results == []


def test_a_total_that_cannot_be_counted_exactly_is_refused(shop, buyer):
    dear = in_catalogue(shop, stock=10_000, price=Money(minor=10**12 - 1, currency="EUR"))
    with pytest.raises(Invalid) as refused:
        placed(shop, buyer.id, units(dear, 9_008))
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [("/items", "total-too-large")]
    assert stock(shop, dear) == 10_000


def test_the_largest_total_is_exact(shop, buyer):
    price = 2**53 // 9_007
    dear = in_catalogue(shop, stock=9_007, price=Money(minor=price, currency="EUR"))
    rest = in_catalogue(shop, stock=1, price=Money(minor=2**53 - 1 - price * 9_007, currency="EUR"))
    assert placed(shop, buyer.id, units(dear, 9_007), units(rest, 1)).total.minor == 2**53 - 1


def test_nobody_buys_nothing(shop, apple):
    with pytest.raises(NotFound):
        placed(shop, NOTHING, units(apple, 1))
    assert stock(shop, apple) == 10


def test_a_hundred_products_are_bought_at_once(shop, buyer):
    products = [in_catalogue(shop, stock=2, price=Money(minor=number, currency="EUR")) for number in range(100)]
    assert placed(shop, buyer.id, *(units(product, 2) for product in products)).total == euros("99.00")


def test_of_many_who_buy_the_last_unit_at_once_one_gets_it(shop, buyer):
    last = in_catalogue(shop, stock=1)

    def buy(number):
        try:
            return placed(shop, buyer.id, units(last, 1)).status
        except InsufficientStock as refused:
            return refused.shortages[0].available

    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(buy, range(12)))
    assert sorted(outcomes, key=str) == [0] * 11 + [Status.PLACED]
    assert len(listed(shop)) == 1


@pytest.mark.parametrize("source", Status)
@pytest.mark.parametrize("target", Status)
def test_a_purchase_moves_where_it_may_and_nowhere_else(shop, buyer, apple, source, target):
    purchase = brought_to(shop, placed(shop, buyer.id, units(apple, 1)), source)
    if target in TRANSITIONS[purchase.stage]:
        assert move(shop, purchase, target).status is target
    else:
        with pytest.raises(InvalidTransition) as refused:
            move(shop, purchase, target)
        assert (refused.value.source, refused.value.target) == (source, target)
        assert refused.value.allowed == tuple(TRANSITIONS[purchase.stage])
        assert shop.purchases.get(purchase.id, None) == purchase


def test_a_step_is_the_next_version_with_its_event_behind_the_others(shop, buyer, apple):
    purchase = placed(shop, buyer.id, units(apple, 1))
    now = shop.clock.now()
    paid = shop.purchases.move(a_request(), purchase.id, Status.PAID, by=STAFF, restock=False, at=now).value
    step = Event(status=Status.PAID, at=now, by=STAFF.id)
    history = (*purchase.history, step)
    assert paid == replace(purchase, status=Status.PAID, updated_at=now, version=2, history=history)
    assert paid == shop.purchases.get(purchase.id, None)


@pytest.mark.parametrize("restock", [True, False])
@pytest.mark.parametrize("source", [Status.PAID, Status.SHIPPED, Status.DELIVERED])
def test_a_refund_puts_units_back_only_with_restock(shop, buyer, apple, source, restock):
    purchase = brought_to(shop, placed(shop, buyer.id, units(apple, 4)), source)
    move(shop, purchase, Status.REFUNDED, restock=restock)
    assert stock(shop, apple) == (10 if restock else 6)


def test_a_cancelled_purchases_units_may_be_bought_again(shop, buyer):
    last = in_catalogue(shop, stock=1)
    move(shop, placed(shop, buyer.id, units(last, 1)), Status.CANCELLED)
    assert [p.id for p in products_page(shop, IN_STOCK, 9, None).results] == [last.id]
    assert placed(shop, buyer.id, units(last, 1)).status is Status.PLACED
    assert products_page(shop, IN_STOCK, 9, None).results == []


def test_a_withdrawn_products_units_go_back_and_leave_it_withdrawn(shop, buyer, apple, pear):
    purchase = placed(shop, buyer.id, units(apple, 4), units(pear, 2))
    shop.products.withdraw(a_request(), apple.id, None)
    assert move(shop, purchase, Status.CANCELLED).status is Status.CANCELLED
    assert stock(shop, pear) == 5
    assert [p.id for p in products_page(shop, IN_STOCK, 9, None).results] == [pear.id]
    with pytest.raises(NotFound):
        shop.products.get(apple.id)


def test_of_many_who_cancel_at_once_one_puts_the_units_back(shop, buyer, apple):
    purchase = placed(shop, buyer.id, units(apple, 4))
    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(lambda _: outcome_of(move, shop, purchase, Status.CANCELLED), range(12)))
    assert sorted(outcomes) == ["InvalidTransition"] * 11 + ["Purchase"]
    assert stock(shop, apple) == 10


def test_of_cancelling_and_shipping_at_once_one_wins(shop, buyer, apple):
    paid = brought_to(shop, placed(shop, buyer.id, units(apple, 4)), Status.PAID)
    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(lambda to: outcome_of(move, shop, paid, to), [Status.CANCELLED, Status.SHIPPED]))
    assert sorted(outcomes) == ["InvalidTransition", "Purchase"]
    assert stock(shop, apple) == (10 if outcomes[0] == "Purchase" else 6)


def outcome_of(write, *args):
    try:
        return type(write(*args)).__name__
    except Refusal as refusal:
        return type(refusal).__name__


def test_a_customer_moves_their_own(shop, buyer, apple):
    purchase = placed(shop, buyer.id, units(apple, 1))
    assert move(shop, purchase, Status.CANCELLED, by=customer(buyer)).history[-1].by == buyer.id


def test_somebody_elses_purchase_is_not_found(shop, buyer, apple):
    purchase = placed(shop, buyer.id, units(apple, 1))
    stranger = registered(shop)
    with pytest.raises(NotFound):
        shop.purchases.get(purchase.id, stranger.id)
    with pytest.raises(NotFound):
        move(shop, purchase, Status.CANCELLED, by=customer(stranger))
    assert shop.purchases.get(purchase.id, buyer.id) == purchase


def test_an_unknown_purchase_is_not_found(shop, buyer):
    with pytest.raises(NotFound):
        shop.purchases.get(NOTHING, None)
    with pytest.raises(NotFound):
        shop.purchases.move(a_request(), NOTHING, Status.PAID, by=STAFF, restock=False, at=shop.clock.now())


@pytest.fixture(scope="module")
def filled(open_shop):
    """A shop, its buyers, and their purchases, oldest first, in every status."""
    with open_shop() as shop:
        apple = in_catalogue(shop, stock=1000)
        buyers = [registered(shop).id for _ in range(3)]
        yield shop, buyers, [_nth(shop, buyers, apple, number) for number in range(40)]


def _nth(shop, buyers, apple, number):
    purchase = placed(shop, buyers[number % 2], units(apple, 1 + number % 3))
    return brought_to(shop, purchase, list(Status)[number % len(Status)])


@given(
    buyer=st.none() | st.integers(0, 2),
    status=st.none() | st.sampled_from(Status),
    descending=st.booleans(),
    size=st.integers(1, 25),
)
def test_every_query_lists_what_it_asks_for_in_its_order(filled, buyer, status, descending, size):
    shop, buyers, purchases = filled
    user = None if buyer is None else buyers[buyer]
    query = PurchaseQuery(user=user, status=status, descending=descending)
    expected = [p for p in purchases if user in (None, p.user) and status in (None, p.status)]
    found = there_and_back(lambda position: shop.purchases.page(query, size, position), size)
    assert found == (expected[::-1] if descending else expected)


def test_a_purchase_is_listed_in_the_status_that_it_has(shop, buyer, apple):
    purchase = placed(shop, buyer.id, units(apple, 1))
    seen = []
    for step in (Status.PLACED, Status.PAID, Status.SHIPPED, Status.DELIVERED, Status.REFUNDED):
        if step is not Status.PLACED:
            move(shop, purchase, step)
        seen.append([status for status in Status if listed(shop, status=status)])
        assert listed(shop, status=step, user=buyer.id) == [purchase.id]
    assert seen == [["placed"], ["paid"], ["shipped"], ["delivered"], ["refunded"]]


@pytest.mark.parametrize("descending", [False, True])
def test_pages_of_purchases_of_many_lines_end_early_and_list_all(shop, descending):
    ada, products = registered(shop), [in_catalogue(shop, stock=100) for _ in range(100)]
    made = [placed(shop, ada.id, *(units(product, 1) for product in products)).id for _ in range(45)]
    query = PurchaseQuery(user=ada.id, descending=descending)
    there = forwards(lambda position: shop.purchases.page(query, 50, position))
    back = backwards(lambda position: shop.purchases.page(query, 50, position), there[-1])
    for pages in (there, [*back, there[-1]]):
        listed = [purchase.id for page in pages for purchase in page.results]
        assert listed == (made[::-1] if descending else made)


@pytest.mark.parametrize("descending", [False, True])
def test_a_page_of_purchases_holds_still_while_others_come_and_move(shop, buyer, apple, descending):
    purchases = [placed(shop, buyer.id, units(apple, 1)) for _ in range(6)]
    in_order = purchases[::-1] if descending else purchases
    query = PurchaseQuery(status=Status.PLACED, descending=descending)
    first = shop.purchases.page(query, 2, None)
    placed(shop, buyer.id, units(apple, 1))
    for moved in (in_order[0], in_order[1], in_order[3]):
        move(shop, moved, Status.PAID)
    later = forwards(lambda position: shop.purchases.page(query, 2, position or first.next))
    rest = [purchase for page in later for purchase in page.results]
    assert [purchase for purchase in rest if purchase in purchases] == [in_order[2], in_order[4], in_order[5]]


def test_sales_are_counted_all_of_them_and_from_an_instant_on(shop, buyer, apple):
    assert shop.purchases.sales(shop.clock.now()) == Sales(total=0, recent=0)
    placed(shop, buyer.id, units(apple, 1))
    between = shop.clock.now()
    for _ in range(2):
        placed(shop, buyer.id, units(apple, 1))
    assert shop.purchases.sales(between) == Sales(total=3, recent=2)
    assert shop.purchases.sales(shop.clock.now()) == Sales(total=3, recent=0)


def test_a_line_by_sku_buys_the_product_that_has_the_sku(shop, buyer, apple):
    purchase = placed(shop, buyer.id, Line(sku="APPLE", quantity=3))
    assert [(item.product, item.sku, item.quantity) for item in purchase.items] == [(apple.id, "APPLE", 3)]
    assert stock(shop, apple) == 7


def test_a_line_by_sku_and_a_line_by_id_of_one_product_are_summed(shop, buyer, apple, pear):
    lines = [Line(sku="APPLE", quantity=4), units(pear, 1), units(apple, 6), Line(sku="APPLE", quantity=1)]
    with pytest.raises(InsufficientStock) as refused:
        placed(shop, buyer.id, *lines)
    assert refused.value.shortages == (Shortage(product=apple.id, requested=11, available=10),)
    purchase = placed(shop, buyer.id, *lines[:-1])
    assert [(item.product, item.quantity) for item in purchase.items] == [(apple.id, 10), (pear.id, 1)]
    assert (stock(shop, apple), stock(shop, pear)) == (0, 4)


def test_the_sku_of_a_withdrawn_product_buys_the_product_that_has_it_now(shop, buyer, apple):
    shop.products.withdraw(a_request(), apple.id, None)
    successor = in_catalogue(shop, sku="APPLE")
    assert [item.product for item in placed(shop, buyer.id, Line(sku="APPLE", quantity=1)).items] == [successor.id]


def test_an_unknown_sku_is_named_even_where_it_is_the_id_of_a_product(shop, buyer, apple):
    lines = [Line(sku=apple.id, quantity=1), Line(product=NOTHING, quantity=1), Line(sku="NONE", quantity=1)]
    with pytest.raises(UnknownProduct) as refused:
        placed(shop, buyer.id, *lines)
    assert (refused.value.products, refused.value.skus) == ((NOTHING,), (apple.id, "NONE"))


def test_a_replay_of_a_refused_purchase_by_sku_returns_its_shortages(shop, buyer, apple):
    lines, now, request = [Line(sku="APPLE", quantity=99)], shop.clock.now(), a_request()
    id = shop.ids.new(now)
    refusals = []
    for attempt in (request, again(request)):
        with pytest.raises(InsufficientStock) as refused:
            shop.purchases.place(attempt, id, buyer.id, lines, now)
        refusals.append(refused.value.shortages)
    assert refusals == [(Shortage(product=apple.id, requested=99, available=10),)] * 2
