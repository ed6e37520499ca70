"""The process dies, or the provider does not answer, between any two steps: the provider is asked afterwards, and money
and goods agree."""

from dataclasses import replace

import pytest

from shop.domain.errors import ProviderUnavailable
from shop.domain.payments import PaymentStatus
from shop.domain.purchases import Status
from shop.services import payments, purchases
from tests.contract.test_payment_races import STAFF, apple, bank, begin, check_all, purchase, refund, status_of
from tests.fakes.bank import Crash, crash_at, silent_at
from tests.samples import a_request, placed, registered, units

__all__ = ["apple", "bank", "purchase"]

SWITCHES = ["before", "after"]
FAULTS = [crash_at, silent_at]


@pytest.fixture
def shop(shop, bank):
    return replace(shop, providers={**shop.providers, bank.name: bank})


def attempt(deed):
    """Carries it out, as far as the process lives."""
    try:
        deed()
    except Crash:
        return


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_payment_is_found_or_begun_by_asking(shop, purchase, bank, switch, fault):
    setattr(bank, switch, fault("begin"))
    attempt(lambda: begin(shop, purchase))
    (payment,) = shop.payments.of_purchase(purchase.id, None)
    assert (payment.status, payment.reference) == (PaymentStatus.PROCESSING, "")
    check_all(shop)
    assert bank.moves == ["authorize", "capture"]
    assert (shop.payments.get(payment.id, None).status, status_of(shop, purchase)) == ("captured", Status.PAID)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_second_request_after_a_crash_finds_the_payment_of_the_first(shop, purchase, bank, switch, fault):
    setattr(bank, switch, fault("begin"))
    attempt(lambda: begin(shop, purchase))
    assert begin(shop, purchase).status is PaymentStatus.CAPTURED
    assert bank.moves == ["authorize", "capture"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("intent", ["capture", "cancel"])
def test_what_was_intended_is_done_afterwards(shop, purchase, bank, switch, fault, intent):
    payment = begin(shop, purchase, is_captured_later=True)
    setattr(bank, switch, fault(intent))
    deed = payments.payment_capture if intent == "capture" else payments.payment_cancel
    attempt(lambda: deed(shop=shop, request=a_request(), id=payment.id))
    check_all(shop)
    expected = PaymentStatus.CAPTURED if intent == "capture" else PaymentStatus.CANCELLED
    assert shop.payments.get(payment.id, None).status is expected
    assert (bank.accounts[payment.id].captured > 0) == (intent == "capture")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_refund_is_made_once_afterwards(shop, purchase, bank, switch, fault):
    payment = begin(shop, purchase)
    setattr(bank, switch, fault("refund"))
    attempt(lambda: refund(shop, purchase, 40))
    assert shop.payments.get(payment.id, None).refundable.minor == purchase.total.minor - 40
    check_all(shop)
    assert (bank.moves.count("refund"), shop.payments.get(payment.id, None).refunded.minor) == (1, 40)
    assert status_of(shop, purchase) is Status.PARTIALLY_REFUNDED


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_cancelled_purchase_gets_its_money_back_afterwards(shop, purchase, bank, switch, fault):
    payment = begin(shop, purchase)
    setattr(bank, switch, fault("refund"))
    attempt(lambda: purchases.purchase_cancel(shop=shop, request=a_request(), caller=STAFF, id=purchase.id))
    assert status_of(shop, purchase) is Status.CANCELLED
    check_all(shop)
    assert sum(bank.accounts[payment.id].refunds.values()) == purchase.total.minor
    assert shop.payments.get(payment.id, None).status is PaymentStatus.REFUNDED


def test_a_payment_that_was_never_begun_is_not_begun_for_a_purchase_that_has_ended(shop, purchase, bank):
    bank.before = crash_at("begin")
    attempt(lambda: begin(shop, purchase))
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=STAFF, restock=True, at=shop.clock.now())
    check_all(shop)
    (payment,) = shop.payments.of_purchase(purchase.id, None)
    assert (payment.status, bank.accounts[payment.id].is_cancelled, bank.moves) == (PaymentStatus.CANCELLED, True, [])
    assert check_all(shop).checked == 0


def test_a_provider_that_is_down_ends_a_round_early_and_is_asked_later(shop, apple, bank):
    buyer = registered(shop)
    begun = [begin(shop, placed(shop, buyer.id, units(apple, 1)), is_captured_later=True) for _ in range(5)]

    def down(_):
        raise ProviderUnavailable("down")

    bank.before = down
    assert (check_all(shop).checked, check_all(shop).is_complete) == (3, False)
    bank.before = lambda _: None
    for payment in begun:
        bank.capture(payment)
    check_all(shop)
    assert {shop.payments.get(payment.id, None).status for payment in begun} == {PaymentStatus.CAPTURED}
