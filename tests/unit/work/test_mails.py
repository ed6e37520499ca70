"""Mails are composed when they are sent, from ids alone."""

import smtplib
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import mail

from exactly_once.errors import StoreUnavailable
from shop.domain.callers import Caller, Role
from shop.domain.events import EventQuery, EventType
from shop.domain.purchases import Shipment, Status
from shop.services.payments import PaymentOrder, payment_begin
from shop.work import mails
from shop.work.batches import deliver_next
from tests.cart_samples import EMAIL, a_ready_cart, checked_out
from tests.fakes import FakeStore, fake_shop
from tests.samples import a_request, in_catalogue, placed, registered, units

STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def shop(store, settings):
    settings.DEFAULT_FROM_EMAIL = "shop@shop.example"
    settings.EVERGREEN_PUBLIC_URL = "https://shop.example"
    settings.EVERGREEN_SMTP = "mail.example:587"
    return fake_shop(store)


@pytest.fixture
def purchase(shop):
    ada = registered(shop, email="ada@example.com")
    apple = in_catalogue(shop, name="<Apples> & pears", stock=5)
    return placed(shop, ada.id, units(apple, 2))


def sent(shop):
    """Make every delivery that is due."""
    while shop.deliveries.plan(a_request(), "worker-1", mails.wanted_types()).value.events:
        continue
    while deliver_next(shop, lambda: False):
        continue
    return mail.outbox


def test_a_purchase_is_confirmed_in_plain_text_and_html(shop, purchase):
    (message,) = sent(shop)
    ((html, media_type),) = message.alternatives
    assert (message.to, message.from_email, media_type) == (["ada@example.com"], "shop@shop.example", "text/html")
    assert "2 x <Apples> & pears: 2.40 EUR" in message.body
    assert "&lt;Apples&gt; &amp; pears" in html
    assert f"https://shop.example/api/v1/purchases/{purchase.id}/" in message.body


def test_each_step_that_a_customer_waits_for_is_a_mail(shop, purchase):
    for target in (Status.PAID, Status.SHIPPED, Status.DELIVERED, Status.REFUNDED):
        shop.purchases.move(a_request(), purchase.id, target, by=STAFF, restock=False, at=shop.clock.now())
    subjects = [message.subject.partition(" (")[0] for message in sent(shop)]
    assert subjects == ["Your order", "Your order is on its way", "Your refund"]


def test_a_repeated_mail_has_the_same_message_id(shop, purchase):
    (event,) = [event for event in shop_events(shop) if event.type is EventType.PURCHASE_PLACED]
    ids = [mails.compose(shop, event).extra_headers["Message-ID"] for _ in range(2)]
    assert ids[0] == ids[1] == f"<{event.id}.purchase.placed@shop.example>"


def shop_events(shop):
    return shop.events.page(EventQuery(), 100, None).results


def test_an_erased_customer_gets_no_mail(shop, purchase):
    shop.users.delete(a_request(), purchase.user, None)
    assert sent(shop) == []
    assert shop.deliveries.outlook().pending == 0


def test_a_shop_without_a_mail_server_plans_no_mail(shop, purchase, settings):
    settings.EVERGREEN_SMTP = settings.EVERGREEN_MAIL_DIRECTORY = ""
    assert sent(shop) == []
    assert shop.deliveries.outlook().pending == 0


def test_a_mail_server_that_fails_is_tried_again(shop, purchase, monkeypatch):
    def refuse(self, messages):
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    sent(shop)
    state = next(state for state in shop.deliveries.outlook().queues if state.queue == "mail")
    assert (state.pending, state.failing_since is None) == (1, False)


@pytest.mark.parametrize(
    ("refusal", "tries"),
    [
        (smtplib.SMTPRecipientsRefused({}), 2),
        (smtplib.SMTPDataError(554, b"5.7.1 Message rejected"), 2),
        (smtplib.SMTPDataError(451, b"4.3.0 Try again later"), 1),
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 Credentials invalid"), 1),
    ],
)
def test_a_refused_mail_holds_no_other_one_up_unless_the_server_is_the_cause(
    shop, purchase, monkeypatch, refusal, tries
):
    placed(shop, purchase.user, units(in_catalogue(shop, stock=5), 1))
    tried = []

    def refuse(self, messages):
        tried.append(messages)
        raise refusal

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    sent(shop)
    assert len(tried) == tries


def test_a_store_that_does_not_answer_leaves_the_mail_due(shop, store, purchase):
    while shop.deliveries.plan(a_request(), "worker-1", mails.wanted_types()).value.events:
        continue
    batch = shop.deliveries.claim(a_request(), 1, timedelta(0)).value
    store.unavailable = StoreUnavailable()
    with pytest.raises(StoreUnavailable):
        mails.send(shop, batch.deliveries[0])
    store.unavailable = None
    assert len(sent(shop)) == 1


def test_a_guest_gets_mails_at_the_address_of_the_purchase(shop, store, purchase):
    store.purchases[purchase.id] = replace(purchase, user=None, email="guest@example.com")
    assert [message.to for message in sent(shop)] == [["guest@example.com"]]


def test_a_failed_payment_is_a_mail_about_its_purchase(shop, store, purchase):
    store.emit(EventType.PAYMENT_FAILED, "019a6e33-5c40-7b21-8b7e-3a4b5c6d7e8f", {"purchase": purchase.id})
    (_, message) = sent(shop)
    assert (message.to, message.subject) == (["ada@example.com"], f"Your payment failed ({purchase.id[-8:]})")


def test_a_shipment_names_its_tracking_number(shop, store, purchase):
    shipment = Shipment(at=shop.clock.now(), lines=(), carrier="DHL", tracking="JD014600")
    store.purchases[purchase.id] = replace(purchase, status=Status.SHIPPED, shipments=(shipment,))
    store.emit(EventType.PURCHASE_SHIPPED, purchase.id, {"from": "paid"})
    assert "It travels with DHL: JD014600" in sent(shop)[-1].body


def bought_by_a_guest(shop):
    apple = in_catalogue(shop, sku=f"APPLE-{shop.ids.new(shop.clock.now())}", stock=5)
    cart, guest = a_ready_cart(shop, apple, 1)
    return checked_out(shop, cart, guest), guest


def test_an_address_that_guests_give_gets_few_mails_an_hour(shop):
    for _ in range(mails.MAX_GUEST_MAILS_PER_HOUR + 3):
        bought_by_a_guest(shop)
    assert [message.to for message in sent(shop)] == [[EMAIL]] * mails.MAX_GUEST_MAILS_PER_HOUR
    assert shop.deliveries.outlook().pending == 0


def test_a_mail_that_is_tried_again_counts_once(shop):
    bought_by_a_guest(shop)
    while shop.deliveries.plan(a_request(), "worker-1", mails.wanted_types()).value.events:
        continue
    (delivery,) = shop.deliveries.claim(a_request(), 1, timedelta(0)).value.deliveries
    attempts = mails.MAX_GUEST_MAILS_PER_HOUR + 1
    for _ in range(attempts):
        mails.send(shop, delivery)
    assert len(mail.outbox) == attempts


def test_payments_of_one_purchase_that_fail_are_one_mail(shop):
    purchase, guest = bought_by_a_guest(shop)
    tried = PaymentOrder(provider="fake", method="tok_decline", return_url="", is_captured_later=False)
    for _ in range(3):
        payment_begin(shop=shop, request=a_request(), caller=guest, purchase=purchase.id, order=tried)
    subjects = [message.subject.partition(" (")[0] for message in sent(shop)]
    assert subjects == ["Your order", "Your payment failed"]
