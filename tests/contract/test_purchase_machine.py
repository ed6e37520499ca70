"""Whatever is bought, moved, adjusted, withdrawn and repeated, in any order, the law of stock holds: stock is what was
there at first and all adjustments, less the units of purchases neither cancelled nor refunded with restock."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from shop.domain.errors import InsufficientStock, InvalidTransition, NotFound, Refusal, UnknownProduct
from shop.domain.events import EventQuery
from shop.domain.purchases import SYSTEM, TRANSITIONS, Line, Purchase, Status, merge_lines
from tests.contract.walks import forwards
from tests.samples import a_product, a_request, again, as_staff, registered

ANY = st.integers(0, 99)
STEPS = [status for status in Status if status is not Status.PLACED]


@dataclass
class Bought:
    """A purchase as the machine remembers it."""

    units: Counter[str]
    status: Status = Status.PLACED
    is_restocked: bool = False


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
            held = {id: 0 if bought.is_restocked else bought.units[product] for id, bought in self.purchases.items()}
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
        if step in TRANSITIONS[bought.status]:
            bought.status, bought.is_restocked = step, puts_back
            assert heard.status is step
        else:
            assert heard is InvalidTransition

    @precondition(lambda self: self.purchases)
    @rule(which=ANY)
    def expire(self, which):
        purchase = chosen(list(self.purchases), which)
        bought = self.purchases[purchase]
        heard = self.ask(expired_alone(self.shop), purchase, self.shop.clock.now())
        if bought.status is Status.PLACED:
            bought.status, bought.is_restocked = Status.CANCELLED, True
            assert (heard.status, heard.history[-1].by) == (Status.CANCELLED, SYSTEM)
        else:
            assert heard is InvalidTransition

    @precondition(lambda self: self.purchases)
    @rule(how_many=st.integers(1, 9))
    def look_for_unpaid(self, how_many):
        unpaid = sorted(id for id, bought in self.purchases.items() if bought.status is Status.PLACED)
        assert self.shop.purchases.unpaid(self.shop.clock.now(), how_many) == unpaid[:how_many]

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
            assert self.shop.purchases.get(id, self.buyer).status is bought.status

    def lawful_stock(self, product: str) -> int:
        sold = (bought.units[product] for bought in self.purchases.values() if not bought.is_restocked)
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


def outcome(write, request) -> Purchase | int | type[Exception] | None:
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
