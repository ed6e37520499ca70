"""Which calls follow a purchase under load."""

import random
from collections import Counter
from dataclasses import replace
from itertools import count, islice

import orjson
import pytest

from chaos.history import Call, CallKind
from chaos.mix import Mix
from chaos.payment_calls import MAX_PLANNED, MAX_TRIES, PaymentCalls, Sale
from shop.clock import SystemClock
from shop.payments.fake import FakeProvider
from tests.unit.chaos import scenes
from tests.unit.chaos.scenes import ANN, TEA, purchase

PROVIDER = FakeProvider(SystemClock(), b"secret")
STAGE = replace(scenes.STAGE, takes_payments=True, provider=PROVIDER)
GUEST = {"X-Cart-Token": "token"}
STATUSES = {
    "tok_ok": "captured",
    "tok_twice": "captured",
    "tok_3ds": "requires_action",
    "tok_late": "processing",
    "tok_timeout": "processing",
    "tok_decline": "failed",
}


@pytest.fixture
def payments():
    return payments_of(STAGE)


def payments_of(stage):
    numbers = count()
    return PaymentCalls(stage, random.Random(1), lambda: f"key-{next(numbers)}")


def answer(call: Call):
    """What the shop answers where nothing is in the way."""
    purchase = call.subject
    if call.kind is CallKind.PAYMENT:
        status = STATUSES[call.body["method"]]
        return {"id": f"payment of {purchase}", "status": status, "amount": "8.40", "currency": "EUR"}
    if call.kind is CallKind.REFUND:
        return {"id": f"refund {call.key}", "status": "succeeded", "amount": call.body.get("amount", "8.40")}
    return {"id": f"{call.kind} of {purchase}"}


def answered(payments, sales=40, caller=ANN, headers=None):
    """Every call of so many purchases, each answered before the next is made."""
    for number in range(sales):
        payments.add(Sale(id=f"purchase-{number}", caller=caller, headers=headers or {}, lines=[(TEA, 2)]))
    made = []
    for call in islice(iter(payments.next_call, None), 2000):
        call.status = 204 if call.kind is CallKind.WEBHOOK else 201
        call.answer = orjson.dumps(answer(call))
        payments.record_response(call)
        made.append(call)
    return made


def of(kind, calls):
    return [call for call in calls if call.kind is kind]


def test_purchases_are_paid_with_every_token_shipped_returned_and_refunded(payments):
    calls = answered(payments)
    kinds = {call.kind for call in calls}
    assert {call.body["method"] for call in of(CallKind.PAYMENT, calls)} == STATUSES.keys()
    assert kinds >= {CallKind.CAPTURE, CallKind.PAYMENT_CANCELLATION, CallKind.REFUND, CallKind.SHIPMENT}
    assert kinds >= {CallKind.RETURN, CallKind.RETURN_APPROVAL, CallKind.RETURN_RECEIPT}


def test_webhooks_come_twice_and_the_same_totals_under_other_ids(payments):
    events = Counter(call.body["id"] for call in of(CallKind.WEBHOOK, answered(payments)))
    assert {1, 2} <= set(events.values())
    calls = of(CallKind.WEBHOOK, answered(payments_of(STAGE)))
    captured = {(call.body["payment"], call.body["id"]) for call in calls if call.body["captured"]}
    assert max(Counter(payment for payment, _ in captured).values()) > 1


def test_some_webhooks_come_after_those_that_tell_of_more(payments):
    totals: dict[str, list[int]] = {}
    for call in of(CallKind.WEBHOOK, answered(payments)):
        totals.setdefault(call.body["payment"], []).append(call.body["captured"])
    assert any(seen != sorted(seen) for seen in totals.values())


def test_every_webhook_is_signed_over_the_bytes_that_are_sent(payments):
    for call in of(CallKind.WEBHOOK, answered(payments)):
        headers = {name.lower(): value for name, value in call.headers.items()}
        event = PROVIDER.verify_event(orjson.dumps(call.body), headers, SystemClock().now())
        assert event.payment == f"payment of {call.subject}"


def test_a_webhook_that_is_not_taken_comes_again_a_few_times(payments):
    payments.add(Sale(id="purchase-1", caller=ANN, headers={}, lines=[(TEA, 2)]))
    tries = Counter()
    for call in islice(iter(payments.next_call, None), 500):
        if call.kind is CallKind.WEBHOOK:
            tries[call.body["id"]] += 1
            call.status = 503
        else:
            call.status, call.answer = 201, orjson.dumps(answer(call))
        payments.record_response(call)
    assert tries
    assert set(tries.values()) <= {MAX_TRIES, MAX_TRIES + 1}


def test_two_refunds_are_asked_for_that_come_to_more_than_was_paid(payments):
    wanted: Counter[str] = Counter()
    for call in of(CallKind.REFUND, answered(payments)):
        wanted[call.subject] += round(float(call.body.get("amount", "8.40")) * 100)
        assert call.key
    assert min(wanted.values()) > 840


def test_a_guest_pays_by_the_token_of_the_cart(payments):
    calls = answered(payments, caller="", headers=GUEST)
    assert all(call.headers == GUEST and call.caller == "" for call in of(CallKind.PAYMENT, calls))
    assert all(call.headers == {} and call.caller == "staff" for call in of(CallKind.REFUND, calls))


def test_where_the_secret_of_the_provider_is_unknown_no_webhook_is_sent():
    calls = answered(payments_of(replace(STAGE, provider=None)))
    assert of(CallKind.PAYMENT, calls)
    assert not of(CallKind.WEBHOOK, calls)


def test_a_shop_that_takes_no_payments_is_asked_for_none():
    assert answered(payments_of(scenes.STAGE)) == []


def test_a_shop_that_answers_no_webhook_is_not_sent_more_and_more(payments):
    answered(payments, sales=1)
    for number in range(1000):
        body = {"id": f"evt_{number}"}
        payments.record_response(Call(kind=CallKind.WEBHOOK, method="POST", path="/", body=body))
    assert len(list(islice(iter(payments.next_call, None), 1000))) <= MAX_PLANNED


def test_the_mix_pays_what_it_has_bought():
    mix = Mix(replace(STAGE, plentiful=["tea", "coffee", "milk"]))
    mix.record_response(purchase(1))
    calls = list(islice(mix.calls(), 300))
    assert {call.subject for call in calls if call.kind is CallKind.PAYMENT} == {"purchase-1"}
