"""Buys carts, pays them by the fake provider, and does what follows: the steps of customers and staff, one after the
other. What a former run has done is found by the statuses of purchase and return, and what is left is done."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shop.domain.batches import NotDue
from shop.domain.callers import Caller, Role
from shop.domain.errors import InvalidTransition, NotFound
from shop.domain.payments import PaymentStatus
from shop.domain.ports import Shop
from shop.domain.purchases import SYSTEM, Purchase, Shipment, Status, Units
from shop.domain.returns import Return
from shop.domain.surroundings import Clock
from shop.payments.fake import FakeProvider, Token
from shop.seeding.fates import Fate, Step, steps_left
from shop.seeding.filling import Filler
from shop.seeding.ids import related_id
from shop.seeding.plan import OpenCart, Order
from shop.seeding.requests import seeding_request
from shop.services.payments import PaymentOrder, payment_begin, purchase_pay_back, purchase_refund_amount

#: How long what is not paid yet may wait: longer than seeding takes, so that it goes on where it was stopped.
PAY_WITHIN = timedelta(days=1)
#: Of each step, how many times the pace of its order after the checkout it comes.
_PACES: Mapping[Step, int] = {
    Step.PAY: 0,
    Step.DECLINE: 0,
    Step.EXPIRE: 1,
    Step.CANCEL: 1,
    Step.SHIP_PART: 1,
    Step.SHIP: 1,
    Step.DELIVER: 3,
    Step.REFUND_PART: 5,
    Step.ASK: 5,
    Step.REFUSE: 6,
    Step.APPROVE: 6,
    Step.RECEIVE: 9,
    Step.REFUND: 10,
}
CARRIER, REASON = "Evergreen Post", "It is not what I expected."


@dataclass(frozen=True, slots=True)
class _Then(Clock):
    """A clock that stands at an instant of the past."""

    at: datetime

    def now(self) -> datetime:
        return self.at


class Buyer:
    """Buys in one shop, which has the fake provider."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._filler = Filler(shop)
        self._staff = Caller(id=SYSTEM, role=Role.STAFF, token="")
        self._steps: Mapping[Step, Callable[[Order, Shop], object]] = {
            Step.PAY: self._pay,
            Step.DECLINE: self._decline,
            Step.EXPIRE: self._expire,
            Step.CANCEL: self._cancel,
            Step.SHIP_PART: self._ship_part,
            Step.SHIP: self._ship,
            Step.DELIVER: self._deliver,
            Step.REFUND_PART: self._refund_part,
            Step.ASK: self._ask,
            Step.REFUSE: self._refuse,
            Step.APPROVE: self._approve,
            Step.RECEIVE: self._receive,
            Step.REFUND: self._refund,
        }

    def carry_out(self, order: Order) -> None:
        """Do what is left of an order.

        Raises:
            ShopError: the shop refuses to sell it.
            Unavailable.
        """
        purchase = self._purchase(order)
        if purchase is None:
            self._check_out(order)
        for step in steps_left(order.fate, purchase.status if purchase else "", self._return_status(order, purchase)):
            # Where another one was faster, such as the expiry of unpaid purchases, the next step finds it done.
            with suppress(InvalidTransition):
                self._steps[step](order, self._shop_at(order, step))

    def fill(self, cart: OpenCart) -> None:
        """Fill an open cart; hold it, or buy it without paying, where it says so.

        Raises:
            ShopError: the shop refuses it.
            Unavailable.
        """
        caller = self._filler.fill_open(cart)
        if cart.hold:
            self._filler.hold(cart, caller)
        if cart.method:
            now = self._shop.clock.now()
            request = seeding_request(f"{cart.id}:check-out")
            bought = self._shop.checkouts.check_out(request, self._shop.ids.new(now), cart.id, caller, now).value
            self._begin(self._shop, bought.id, cart.method, is_captured_later=cart.is_captured_later)

    def _purchase(self, order: Order) -> Purchase | None:
        try:
            return self._shop.purchases.get(order.placement.id, None)
        except NotFound:
            return None

    def _return_status(self, order: Order, purchase: Purchase | None) -> str:
        if purchase is None or Step.ASK not in steps_left(order.fate, "", ""):
            return ""
        try:
            return self._return(order).status
        except NotFound:
            return ""

    def _return(self, order: Order) -> Return:
        return self._shop.returns.get(return_id(order.placement.id), None)

    def _check_out(self, order: Order) -> None:
        placement = order.placement
        cart = related_id(placement.id, "cart")
        self._filler.fill(cart, order)
        pay_within = timedelta() if order.fate is Fate.EXPIRED else PAY_WITHIN
        caller = self._filler.caller(cart, placement.user)
        request = seeding_request(f"{placement.id}:check-out")
        self._shop.checkouts.check_out(request, placement.id, cart, caller, placement.at, pay_within)

    def _shop_at(self, order: Order, step: Step) -> Shop:
        """The shop at the instant of the step."""
        return replace(self._shop, clock=_Then(order.placement.at + order.pace * _PACES[step]))

    def _begin(self, shop: Shop, purchase: str, method: str, *, is_captured_later: bool = False) -> None:
        order = PaymentOrder(
            provider=FakeProvider.name, method=method, return_url="", is_captured_later=is_captured_later
        )
        request = seeding_request(f"{purchase}:payment:{method}")
        payment_begin(shop=shop, request=request, caller=None, purchase=purchase, order=order)

    def _pay(self, order: Order, shop: Shop) -> None:
        self._begin(shop, order.placement.id, order.method)

    def _decline(self, order: Order, shop: Shop) -> None:
        payments = shop.payments.of_purchase(order.placement.id, None)
        if all(payment.status is not PaymentStatus.FAILED for payment in payments):
            self._begin(shop, order.placement.id, Token.DECLINE)

    def _expire(self, order: Order, shop: Shop) -> None:
        id, now = order.placement.id, max(shop.clock.now(), self._shop.clock.now())
        [outcome] = shop.purchases.expire_all([(seeding_request(f"{id}:expire"), id)], now)
        # By a clock that is behind it may not be due yet: then it expires by itself.
        if isinstance(outcome, Exception) and not isinstance(outcome, NotDue):
            raise outcome

    def _cancel(self, order: Order, shop: Shop) -> None:
        self._move(order, shop, Status.CANCELLED)

    def _ship_part(self, order: Order, shop: Shop) -> None:
        first = order.placement.lines[0]
        self._send(order, shop, [Units(product=first.product, quantity=1)])

    def _ship(self, order: Order, shop: Shop) -> None:
        self._send(order, shop, ())

    def _send(self, order: Order, shop: Shop, lines: Sequence[Units]) -> None:
        id = order.placement.id
        shipment = Shipment(at=shop.clock.now(), lines=lines, carrier=CARRIER, tracking=f"EG{id[-9:].upper()}")
        shop.purchases.ship(seeding_request(f"{id}:ship"), id, shipment, by=self._staff)

    def _deliver(self, order: Order, shop: Shop) -> None:
        self._move(order, shop, Status.DELIVERED)

    def _refund_part(self, order: Order, shop: Shop) -> None:
        id = order.placement.id
        half = shop.purchases.get(id, None).total.minor // 2
        # A run that was stopped may have asked for it: it is pending then.
        if half and not any(payment.refunds for payment in shop.payments.of_purchase(id, None)):
            request = seeding_request(f"{id}:refund-part")
            purchase_refund_amount(
                shop=shop, request=request, caller=self._staff, purchase=id, amount=half, reason=REASON, restock=False
            )

    def _ask(self, order: Order, shop: Shop) -> None:
        placement, now = order.placement, shop.clock.now()
        request, first = seeding_request(f"{placement.id}:ask"), placement.lines[0]
        lines = [Units(product=first.product, quantity=first.quantity)]
        shop.returns.request(request, return_id(placement.id), placement.id, lines, REASON, by=self._staff, at=now)

    def _refuse(self, order: Order, shop: Shop) -> None:
        id = return_id(order.placement.id)
        shop.returns.refuse(seeding_request(f"{id}:refuse"), id, shop.clock.now())

    def _approve(self, order: Order, shop: Shop) -> None:
        id = return_id(order.placement.id)
        shop.returns.approve(seeding_request(f"{id}:approve"), id, shop.clock.now())

    def _receive(self, order: Order, shop: Shop) -> None:
        id, now = return_id(order.placement.id), shop.clock.now()
        shop.returns.receive(seeding_request(f"{id}:receive"), id, (), restock=True, by=self._staff, at=now)

    def _refund(self, order: Order, shop: Shop) -> None:
        self._move(order, shop, Status.REFUNDED)

    def _move(self, order: Order, shop: Shop, target: Status) -> None:
        id, restock = order.placement.id, target is not Status.DELIVERED
        request = seeding_request(f"{id}:{target}")
        moved = shop.purchases.move(request, id, target, by=self._staff, restock=restock, at=shop.clock.now())
        if restock:
            purchase_pay_back(shop=shop, request=request, purchase=moved.value)


def return_id(purchase: str) -> str:
    """The id of the return of a seeded purchase."""
    return related_id(purchase, "return")
