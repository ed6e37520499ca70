"""The provider `stripe` against a simulated Stripe that loses requests and answers."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import stripe

from shop.domain.errors import Invalid, InvalidSignature, ProviderUnavailable
from shop.domain.money import Money
from shop.domain.payments import Payment, PaymentStatus, ProviderState, Refund, RefundStatus
from shop.payments.providers import StripeAccount, payment_providers
from shop.payments.stripe import MAX_CONCURRENT_REQUESTS, StripeProvider
from shop.payments.stripe_states import payment_state
from tests.fakes import FakeClock
from tests.stack_fixtures import wait_until
from tests.stripe_proxy import Fault
from tests.stripe_simulation import (
    DECLINED,
    DECLINED_AFTER_3DS,
    KEY,
    THREE_D_SECURE,
    VISA,
    WEBHOOK_SECRET,
    SimulatedStripe,
    simulated_stripe,
)

AMOUNT = 1250
CREATE, CONFIRM = r"POST /v1/payment_intents$", r"POST .*/confirm$"
REFUND = r"POST /v1/refunds$"


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedStripe]:
    with simulated_stripe() as simulation:
        yield simulation


@pytest.fixture
def api(running: SimulatedStripe) -> SimulatedStripe:
    running.proxy.reset()
    return running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def provider(api: SimulatedStripe, clock: FakeClock) -> StripeProvider:
    return StripeProvider(account(api), clock)


def account(api: SimulatedStripe) -> StripeAccount:
    return StripeAccount(key=KEY, webhook_secret=WEBHOOK_SECRET, api=api.proxy.url)


def a_payment(method: str = "", *, is_captured_later: bool = False, currency: str = "EUR") -> Payment:
    nothing, now = Money(minor=0, currency=currency), FakeClock().now()
    return Payment(
        id=str(uuid4()),
        purchase=str(uuid4()),
        provider="stripe",
        method=method,
        is_captured_later=is_captured_later,
        return_url="",
        amount=Money(minor=AMOUNT, currency=currency),
        status=PaymentStatus.PROCESSING,
        reference="",
        authorized=nothing,
        captured=nothing,
        refunded=nothing,
        refunds=(),
        intent=None,
        client_secret="",
        redirect_url="",
        failure="",
        created_at=now,
        updated_at=now,
        version=1,
    )


def a_refund(amount: int) -> Refund:
    return Refund(
        id=str(uuid4()),
        amount=Money(minor=amount, currency="EUR"),
        status=RefundStatus.PENDING,
        restock=False,
        reason="",
        by="staff",
        created_at=datetime.now(UTC),
    )


def known(payment: Payment, state: ProviderState) -> Payment:
    return replace(payment, reference=state.reference, status=state.status)


def totals(state: ProviderState) -> tuple[PaymentStatus, int, int, int]:
    return state.status, state.authorized, state.captured, state.refunded


CAPTURED = (PaymentStatus.CAPTURED, AMOUNT, AMOUNT, 0)


def test_a_card_is_captured_at_once(api, provider):
    payment = a_payment(api.card(VISA))
    state = provider.begin(payment)
    assert totals(state) == CAPTURED
    assert totals(provider.fetch(known(payment, state))) == CAPTURED
    assert len(api.intents(payment.id)) == 1


def test_a_payment_without_a_method_is_confirmed_by_the_customer(api, provider):
    payment = a_payment()
    begun = provider.begin(payment)
    assert begun.status is PaymentStatus.REQUIRES_ACTION
    api.pay(begun.client_secret, VISA)
    assert totals(provider.fetch(known(payment, begun))) == CAPTURED


def test_another_card_can_be_tried_by_the_customer_after_a_decline(api, provider):
    payment = a_payment()
    begun = provider.begin(payment)
    assert api.pay(begun.client_secret, DECLINED)["error"]["code"] == "card_declined"
    state = provider.fetch(known(payment, begun))
    assert (state.status, state.failure) == (PaymentStatus.REQUIRES_ACTION, "card-declined")


def test_a_declined_card_fails_the_payment_and_nothing_can_be_paid_by_it(api, provider):
    payment = a_payment(api.card(DECLINED))
    state = provider.begin(payment)
    assert (state.status, state.failure, state.client_secret) == (PaymentStatus.FAILED, "card-declined", "")
    assert [intent["status"] for intent in api.intents(payment.id)] == ["canceled"]
    assert provider.fetch(known(payment, state)).status is PaymentStatus.FAILED


def test_an_unknown_method_fails_the_payment(provider):
    state = provider.begin(a_payment("pm_unknown"))
    assert (state.status, state.failure) == (PaymentStatus.FAILED, "refused")


def test_a_card_with_3d_secure_requires_an_action_and_is_captured_after_it(api, provider):
    payment = a_payment(api.card(THREE_D_SECURE))
    begun = provider.begin(payment)
    assert (begun.status, begun.captured) == (PaymentStatus.REQUIRES_ACTION, 0)
    api.authenticate(begun.client_secret)
    assert totals(provider.fetch(known(payment, begun))) == CAPTURED


@pytest.mark.parametrize(("card", "success"), [(THREE_D_SECURE, False), (DECLINED_AFTER_3DS, True)])
def test_a_card_that_fails_at_3d_secure_or_after_it_fails_the_payment(api, provider, card, success):
    payment = a_payment(api.card(card))
    begun = provider.begin(payment)
    api.authenticate(begun.client_secret, success=success)
    state = provider.fetch(known(payment, begun))
    assert state.status is PaymentStatus.FAILED
    assert state.failure in ("payment-intent-authentication-failure", "card-declined")
    assert [intent["status"] for intent in api.intents(payment.id)] == ["canceled"]


def test_an_authorized_payment_is_captured_once(api, provider):
    payment = a_payment(api.card(VISA), is_captured_later=True)
    begun = provider.begin(payment)
    assert totals(begun) == (PaymentStatus.AUTHORIZED, AMOUNT, 0, 0)
    assert totals(provider.capture(known(payment, begun))) == CAPTURED
    assert totals(provider.capture(known(payment, begun))) == CAPTURED


def test_an_authorized_payment_is_cancelled_once_and_captured_never(api, provider):
    payment = a_payment(api.card(VISA), is_captured_later=True)
    authorized = known(payment, provider.begin(payment))
    assert provider.cancel(authorized).status is PaymentStatus.CANCELLED
    assert provider.cancel(authorized).status is PaymentStatus.CANCELLED
    assert totals(provider.capture(authorized))[::2] == (PaymentStatus.CANCELLED, 0)


def test_cancelling_what_is_captured_changes_nothing(api, provider):
    payment = a_payment(api.card(VISA))
    assert totals(provider.cancel(known(payment, provider.begin(payment)))) == CAPTURED


def test_a_cancel_without_a_reference_stops_a_payment_that_is_being_begun(api, provider):
    payment = a_payment(api.card(VISA))
    assert provider.cancel(payment).status is PaymentStatus.CANCELLED
    assert provider.begin(payment).status is PaymentStatus.CANCELLED
    assert [intent["status"] for intent in api.intents(payment.id)] == ["canceled"]


def test_refunds_add_up_and_each_is_made_once(api, provider):
    payment = a_payment(api.card(VISA))
    captured = known(payment, provider.begin(payment))
    first, second = a_refund(300), a_refund(200)
    assert provider.refund(captured, first).refunded == 300
    assert provider.refund(captured, first).refunded == 300
    state = provider.refund(captured, second)
    assert totals(state) == (PaymentStatus.CAPTURED, AMOUNT, AMOUNT, 500)
    assert state.refunds == {first.id: RefundStatus.SUCCEEDED, second.id: RefundStatus.SUCCEEDED}


def test_a_refund_is_found_by_its_id_when_its_key_is_forgotten(api, provider):
    payment = a_payment(api.card(VISA))
    captured, refund = known(payment, provider.begin(payment)), a_refund(300)
    api.proxy.faults.append(Fault(pattern=REFUND, is_answered=False))
    with pytest.raises(ProviderUnavailable):
        provider.refund(captured, refund)
    api.proxy.forget_keys()
    assert provider.refund(captured, refund).refunded == 300
    assert len(api.refunds(captured.reference)) == 1


def test_a_refund_that_stripe_refuses_has_failed(api, provider):
    payment = a_payment(api.card(VISA))
    captured, refund = known(payment, provider.begin(payment)), a_refund(300)
    refusal = Fault(pattern=REFUND, is_performed=False, status=400)
    api.proxy.faults.append(refusal)
    state = provider.refund(captured, refund)
    assert (state.refunded, state.refunds) == (0, {refund.id: RefundStatus.FAILED})


@pytest.mark.parametrize("pattern", [CREATE, CONFIRM])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(pattern="", is_performed=False, is_answered=False),
        Fault(pattern="", is_answered=False),
        Fault(pattern="", status=500),
        Fault(pattern="", is_performed=False, status=503),
        Fault(pattern="", is_performed=False, status=429),
    ],
    ids=["lost-request", "lost-answer", "error-after-it", "unavailable", "rate-limited"],
)
def test_a_payment_whose_beginning_was_disturbed_is_begun_again_and_charged_once(api, provider, pattern, fault):
    payment = a_payment(api.card(VISA))
    api.proxy.faults.append(replace(fault, pattern=pattern))
    with pytest.raises(ProviderUnavailable):
        provider.begin(payment)
    state = provider.fetch(payment) or provider.begin(payment)
    assert totals(state) == CAPTURED
    assert totals(provider.begin(payment)) == CAPTURED
    assert len(api.intents(payment.id)) == 1


def test_a_payment_that_was_never_begun_is_unknown(provider):
    assert provider.fetch(a_payment("pm_unknown")) is None


def test_an_intent_that_was_not_confirmed_is_no_payment_yet(api, provider):
    payment = a_payment(api.card(VISA))
    api.proxy.faults.append(Fault(pattern=CONFIRM, is_performed=False, is_answered=False))
    with pytest.raises(ProviderUnavailable):
        provider.begin(payment)
    assert provider.fetch(payment) is None


def test_a_payment_is_found_by_its_id_when_its_key_is_forgotten(api, provider, clock):
    payment = a_payment(api.card(VISA))
    provider.begin(payment)
    api.proxy.forget_keys()
    clock.advance(timedelta(days=2))
    assert totals(provider.fetch(payment)) == CAPTURED
    assert totals(provider.begin(payment)) == CAPTURED
    assert len(api.intents(payment.id)) == 1


def test_a_payment_is_found_although_its_key_has_an_error_recorded(api, provider, clock):
    payment = a_payment(api.card(VISA))
    provider.begin(payment)
    api.proxy.faults.append(Fault(pattern=CREATE, status=500))
    with pytest.raises(ProviderUnavailable):
        provider.fetch(payment)
    clock.advance(timedelta(minutes=3))
    api.proxy.faults.append(Fault(pattern=CREATE, status=500))
    assert totals(provider.fetch(payment)) == CAPTURED


def test_a_capture_whose_answer_is_lost_shows_in_the_state(api, provider):
    payment = a_payment(api.card(VISA), is_captured_later=True)
    authorized = known(payment, provider.begin(payment))
    api.proxy.faults.append(Fault(pattern=r"/capture$", is_answered=False))
    with pytest.raises(ProviderUnavailable):
        provider.capture(authorized)
    assert totals(provider.fetch(authorized)) == CAPTURED


def test_a_stripe_that_hangs_is_unavailable_after_the_timeout(api, clock):
    provider = StripeProvider(replace(account(api), timeout_s=0.2), clock)
    released, ended = threading.Event(), threading.Event()
    api.proxy.faults.append(Fault(pattern=CREATE, before=released.wait, is_performed=False, after=ended.set))
    with pytest.raises(ProviderUnavailable):
        provider.begin(a_payment())
    released.set()
    assert ended.wait(10)


def test_payments_of_many_threads_share_connections(api, provider):
    card = api.card(VISA)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: totals(provider.begin(a_payment(card))), range(16)))
    assert found == [CAPTURED] * 16


def test_more_requests_than_may_be_under_way_are_refused_at_once(provider):
    with ExitStack() as others:
        for _ in range(MAX_CONCURRENT_REQUESTS):
            others.enter_context(provider._slot())
        with pytest.raises(ProviderUnavailable):
            provider.begin(a_payment())


def test_keys_of_requests_are_ids_of_the_shop(api, provider):
    payment = a_payment(api.card(VISA), is_captured_later=True)
    captured, refund = known(payment, provider.begin(payment)), a_refund(1)
    provider.capture(captured)
    provider.refund(captured, refund)
    keys = [call.key for call in api.proxy.calls if call.method == "POST"]
    assert keys == [payment.id, f"{payment.id}:confirm", f"{payment.id}:capture", refund.id]


def test_a_customer_who_is_redirected_comes_back_to_the_shop(api, provider):
    payment = replace(a_payment(api.card(VISA)), return_url="https://shop.example/paid")
    provider.begin(payment)
    confirm = next(call for call in api.proxy.calls if call.path.endswith("/confirm"))
    assert confirm.fields["return_url"] == payment.return_url


def test_amounts_are_sent_in_stripes_minor_units(api, provider):
    payment = a_payment(api.card(VISA), currency="ISK")
    assert totals(provider.begin(payment)) == CAPTURED
    assert [intent["amount"] for intent in api.intents(payment.id)] == [AMOUNT * 100]
    whole = replace(a_payment(currency="MGA"), amount=Money(minor=1250, currency="MGA"))
    assert provider.begin(whole).failure == "amount-not-representable"


def webhook(api: SimulatedStripe, type: str, payment: Payment):
    def of_payment():
        return [each for each in api.proxy.collected(type) if each.event["data"]["object"]["id"] == payment.reference]

    wait_until(lambda: bool(of_payment()))
    return of_payment()[0]


def test_an_event_has_the_state_of_its_payment(api, provider):
    payment = a_payment(api.card(VISA))
    captured = known(payment, provider.begin(payment))
    sent = webhook(api, "payment_intent.succeeded", captured)
    event = provider.verify_event(sent.body, sent.headers, datetime.now(UTC))
    assert (event.id, event.payment) == (sent.event["id"], payment.id)
    assert totals(event.state) == CAPTURED


def test_an_event_of_a_decline_has_the_payment_ended_at_stripe(api, provider):
    payment = a_payment(api.card(DECLINED))
    failed = known(payment, provider.begin(payment))
    sent = webhook(api, "payment_intent.payment_failed", failed)
    event = provider.verify_event(sent.body, sent.headers, datetime.now(UTC))
    assert (event.payment, event.state.status) == (payment.id, PaymentStatus.REQUIRES_ACTION)
    assert (event.state.client_secret, event.state.is_incomplete) == ("", True)


def signed(body: bytes, secret: str = WEBHOOK_SECRET, at: datetime | None = None) -> dict[str, str]:
    timestamp = int((at or datetime.now(UTC)).timestamp())
    return {"stripe-signature": stripe.WebhookSignature.generate_signature_header(body.decode(), secret, timestamp)}


def an_event(**subject: object) -> bytes:
    return json.dumps({"id": "evt_1", "object": "event", "type": "x", "data": {"object": subject}}).encode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"stripe-signature": "t=1,v1=00"},
        {"stripe-signature": "nonsense"},
        signed(an_event(), secret="whsec_of_another"),
        signed(an_event(id="pi_other")),
        signed(an_event(), at=datetime.now(UTC) - timedelta(minutes=6)),
    ],
    ids=["none", "wrong", "unreadable", "other-secret", "other-body", "too-old"],
)
def test_an_event_without_a_signature_of_stripe_is_refused(provider, headers):
    with pytest.raises(InvalidSignature):
        provider.verify_event(an_event(), headers, datetime.now(UTC))


def test_bytes_that_are_no_text_are_refused(provider):
    with pytest.raises(InvalidSignature):
        provider.verify_event(b"\xff", signed(b""), datetime.now(UTC))


@pytest.mark.parametrize("body", [b"[]", b"{}", b"{", b'{"id": "evt_1", "data": {"object": 1}}'])
def test_a_signed_body_that_is_no_event_is_invalid(provider, body):
    with pytest.raises(Invalid):
        provider.verify_event(body, signed(body), datetime.now(UTC))


@pytest.mark.parametrize(
    "subject",
    [
        {"object": "customer", "metadata": {"payment": "1"}},
        {"object": "payment_intent", "id": "pi_1", "status": "succeeded", "amount": 1, "currency": "eur"},
        {"object": "charge", "captured": False, "payment_intent": "pi_1", "metadata": {"payment": "1"}},
        {"object": "refund", "payment_intent": "pi_1", "status": "succeeded", "metadata": {"payment": "1"}},
    ],
    ids=["customer", "intent-of-others", "charge-not-captured", "refund-of-others"],
)
def test_an_event_about_no_payment_of_the_shop_says_nothing(provider, subject):
    body = an_event(**subject)
    event = provider.verify_event(body, signed(body), datetime.now(UTC))
    assert (event.id, event.payment, event.state) == ("evt_1", "", None)


def test_the_event_of_a_charge_has_a_refund_of_the_dashboard(api, provider):
    payment = a_payment(api.card(VISA))
    captured = known(payment, provider.begin(payment))
    charge = api.refund(captured.reference, 400)
    # Stripe copies the metadata of an intent to its charge, and says what was captured.
    body = an_event(**{**charge, "metadata": {"payment": payment.id}, "amount_captured": AMOUNT})
    event = provider.verify_event(body, signed(body), datetime.now(UTC))
    assert event.payment == payment.id
    assert (totals(event.state), event.state.is_incomplete) == (CAPTURED, True)
    assert totals(provider.fetch(captured)) == (PaymentStatus.CAPTURED, AMOUNT, AMOUNT, 400)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("succeeded", RefundStatus.SUCCEEDED), ("pending", RefundStatus.PENDING), ("failed", RefundStatus.FAILED)],
)
def test_an_event_of_a_refund_has_its_status(provider, status, expected):
    metadata = {"payment": "1", "refund": "2"}
    body = an_event(object="refund", payment_intent="pi_1", amount=1, status=status, metadata=metadata)
    event = provider.verify_event(body, signed(body), datetime.now(UTC))
    assert (event.payment, event.state.refunds) == ("1", {"2": expected})


def test_a_part_that_was_never_captured_was_not_refunded():
    charge = {"object": "charge", "captured": True, "payment_intent": "pi_1", "currency": "eur", "amount": 1000}
    captured = {**charge, "amount_captured": 700, "amount_refunded": 350}
    intent = {"id": "pi_1", "status": "succeeded", "currency": "eur", "amount": 1000, "amount_received": 700}
    refunds = [{"amount": 50, "status": "succeeded"}, {"amount": 10, "status": "pending"}]
    state = payment_state({**intent, "latest_charge": captured}, refunds)
    assert (totals(state), state.is_incomplete) == ((PaymentStatus.CAPTURED, 1000, 700, 50), True)


def test_an_event_of_an_intent_that_is_to_be_confirmed_says_nothing(provider):
    """Its id in the record would end the beginning of the payment."""
    intent = {"object": "payment_intent", "id": "pi_1", "status": "requires_confirmation", "currency": "eur"}
    body = an_event(**intent, amount=1, metadata={"payment": "1"})
    assert provider.verify_event(body, signed(body), datetime.now(UTC)).state is None


def test_payments_by_stripe_can_be_refunded_when_customers_may_not_choose_it_any_more(clock):
    account = StripeAccount(key=KEY, webhook_secret=WEBHOOK_SECRET)
    assert payment_providers(["stripe"], "", clock, account)["stripe"].is_public
    assert not payment_providers([], "", clock, account)["stripe"].is_public
    assert "stripe" not in payment_providers(["stripe"], "", clock)
