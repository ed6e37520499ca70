"""Whatever is bought, moved, shipped, returned, adjusted, withdrawn and repeated, in any order, the law of stock holds:
stock is what was there at first and all adjustments, less the units of purchases that have not come back. Cancelling,
refunding and returning bring back what has not come back yet, and nothing twice."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from shop.domain.errors import (
    InsufficientStock,
    InvalidTransition,
    NotFound,
    Refusal,
    TooManyReturns,
    TooManyShipments,
    UnitsExceeded,
    UnknownProduct,
)
from shop.domain.events import EventQuery
from shop.domain.purchases import SYSTEM, TRANSITIONS, Line, Purchase, Shipment, Status, Units, merge_lines, stage
from shop.domain.returns import MAX_RETURNS, RETURNABLE, Return, ReturnStatus
from tests.contract.walks import forwards
from tests.samples import a_product, a_request, again, as_staff, registered

ANY = st.integers(0, 99)
PARTS = st.lists(st.integers(0, 4), min_size=4, max_size=4)
#: A shipment makes a purchase shipped in part, and a purchase without `pay_by` does not expire.
STEPS = [s for s in Status if s not in (Status.PLACED, Status.PARTIALLY_SHIPPED, Status.EXPIRED)]


@dataclass
class Bought:
    """A purchase as the machine remembers it: units by product that were bought, sent and back in stock."""

    units: Counter[str]
    history: list[Status] = field(default_factory=lambda: [Status.PLACED])
    sent: Counter[str] = field(default_factory=Counter)
    back: Counter[str] = field(default_factory=Counter)
    returns: list["SentBack"] = field(default_factory=list)

    @property
    def status(self) -> Status:
        return self.history[-1]

    @property
    def stage(self) -> Status:
        return stage(self.history)

    def move(self, status: Status) -> None:
        self.history.append(status)
        if status is Status.SHIPPED:
            self.sent = Counter(self.units)
        if status in (Status.REFUNDED, Status.PARTIALLY_REFUNDED):
            for each in self.returns:
                each.refund()

    def restock(self, wanted: Counter[str]) -> Counter[str]:
        """What comes back of these units: none that has come back before."""
        restored = wanted & (self.units - self.back)
        self.back += restored
        return restored

    def returnable(self) -> Counter[str]:
        left = Counter(self.sent) if self.stage in RETURNABLE else Counter()
        for each in self.returns:
            if each.status is not ReturnStatus.REFUSED:
                left.subtract(each.received or each.units)
        return left


@dataclass
class SentBack:
    """A return as the machine remembers it."""

    id: str
    units: Counter[str]
    status: ReturnStatus = ReturnStatus.REQUESTED
    received: Counter[str] = field(default_factory=Counter)

    def refund(self) -> None:
        if self.status is ReturnStatus.RECEIVED:
            self.status = ReturnStatus.REFUNDED


class PurchaseMachine(RuleBasedStateMachine):
    open_shop: Any = None

    def __init__(self):
        super().__init__()
        self.resources = ExitStack()
        self.shop = self.resources.enter_context(self.open_shop())
        self.buyer, self.staff = registered(self.shop).id, as_staff(self.shop)
        self.products, self.withdrawn, self.heard = [], set(), []
        self.stocked: Counter[str] = Counter()
        self.purchases: dict[str, Bought] = {}

    def teardown(self):
        with self.resources:
            self.movements_and_events_are_those_of_the_changes()

    def movements_and_events_are_those_of_the_changes(self):
        purchases = [self.shop.purchases.get(id, self.buyer) for id in self.purchases]
        for product in self.products:
            moved = Counter()
            for movement in forwarded(lambda position, id=product: self.shop.products.movements(id, 100, position)):
                moved[movement.reference] += movement.quantity
            assert sum(moved.values()) == self.lawful_stock(product)
            held = {id: each.units[product] - each.back[product] for id, each in self.purchases.items()}
            assert {id: -moved[id] for id in held} == held
        emitted = forwarded(lambda position: self.shop.events.page(EventQuery(), 100, position))
        states = [(event.object, event.type) for event in emitted if event.type.startswith("purchase.")]
        assert Counter(states) == Counter((each.id, f"purchase.{e.status}") for each in purchases for e in each.history)

    @rule(stock=st.integers(0, 9))
    def create_product(self, stock):
        product = self.ask(self.shop.products.create, a_product(self.shop, stock=stock))
        self.products.append(product.id)
        self.stocked[product.id] = stock

    @precondition(lambda self: self.products)
    @rule(which=ANY, delta=st.integers(-9, 9))
    def adjust_stock(self, which, delta):
        product = chosen(self.products, which)
        heard = self.ask(self.shop.products.adjust_stock, product, delta, None)
        if product in self.withdrawn:
            assert heard is NotFound
        elif self.lawful_stock(product) + delta < 0:
            assert heard is InsufficientStock
        else:
            self.stocked[product] += delta
            assert heard == self.lawful_stock(product)

    @precondition(lambda self: self.products)
    @rule(which=ANY)
    def withdraw(self, which):
        product = chosen(self.products, which)
        heard = self.ask(self.shop.products.withdraw, product, None)
        assert heard is (NotFound if product in self.withdrawn else None)
        self.withdrawn.add(product)

    @precondition(lambda self: self.products)
    @rule(basket=st.lists(st.tuples(ANY, st.integers(1, 4)), min_size=1, max_size=4))
    def place(self, basket):
        lines = merge_lines(
            [Line(product=chosen(self.products, which), quantity=quantity) for which, quantity in basket]
        )
        now = self.shop.clock.now()
        heard = self.ask(self.shop.purchases.place, self.shop.ids.new(now), self.buyer, lines, now)
        if any(line.product in self.withdrawn for line in lines):
            assert heard is UnknownProduct
        elif any(line.quantity > self.lawful_stock(line.product) for line in lines):
            assert heard is InsufficientStock
        else:
            self.purchases[heard.id] = Bought(Counter({line.product: line.quantity for line in lines}))

    @precondition(lambda self: self.purchases)
    @rule(which=ANY, step=st.sampled_from(STEPS), restock=st.booleans())
    def move(self, which, step, restock):
        purchase = chosen(list(self.purchases), which)
        bought, now = self.purchases[purchase], self.shop.clock.now()
        puts_back = step is Status.CANCELLED or (step is Status.REFUNDED and restock)
        heard = self.ask(self.shop.purchases.move, purchase, step, by=self.staff, restock=puts_back, at=now)
        if step in TRANSITIONS[bought.stage]:
            bought.move(step)
            if puts_back:
                bought.restock(bought.units)
            assert heard.status is step
        else:
            assert heard is InvalidTransition

    @precondition(lambda self: self.purchases)
    @rule(which=ANY, parts=PARTS)
    def ship(self, which, parts):
        purchase = chosen(list(self.purchases), which)
        bought = self.purchases[purchase]
        wanted, left = some_of(bought.units, parts), bought.units - bought.sent
        shipment = Shipment(at=self.shop.clock.now(), lines=lines_of(wanted), carrier="Post", tracking="1")
        heard = self.ask(self.shop.purchases.ship, purchase, shipment, by=self.staff)
        if bought.stage not in (Status.PAID, Status.PARTIALLY_SHIPPED):
            assert heard is InvalidTransition
        elif not wanted <= left:
            assert heard is UnitsExceeded
        elif heard is not TooManyShipments:
            bought.sent += wanted or left
            bought.move(Status.SHIPPED if bought.sent == bought.units else Status.PARTIALLY_SHIPPED)
            assert heard.status is bought.status

    @precondition(lambda self: self.purchases)
    @rule(which=ANY, parts=PARTS)
    def ask_to_return(self, which, parts):
        purchase = chosen(list(self.purchases), which)
        bought, now = self.purchases[purchase], self.shop.clock.now()
        wanted = some_of(bought.units, parts) or Counter(bought.units)
        request = self.shop.returns.request
        heard = self.ask(
            request, self.shop.ids.new(now), purchase, lines_of(wanted), "Too green.", by=self.staff, at=now
        )
        if len(bought.returns) == MAX_RETURNS:
            assert heard is TooManyReturns
        elif any(bought.returnable()[product] < units for product, units in wanted.items()):
            assert heard is UnitsExceeded
        else:
            bought.returns.append(SentBack(heard.id, wanted))

    @precondition(lambda self: any(bought.returns for bought in self.purchases.values()))
    @rule(which=ANY, is_approved=st.booleans())
    def decide_on_a_return(self, which, is_approved):
        target = ReturnStatus.APPROVED if is_approved else ReturnStatus.REFUSED
        _, sent_back = chosen(self.returns(), which)
        decide = self.shop.returns.approve if is_approved else self.shop.returns.refuse
        heard = self.ask(decide, sent_back.id, self.shop.clock.now())
        is_open = sent_back.status in (ReturnStatus.REQUESTED, ReturnStatus.APPROVED)
        if is_open and sent_back.status is not target:
            sent_back.status = target
            assert heard.status is target
        else:
            assert heard is InvalidTransition

    @precondition(lambda self: any(bought.returns for bought in self.purchases.values()))
    @rule(which=ANY, parts=PARTS, restock=st.booleans())
    def receive(self, which, parts, restock):
        bought, sent_back = chosen(self.returns(), which)
        wanted, now = some_of(sent_back.units, parts), self.shop.clock.now()
        receive = self.shop.returns.receive
        heard = self.ask(receive, sent_back.id, lines_of(wanted), restock=restock, by=self.staff, at=now)
        if sent_back.status is not ReturnStatus.APPROVED:
            assert heard is InvalidTransition
            return
        sent_back.status, sent_back.received = ReturnStatus.RECEIVED, wanted or sent_back.units
        if bought.status is Status.REFUNDED:
            sent_back.refund()
        assert heard.status is sent_back.status
        restored = bought.restock(sent_back.received) if restock else Counter()
        assert Counter({line.product: line.quantity for line in heard.restocked}) == restored

    def returns(self) -> list[tuple[Bought, SentBack]]:
        return [(bought, each) for bought in self.purchases.values() for each in bought.returns]

    @precondition(lambda self: self.purchases)
    @rule(which=ANY)
    def expire(self, which):
        purchase = chosen(list(self.purchases), which)
        bought = self.purchases[purchase]
        heard = self.ask(expired_alone(self.shop), purchase, self.shop.clock.now())
        if bought.status is Status.PLACED:
            bought.move(Status.CANCELLED)
            bought.restock(bought.units)
            assert (heard.status, heard.history[-1].by) == (Status.CANCELLED, SYSTEM)
        else:
            assert heard is InvalidTransition

    @precondition(lambda self: self.purchases)
    @rule(how_many=st.integers(1, 9))
    def look_for_unpaid(self, how_many):
        unpaid = sorted(id for id, bought in self.purchases.items() if bought.status is Status.PLACED)
        now = self.shop.clock.now()
        assert self.shop.purchases.unpaid(now, how_many).ids == unpaid[:how_many]

    @precondition(lambda self: self.heard)
    @rule(which=ANY)
    def repeat(self, which):
        write, request, first = chosen(self.heard, which)
        assert outcome(write, again(request)) == first

    @invariant()
    def the_law_of_stock_holds(self):
        for product in set(self.products) - self.withdrawn:
            assert self.shop.products.get(product).stock == self.lawful_stock(product) >= 0

    @invariant()
    def every_purchase_is_where_it_was_moved(self):
        for id, bought in self.purchases.items():
            assert [event.status for event in self.shop.purchases.get(id, self.buyer).history] == bought.history

    @invariant()
    def every_return_is_where_it_was_moved(self):
        for _, sent_back in self.returns():
            assert self.shop.returns.get(sent_back.id, self.buyer).status is sent_back.status

    def lawful_stock(self, product: str) -> int:
        sold = (bought.units[product] - bought.back[product] for bought in self.purchases.values())
        return self.stocked[product] - sum(sold)

    def ask(self, method, *args, **kwargs):
        """What a new request comes to; a refusal's class in the place of a value. Outcomes are kept for repeats."""

        def write(request):
            return method(request, *args, **kwargs).value

        request = a_request()
        heard = outcome(write, request)
        if heard is not NotFound:
            self.heard.append((write, request, heard))
        return heard


def some_of(units: Counter[str], parts: list[int]) -> Counter[str]:
    """So many units of each product, never more of one than there are: none where all parts are 0."""
    each = zip(sorted(units), parts, strict=False)
    return Counter({product: min(part, units[product]) for product, part in each if part})


def lines_of(units: Counter[str]) -> list[Units]:
    return [Units(product=product, quantity=quantity) for product, quantity in units.items()]


def forwarded(page_at) -> list:
    """All entries of a list."""
    return [entry for page in forwards(page_at) for entry in page.results]


def expired_alone(shop):
    """Expires one purchase, and raises what would take the place of its outcome."""

    def expire(request, id, at):
        (result,) = shop.purchases.expire_all([(request, id)], at)
        if isinstance(result, Exception):
            raise result
        return result

    return expire


def outcome(write, request) -> Purchase | Return | int | type[Exception] | None:
    try:
        return write(request)
    except (Refusal, NotFound) as refusal:
        return type(refusal)


def chosen(among: list, which: int):
    return among[which % len(among)]


def test_the_law_of_stock_holds_through_any_history(open_shop):
    class Machine(PurchaseMachine):
        pass

    Machine.open_shop = staticmethod(open_shop)
    run_state_machine_as_test(Machine, settings=settings(max_examples=60, stateful_step_count=40))
