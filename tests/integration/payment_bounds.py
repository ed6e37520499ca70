"""Scenes of payments at their bounds, for the test that counts what scripts cost."""

from collections.abc import Mapping
from dataclasses import replace

from shop.domain.callers import Caller, Role
from shop.domain.carts import MAX_HOLDS
from shop.domain.payment_repository import RefundOrder, StateReport
from shop.domain.payments import (
    MAX_PAYMENTS,
    MAX_REFUNDS,
    MAX_REFUNDS_IN_ALL,
    Intent,
    PaymentStatus,
    ProviderState,
    RefundStatus,
)
from shop.domain.ports import Shop
from shop.domain.purchases import MAX_LINES, Status
from shop.domain.returns import MAX_RETURNS
from shop.repositories import records
from shop.services.payments import PaymentOrder, payment_begin
from tests.counted_store import TIMEOUT_S, CountedStore
from tests.samples import a_request, in_catalogue, placed, registered, units

#: Commands of write.lua, journal.lua and events.lua around a script, a refusal included.
_WRITE = 16
#: The fields of a payment as a list, twice; and what one line costs whose units go out or come back.
_FIELDS, _LINE, _LINE_ELEMENTS = 2 * 48, 4 + 14, 24 + 11 + MAX_HOLDS

#: Of each script: commands, and elements of replies.
PAYMENT_COSTS: Mapping[str, tuple[int, int]] = {
    "payment_begin": (_WRITE + 12 + MAX_PAYMENTS, _FIELDS + MAX_PAYMENTS + 30),
    "payment_apply": (
        _WRITE + 47 + MAX_REFUNDS_IN_ALL + _LINE * MAX_LINES + 7 * MAX_RETURNS,
        3 * _FIELDS + 104 + MAX_REFUNDS_IN_ALL + _LINE_ELEMENTS * MAX_LINES,
    ),
    "payment_postpone": (_WRITE + 1, 10),
    "payment_intend": (_WRITE + 8, 2 * _FIELDS),
    "payment_get": (4, _FIELDS),
    "payment_list": (2 + 2 * MAX_PAYMENTS, 2 * MAX_PAYMENTS * _FIELDS),
    "refund_reserve": (_WRITE + 14, 2 * _FIELDS + 20),
    "purchase_pay": (_WRITE + 21, _FIELDS + 80),
}
_STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")


def payments_of_as_many_lines_and_refunds_as_there_may_be(store: CountedStore, shop: Shop) -> None:
    """A purchase of a hundred lines has many payments that failed; one is captured after it has expired."""
    ada, products = registered(shop), [in_catalogue(shop, stock=1) for _ in range(MAX_LINES)]
    purchase, now = placed(shop, ada.id, *(units(product, 1) for product in products)), shop.clock.now()
    due = records.milliseconds(now)
    store.node.run(("HSET", store.keys.purchase(purchase.id), "pay_by", due), timeout=TIMEOUT_S)
    order = PaymentOrder(provider="fake", method="tok_decline", return_url="", is_captured_later=False)

    def begin(method: str):
        own = replace(order, method=method)
        return payment_begin(shop=shop, request=a_request(), caller=None, purchase=purchase.id, order=own).value

    for _ in range(MAX_PAYMENTS - 1):
        begin("tok_decline")
    payment = begin("tok_late")
    shop.payments.intend(a_request(), payment, Intent.CANCEL, now)
    shop.payments.postpone(a_request(), payment.id, now)
    shop.purchases.expire_all([(a_request(), purchase.id)], shop.clock.now())
    total = payment.amount.minor
    state = ProviderState(status=PaymentStatus.CAPTURED, authorized=total, captured=total)

    def apply(state: ProviderState):
        at = shop.clock.now()
        report = StateReport(state=state, at=at, refund_id=shop.ids.new(at), check_at=at, event="one event")
        return shop.payments.apply(a_request(), payment, replace(report, event=shop.ids.new(at))).value

    assert apply(state).status is PaymentStatus.CAPTURED
    refunds = {}
    for _ in range(MAX_REFUNDS):
        at = shop.clock.now()
        refund = RefundOrder(id=shop.ids.new(at), amount=1, restock=False, reason="x" * 500, by="staff")
        shop.payments.reserve_refund(a_request(), purchase.id, refund, shop.ids.new(at), at)
        refunds[refund.id] = RefundStatus.SUCCEEDED
    assert apply(replace(state, refunded=MAX_REFUNDS, refunds=refunds)).refunded.minor == MAX_REFUNDS
    assert len(shop.payments.of_purchase(purchase.id, None)) == MAX_PAYMENTS
    assert shop.purchases.get(purchase.id, None).status is Status.PARTIALLY_REFUNDED


def purchases_that_staff_have_taken_the_money_for(store: CountedStore, shop: Shop) -> None:
    products = [in_catalogue(shop, stock=1) for _ in range(MAX_LINES)]
    purchase = placed(shop, registered(shop).id, *(units(product, 1) for product in products))
    now = shop.clock.now()
    shop.payments.pay_manually(a_request(), purchase.id, shop.ids.new(now), _STAFF, now)
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=_STAFF, restock=True, at=now)
    (payment,) = shop.payments.of_purchase(purchase.id, None)
    assert len(shop.payments.get(payment.id, None).pending_refunds) == 1
