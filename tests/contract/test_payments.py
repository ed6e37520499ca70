"""Payments: begun once, merged in any order, and settled with their purchases."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from shop.domain.carts import CartCaller
from shop.domain.errors import Invalid, InvalidSignature, InvalidTransition, NotFound, TooManyPayments
from shop.domain.events import EventQuery, EventType
from shop.domain.payment_repository import StateReport
from shop.domain.payments import MANUAL, MAX_GUEST_PAYMENTS, MAX_PAYMENTS, Intent, PaymentStatus, ProviderState
from shop.domain.purchases import Status
from shop.payments.fake import AUTHENTICATION_S, LATENESS_S, webhook_body
from shop.services import payments
from shop.services.payments import PaymentOrder
from shop.services.reconciliation import MAX_UNANSWERED, payments_check
from tests.cart_samples import a_ready_cart, checked_out
from tests.samples import a_request, again, as_staff, in_catalogue, placed, registered, units

NOTHING = "01900000-0000-7000-8000-000000000000"
CAPTURED, AUTHORIZED = PaymentStatus.CAPTURED, PaymentStatus.AUTHORIZED


@pytest.fixture
def buyer(shop):
    return registered(shop)


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=10)


@pytest.fixture
def purchase(shop, buyer, apple):
    return placed(shop, buyer.id, units(apple, 2))


def order(method="tok_ok", provider="fake", **changes):
    made = PaymentOrder(provider=provider, method=method, return_url="https://shop.example/", is_captured_later=False)
    return replace(made, **changes)


def begin(shop, purchase, method="tok_ok", request=None, **changes):
    caller = CartCaller(user=purchase.user)
    return payments.payment_begin(
        shop=shop,
        request=request or a_request(),
        caller=caller,
        purchase=purchase.id,
        order=order(method, **changes),
    ).value


def apply(shop, payment, state, event=""):
    now = shop.clock.now()
    report = StateReport(state=state, at=now, refund_id=shop.ids.new(now), check_at=now, event=event)
    return shop.payments.apply(a_request(), payment, report).value


def captured(payment, **changes):
    amount = payment.amount.minor
    made = ProviderState(status=CAPTURED, reference="at the provider", authorized=amount, captured=amount)
    return replace(made, **changes)


def check_all(shop):
    """Checks every payment that is open, whenever it is due."""
    shop.clock.advance(timedelta(hours=2))
    return payments_check(shop=shop, pause=lambda: None)


def status_of(shop, purchase):
    return shop.purchases.get(purchase.id, None).status


def events(shop, object):
    page = shop.events.page(EventQuery(), 100, None)
    return [str(event.type) for event in page.results if event.object == object]


def test_a_payment_that_is_captured_pays_its_purchase(shop, purchase):
    payment = begin(shop, purchase)
    assert (payment.status, payment.captured, payment.amount) == (CAPTURED, purchase.total, purchase.total)
    paid = shop.purchases.get(purchase.id, None)
    assert (paid.status, paid.history[-1].by) == (Status.PAID, "system")
    assert shop.payments.of_purchase(purchase.id, None) == [payment]
    assert shop.payments.get(payment.id, CartCaller(user=purchase.user)) == payment
    assert events(shop, payment.id) == ["payment.begun", "payment.captured"]
    assert events(shop, purchase.id) == ["purchase.placed", "purchase.paid"]


def test_a_declined_payment_leaves_the_purchase_to_another_one(shop, purchase):
    declined = begin(shop, purchase, "tok_decline")
    assert (declined.status, declined.failure) == (PaymentStatus.FAILED, "card-declined")
    assert status_of(shop, purchase) is Status.PLACED
    assert begin(shop, purchase).status is CAPTURED
    assert [each.status for each in shop.payments.of_purchase(purchase.id, None)] == [PaymentStatus.FAILED, CAPTURED]


def test_a_second_payment_while_one_is_open_is_that_one(shop, purchase):
    first = begin(shop, purchase, "tok_3ds")
    assert (first.status, first.redirect_url) == (PaymentStatus.REQUIRES_ACTION, "https://shop.example/")
    assert begin(shop, purchase, "tok_ok") == first


def test_a_repeat_of_a_payment_gets_its_outcome_whatever_has_happened_since(shop, purchase):
    request = a_request()
    first = begin(shop, purchase, "tok_3ds", request)
    shop.clock.advance(timedelta(seconds=AUTHENTICATION_S))
    check_all(shop)
    assert begin(shop, purchase, "tok_3ds", again(request)) == first
    assert shop.payments.get(first.id, None).status is CAPTURED


def test_a_purchase_that_is_paid_or_cancelled_takes_no_payment(shop, purchase, buyer, apple):
    begin(shop, purchase)
    with pytest.raises(InvalidTransition):
        begin(shop, purchase)
    cancelled = placed(shop, buyer.id, units(apple, 1))
    shop.purchases.move(
        a_request(), cancelled.id, Status.CANCELLED, by=as_staff(shop), restock=True, at=shop.clock.now()
    )
    with pytest.raises(InvalidTransition):
        begin(shop, cancelled)


def test_a_payment_belongs_to_the_buyer(shop, purchase):
    other, payment = CartCaller(user=registered(shop).id), begin(shop, purchase, "tok_3ds")
    for refused in (
        lambda: shop.payments.get(payment.id, other),
        lambda: shop.payments.of_purchase(purchase.id, other),
        lambda: shop.payments.get(payment.id, CartCaller()),
        lambda: shop.payments.get(NOTHING, None),
        lambda: begin(shop, replace(purchase, user=other.user)),
        lambda: begin(shop, replace(purchase, id=NOTHING)),
    ):
        with pytest.raises(NotFound):
            refused()


def test_staff_are_no_provider_that_a_customer_may_choose(shop, purchase):
    for provider in (MANUAL, "nowhere"):
        with pytest.raises(Invalid) as error:
            begin(shop, purchase, provider=provider)
        assert error.value.errors[0].code == "unknown-provider"


def test_a_purchase_has_so_many_payments(shop, purchase):
    for _ in range(MAX_PAYMENTS):
        begin(shop, purchase, "tok_decline")
    with pytest.raises(TooManyPayments):
        begin(shop, purchase)


def test_a_guest_may_begin_fewer_payments_of_a_purchase(shop, apple):
    cart, guest = a_ready_cart(shop, apple, 1)
    purchase = checked_out(shop, cart, guest)

    def attempt():
        tried = order("tok_decline")
        payments.payment_begin(shop=shop, request=a_request(), caller=guest, purchase=purchase.id, order=tried)

    for _ in range(MAX_GUEST_PAYMENTS):
        attempt()
    with pytest.raises(TooManyPayments) as refusal:
        attempt()
    assert refusal.value.limit == MAX_GUEST_PAYMENTS


@pytest.mark.parametrize("order", list(permutations(["requires_action", "authorized", "captured"])))
def test_states_are_merged_in_any_order_and_any_number(shop, purchase, order):
    payment = begin(shop, purchase, "tok_late")
    amount = payment.amount.minor
    states = {
        "requires_action": ProviderState(status=PaymentStatus.REQUIRES_ACTION, client_secret="a secret"),
        "authorized": ProviderState(status=AUTHORIZED, authorized=amount),
        "captured": captured(payment),
    }
    for name in (*order, *order):
        apply(shop, payment, states[name], event=f"event of {name}")
    merged = shop.payments.get(payment.id, None)
    assert (merged.status, merged.captured, merged.client_secret) == (CAPTURED, payment.amount, "")
    assert events(shop, payment.id).count("payment.captured") == 1
    assert events(shop, purchase.id).count("purchase.paid") == 1


def test_totals_only_grow(shop, purchase):
    payment = begin(shop, purchase, "tok_late")
    apply(shop, payment, captured(payment))
    before = shop.payments.get(payment.id, None)
    apply(shop, payment, ProviderState(status=PaymentStatus.PROCESSING))
    assert shop.payments.get(payment.id, None) == before


def test_an_event_takes_effect_once(shop, purchase):
    payment = begin(shop, purchase, "tok_late")
    apply(shop, payment, ProviderState(status=PaymentStatus.REQUIRES_ACTION), event="one")
    apply(shop, payment, captured(payment), event="one")
    assert shop.payments.get(payment.id, None).status is PaymentStatus.REQUIRES_ACTION
    assert apply(shop, payment, captured(payment), event="two").status is CAPTURED


def test_an_authorized_payment_is_captured_by_staff(shop, purchase):
    payment = begin(shop, purchase, is_captured_later=True)
    assert (payment.status, payment.authorized, payment.captured.minor) == (AUTHORIZED, purchase.total, 0)
    assert status_of(shop, purchase) is Status.PLACED
    done = payments.payment_capture(shop=shop, request=a_request(), id=payment.id).value
    assert (done.status, done.intent, status_of(shop, purchase)) == (CAPTURED, None, Status.PAID)
    with pytest.raises(InvalidTransition) as error:
        payments.payment_cancel(shop=shop, request=a_request(), id=payment.id)
    assert (error.value.source, error.value.target) == ("captured", "cancelled")


def test_an_authorized_payment_is_cancelled_by_staff(shop, purchase):
    payment = begin(shop, purchase, is_captured_later=True)
    assert payments.payment_cancel(shop=shop, request=a_request(), id=payment.id).value.status == "cancelled"
    assert status_of(shop, purchase) is Status.PLACED
    assert begin(shop, purchase).status is CAPTURED


def test_a_capture_and_a_cancel_exclude_each_other(shop, purchase):
    payment = begin(shop, purchase, is_captured_later=True)
    shop.payments.intend(a_request(), payment, Intent.CAPTURE, shop.clock.now())
    with pytest.raises(InvalidTransition):
        shop.payments.intend(a_request(), payment, Intent.CANCEL, shop.clock.now())
    assert check_all(shop).unanswered == 0
    assert shop.payments.get(payment.id, None).status is CAPTURED


def test_an_answer_that_was_lost_is_found_by_asking(shop, purchase):
    payment = begin(shop, purchase, "tok_timeout")
    assert (payment.status, payment.reference) == (PaymentStatus.PROCESSING, "")
    assert check_all(shop).checked == 1
    assert (shop.payments.get(payment.id, None).status, status_of(shop, purchase)) == (CAPTURED, Status.PAID)
    assert check_all(shop).checked == 0


def test_the_customer_who_comes_back_finds_the_payment_as_it_is(shop, purchase):
    payment = begin(shop, purchase, "tok_3ds")
    shop.clock.advance(timedelta(seconds=AUTHENTICATION_S))
    caller = CartCaller(user=purchase.user)
    assert payments.payment_refresh(shop=shop, request=a_request(), caller=caller, id=payment.id).value.status == (
        CAPTURED
    )
    assert status_of(shop, purchase) is Status.PAID


def test_a_payment_is_checked_the_more_rarely_the_older_it_is(shop, purchase):
    payment = begin(shop, purchase, "tok_late")
    assert shop.payments.due(shop.clock.now(), 9) == []
    shop.clock.advance(timedelta(seconds=20))
    assert shop.payments.due(shop.clock.now(), 9) == [payment.id]
    assert payments_check(shop=shop, pause=lambda: None).checked == 1
    assert shop.payments.due(shop.clock.now(), 9) == []


def test_payments_that_fail_at_every_check_hold_up_none_of_the_others(shop, buyer, apple, monkeypatch):
    failing = [begin(shop, placed(shop, buyer.id, units(apple, 1)), "tok_late") for _ in range(MAX_UNANSWERED + 1)]
    shop.clock.advance(timedelta(minutes=2))
    sound = begin(shop, placed(shop, buyer.id, units(apple, 1)), "tok_timeout")
    errors = dict(zip([each.id for each in failing], [KeyError("x"), *3 * [NotFound("payment", "x")]], strict=True))

    def settle(*, shop, request, id):
        if id in errors:
            raise errors[id]
        return payments.payment_settle(shop=shop, request=request, id=id)

    monkeypatch.setattr("shop.services.reconciliation.payment_settle", settle)
    shop.clock.advance(timedelta(minutes=2))
    done = payments_check(shop=shop, pause=lambda: None)
    assert (done.failures, done.unanswered, done.checked) == (errors, 0, MAX_UNANSWERED + 2)
    assert shop.payments.get(sound.id, None).status is CAPTURED
    assert shop.payments.due(shop.clock.now(), 9) == []
    assert len(shop.payments.due(shop.clock.now() + timedelta(hours=1), 9)) == len(failing)


def test_a_payment_that_is_settled_is_not_checked_by_being_postponed(shop, purchase):
    payment, later = begin(shop, purchase), shop.clock.now() + timedelta(hours=1)
    shop.payments.postpone(a_request(), payment.id, later)
    assert shop.payments.due(later, 9) == []


def test_a_payment_whose_purchase_is_cancelled_is_cancelled_at_the_provider(shop, purchase):
    payment = begin(shop, purchase, is_captured_later=True)
    shop.purchases.move(
        a_request(), purchase.id, Status.CANCELLED, by=as_staff(shop), restock=True, at=shop.clock.now()
    )
    assert check_all(shop).unanswered == 0
    assert shop.payments.get(payment.id, None).status is PaymentStatus.CANCELLED


def test_money_for_a_purchase_that_was_cancelled_goes_back_by_itself(shop, purchase, apple):
    payment = begin(shop, purchase, "tok_late")
    shop.purchases.move(
        a_request(), purchase.id, Status.CANCELLED, by=as_staff(shop), restock=True, at=shop.clock.now()
    )
    shop.clock.advance(timedelta(seconds=LATENESS_S))
    check_all(shop)
    after = shop.payments.get(payment.id, None)
    assert (after.status, after.refunded) == (PaymentStatus.REFUNDED, purchase.total)
    assert [refund.reason for refund in after.refunds] == ["orphaned"]
    assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.CANCELLED, 10)
    assert "payment.refunded" in events(shop, payment.id)


def test_of_two_payments_that_are_captured_one_goes_back(shop, purchase):
    first = begin(shop, purchase, "tok_decline")
    second = begin(shop, purchase)
    late = apply(shop, first, captured(first))
    assert (late.status, second.status) == (PaymentStatus.ORPHANED, CAPTURED)
    check_all(shop)
    assert shop.payments.get(first.id, None).status is PaymentStatus.REFUNDED
    assert shop.payments.get(second.id, None).status is CAPTURED
    assert status_of(shop, purchase) is Status.PAID


def test_staff_who_took_the_money_leave_a_payment(shop, purchase):
    staff, now = as_staff(shop), shop.clock.now()
    paid = shop.payments.pay_manually(a_request(), purchase.id, shop.ids.new(now), staff, now).value
    assert (paid.status, paid.history[-1].by) == (Status.PAID, staff.id)
    (payment,) = shop.payments.of_purchase(purchase.id, None)
    assert (payment.provider, payment.status, payment.captured) == (MANUAL, CAPTURED, purchase.total)
    with pytest.raises(InvalidTransition):
        shop.payments.pay_manually(a_request(), purchase.id, shop.ids.new(now), staff, now)
    with pytest.raises(NotFound):
        shop.payments.pay_manually(a_request(), NOTHING, shop.ids.new(now), staff, now)


def event(shop, provider, body, headers, request=None):
    return payments.provider_event(
        shop=shop, request=request or a_request(), provider=provider, body=body, headers=headers
    )


def test_webhooks_that_come_twice_and_in_the_wrong_order_pay_once(shop, purchase):
    payment = begin(shop, purchase, "tok_twice")
    assert payment.status is CAPTURED
    for body, headers in shop.providers["fake"].webhooks(payment):
        event(shop, "fake", body, headers)
    assert shop.payments.get(payment.id, None) == payment
    assert events(shop, purchase.id).count("purchase.paid") == 1


def test_a_webhook_pays_a_purchase(shop, purchase):
    payment = begin(shop, purchase, "tok_late")
    body = webhook_body(payment.id, captured(payment))
    event(shop, "fake", *shop.providers["fake"].signed(body, shop.clock.now()))
    assert (shop.payments.get(payment.id, None).status, status_of(shop, purchase)) == (CAPTURED, Status.PAID)


def test_a_webhook_needs_the_signature_of_its_bytes_and_of_now(shop, purchase):
    payment, fake = begin(shop, purchase, "tok_late"), shop.providers["fake"]
    body, headers = fake.signed(webhook_body(payment.id, captured(payment)), shop.clock.now())
    _, old = fake.signed(body, shop.clock.now() - timedelta(seconds=301))
    for sent, with_headers in ((body + b" ", headers), (body, {}), (body, old), (body, {"fake-signature": "t=1,v1="})):
        with pytest.raises(InvalidSignature):
            event(shop, "fake", sent, with_headers)
    with pytest.raises(InvalidSignature):
        event(shop, MANUAL, body, headers)
    with pytest.raises(NotFound):
        event(shop, "nowhere", body, headers)
    assert shop.payments.get(payment.id, None).status is PaymentStatus.PROCESSING


def test_a_webhook_about_nothing_here_is_ignored(shop, purchase):
    payment, fake = begin(shop, purchase, "tok_late"), shop.providers["fake"]
    assert event(shop, "fake", *fake.signed(webhook_body(NOTHING, captured(payment)), shop.clock.now())) is None


def test_a_webhook_with_totals_that_cannot_be_changes_nothing(shop, purchase):
    payment, fake = begin(shop, purchase, "tok_late"), shop.providers["fake"]
    for changes in ({"captured": payment.amount.minor + 1}, {"refunded": payment.amount.minor + 1}, {"refunded": -1}):
        body = webhook_body(payment.id, captured(payment, **changes))
        with pytest.raises(Invalid):
            event(shop, "fake", *fake.signed(body, shop.clock.now()))
    with pytest.raises(Invalid):
        event(shop, "fake", *fake.signed(b"{}", shop.clock.now()))
    assert shop.payments.get(payment.id, None).captured.minor == 0


def test_every_event_of_a_payment_has_a_type_of_its_own():
    assert {f"payment.{status}" for status in PaymentStatus} - {*EventType} == {"payment.processing"}
