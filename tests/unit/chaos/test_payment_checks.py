"""Money and goods that do not agree, and vouchers that were redeemed too often."""

from dataclasses import replace

import orjson
import pytest

from chaos.contents import EventContents, PaymentContents, RefundContents, ReturnContents, VoucherContents
from chaos.history import CallKind
from chaos.staleness import effects
from tests.unit.chaos.scenes import (
    ANN,
    TEA,
    cancellation,
    contents,
    found,
    placed,
    purchase,
    stored,
    with_changes,
    without,
    written,
)

PURCHASE, PAYMENT, REFUND, RETURN = "purchase-1", "payment-1", "refund-1", "return-1"
PRICE = 800
PAID = PaymentContents(
    purchase=PURCHASE, provider="fake", amount=PRICE, authorized=PRICE, captured=PRICE, refunded=0, refunds=()
)
OPEN = replace(PAID, authorized=0, captured=0)


def refund(amount, status="succeeded"):
    return RefundContents(id=REFUND, amount=amount, status=status)


def refunded(amount):
    return replace(PAID, refunded=amount, refunds=[refund(amount)])


def held(payment, *events, **changes):
    """What the nodes hold after a purchase that was so and has this payment."""
    bought = stored(1, status=events[-1], events=events)
    bought = {id: replace(each, total=PRICE) for id, each in bought.items()}
    payments = {} if payment is None else {PAYMENT: payment}
    return without(contents([bought], outcomes=placed(1)), **{"payments": payments, "returns": {}, **changes})


def wrong(payment, *events, calls=(), **changes):
    return found([purchase(1), *calls], held(payment, "placed", *events, **changes))


def paid_call(kind, path, body, status=200, answer=b"{}", **changes):
    return with_changes(written(kind, path, "staff", body, status, answer), **{"subject": PURCHASE, **changes})


def refund_call(status=201, code="", state="succeeded", **body):
    answer = orjson.dumps({"code": code} if code else {"id": REFUND, "status": state, "amount": "8.00"})
    return paid_call(CallKind.REFUND, "/purchases/purchase-1/refunds/", body, status, answer)


@pytest.mark.parametrize(
    ("payment", "events"),
    [
        (None, ()),
        (OPEN, ()),
        (PAID, ("paid",)),
        (PAID, ("paid", "shipped", "delivered")),
        (refunded(300), ("paid", "partially_refunded")),
        (refunded(PRICE), ("paid", "refunded")),
        (refunded(PRICE), ("paid", "cancelled")),
        (replace(PAID, refunds=[refund(PRICE, "pending")]), ("cancelled",)),
        (replace(PAID, refunds=[refund(PRICE, "pending")]), ("paid", "cancelled")),
    ],
)
def test_money_and_goods_that_agree_are_no_violation(payment, events):
    assert wrong(payment, *events) == []


@pytest.mark.parametrize("events", [(), ("cancelled",), ("expired",), ("paid", "cancelled"), ("paid", "refunded")])
def test_money_without_goods_is_paid_and_not_sold(events):
    assert "paid and not sold" in wrong(PAID, *events)


def test_a_partial_refund_of_what_was_cancelled_before_leaves_money_without_goods():
    assert wrong(refunded(300), "paid", "cancelled", "partially_refunded") == ["paid and not sold"]


def test_two_payments_of_one_purchase_are_paid_and_not_sold():
    assert wrong(PAID, "paid", payments={PAYMENT: PAID, "payment-2": PAID}) == ["paid and not sold"]


def test_a_payment_of_a_purchase_that_is_not_there_is_paid_and_not_sold():
    assert "paid and not sold" in wrong(replace(PAID, purchase="purchase-7"))


@pytest.mark.parametrize("payment", [None, OPEN, replace(PAID, captured=PRICE - 1)])
def test_goods_without_money_are_sold_and_not_paid(payment):
    assert wrong(payment, "paid", "shipped") == ["sold and not paid"]


@pytest.mark.parametrize(
    "payment",
    [
        replace(PAID, refunded=PRICE + 1, refunds=[refund(PRICE)]),
        replace(refunded(500), refunds=[refund(500), refund(400, "pending")]),
        replace(PAID, refunds=[refund(PRICE), refund(PRICE)]),
        replace(PAID, authorized=2 * PRICE, captured=2 * PRICE, refunded=PRICE),
        replace(PAID, authorized=0),
    ],
)
def test_more_refunded_than_captured_or_captured_than_there_is_to_pay_is_found(payment):
    assert "refunded over captured" in wrong(payment, "paid")


def test_a_purchase_that_was_paid_twice_is_doubled():
    assert "doubled" in wrong(PAID, "paid", "paid")


@pytest.mark.parametrize(("left", "anomalies"), [(PAID, ["lost"]), (refunded(PRICE), [])])
def test_a_refund_that_was_answered_is_there(left, anomalies):
    status = "paid" if left is PAID else "refunded"
    events = ("paid",) if status == "paid" else ("paid", status)
    assert wrong(left, *events, calls=[refund_call(reason="")]) == anomalies


def test_the_totals_of_a_webhook_that_was_taken_are_there():
    body = {"payment": PAYMENT, "captured": PRICE, "refunded": 0}
    call = paid_call(CallKind.WEBHOOK, "/payments/webhooks/fake/", body, status=204)
    assert wrong(PAID, "paid", calls=[call]) == []
    assert wrong(OPEN, calls=[call]) == ["lost"]


def test_a_payment_that_was_answered_is_there():
    answer = orjson.dumps({"id": PAYMENT, "captured": "8.00", "currency": "EUR"})
    call = paid_call(CallKind.PAYMENT, "/purchases/purchase-1/payments/", {}, 201, answer)
    assert wrong(PAID, "paid", calls=[call]) == []
    assert wrong(None, calls=[call]) == ["lost"]


@pytest.mark.parametrize(("status", "anomalies"), [("requested", ["lost"]), ("approved", []), ("refunded", [])])
def test_a_return_is_as_far_as_was_answered(status, anomalies):
    answer = orjson.dumps({"id": RETURN})
    call = paid_call(CallKind.RETURN_APPROVAL, "/returns/return-1/approve/", {}, answer=answer, is_replayed=True)
    returns = {RETURN: ReturnContents(purchase=PURCHASE, status=status)}
    assert wrong(PAID, "paid", "shipped", calls=[call], returns=returns) == anomalies


@pytest.mark.parametrize(
    ("payment", "body", "anomalies"),
    [(refunded(PRICE), {}, []), (refunded(300), {"amount": "6.00"}, []), (PAID, {}, ["bad answer"])],
)
def test_a_refund_is_refused_where_more_is_asked_for_than_is_left(payment, body, anomalies):
    status = "paid" if payment is PAID else "refunded" if payment.refunded == PRICE else "partially_refunded"
    events = ("paid",) if status == "paid" else ("paid", status)
    call = refund_call(409, "refund-exceeds-captured", **body)
    assert wrong(payment, *events, calls=[call]) == anomalies


@pytest.mark.parametrize(("events", "anomalies"), [((), ["bad answer"]), (("paid", "shipped"), [])])
def test_a_cancellation_is_refused_where_the_goods_have_left(events, anomalies):
    answer = orjson.dumps({"code": "invalid-transition"})
    call = cancellation(1, status=409, answer=answer)
    assert wrong(PAID if events else None, *events, calls=[call]) == anomalies


VOUCHER = "TEA-3"


def redeemed(times, customers=(ANN, "bob", "eve"), **limits):
    """What the checker finds where so many purchases have a voucher that counts `times`."""
    bought = {
        f"purchase-{number}": replace(each, voucher=VOUCHER, customer=customer)
        for number, customer in enumerate(customers, 1)
        for each in stored(number).values()
    }
    kinds = {"limit": None, "limit_per_customer": None, **limits}
    held = contents([bought], outcomes=placed(*range(1, len(bought) + 1)))
    calls = [purchase(number) for number in range(1, len(bought) + 1)]
    return found(calls, without(held, vouchers={VOUCHER: VoucherContents(redeemed=times, **kinds)}))


def test_a_voucher_that_is_redeemed_as_often_as_it_may_be_is_no_violation():
    assert redeemed(3, limit=3) == redeemed(3, limit_per_customer=1) == redeemed(3) == []


def test_a_voucher_that_more_purchases_have_than_may_is_found():
    assert redeemed(3, limit=2) == ["voucher over its limit"]


def test_a_voucher_that_a_customer_has_twice_is_found():
    assert redeemed(3, customers=(ANN, "bob", ANN), limit_per_customer=1) == ["voucher over its limit"]


@pytest.mark.parametrize("times", [2, 4])
def test_a_voucher_that_counts_other_redemptions_than_there_are_is_found(times):
    assert redeemed(times, limit=9) == ["voucher over its limit"]


CREATED = [EventContents(type="product.created", object=product) for product in (TEA, "cake")]
BEGUN = EventContents(type="payment.begun", object=PAYMENT)


def with_events(*events, delivered=None):
    """What the checker finds of a purchase that was paid, where these events are there beside its own."""
    own = [EventContents(type=f"purchase.{what}", object=PURCHASE, id=what) for what in ("placed", "paid")]
    return wrong(PAID, "paid", events=[*CREATED, *own, *events], delivered=delivered)


def test_a_payment_has_the_event_that_it_began_once():
    assert with_events(BEGUN) == []
    assert with_events() == ["missing event"]
    assert with_events(BEGUN, BEGUN) == ["stray event"]


def test_a_receiver_gets_every_event_of_its_kind_and_no_other():
    assert with_events(BEGUN, delivered={"paid"}) == []
    assert with_events(BEGUN, delivered=set()) == ["missing event"]
    assert with_events(BEGUN, delivered={"paid", "never"}) == ["stray event"]


def test_the_events_of_a_voucher_add_up_to_its_redemptions():
    vouchers = {VOUCHER: VoucherContents(limit=3, limit_per_customer=None, redeemed=0)}
    stray = EventContents(type="voucher.redeemed", object=VOUCHER)
    back = EventContents(type="voucher.returned", object=VOUCHER)
    events = [*CREATED, EventContents(type="purchase.placed", object=PURCHASE)]
    assert wrong(None, events=events, vouchers=vouchers) == []
    assert wrong(None, events=[*events, stray, back], vouchers=vouchers) == []
    assert wrong(None, events=[*events, stray], vouchers=vouchers) == ["stray event"]
    assert wrong(None, events=[*events, back], vouchers=vouchers) == ["missing event"]


def test_units_of_a_purchase_come_back_once_whatever_brings_them():
    calls = [purchase(1), refund_call(restock=True), cancellation(1, due=2.0, ended=2.1)]
    back = [effect for effect in effects(calls) if effect.units > 0]
    assert [(effect.product, effect.units, effect.done) for effect in back] == [(TEA, 2, 1.1)]


def test_units_of_a_refund_that_waits_for_its_provider_may_be_back():
    (effect,) = (
        effect for effect in effects([purchase(1), refund_call(restock=True, state="pending")]) if effect.units > 0
    )
    assert effect.done == float("inf")
