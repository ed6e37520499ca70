"""Payments under races: everything that may bring news of a payment comes at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from shop.domain.callers import Caller, Role
from shop.domain.carts import CartCaller
from shop.domain.errors import InvalidTransition, RefundExceedsCaptured, Refusal
from shop.domain.payment_repository import RefundOrder
from shop.domain.payments import PaymentStatus
from shop.domain.purchases import Status
from shop.services import payments, purchases
from shop.services.payments import PaymentOrder
from shop.services.reconciliation import payments_check
from tests.contract.test_payments import events, status_of
from tests.fakes.bank import Bank
from tests.samples import a_request, in_catalogue, placed, registered, units

STAFF = Caller(id="a-member-of-staff", role=Role.STAFF, token="t")
THREADS = 8


@pytest.fixture
def bank():
    return Bank()


@pytest.fixture
def shop(shop, bank):
    return replace(shop, providers={**shop.providers, bank.name: bank})


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, stock=10)


@pytest.fixture
def purchase(shop, apple):
    return placed(shop, registered(shop).id, units(apple, 2))


def begin(shop, purchase, is_captured_later=False):
    order = PaymentOrder(provider="bank", method="card", return_url="", is_captured_later=is_captured_later)
    caller = CartCaller(user=purchase.user)
    return payments.payment_begin(
        shop=shop, request=a_request(), caller=caller, purchase=purchase.id, order=order
    ).value


def at_once(*deeds):
    """What each deed comes to, a refusal in its place, all of them begun at the same instant."""
    together = Barrier(len(deeds))

    def carry_out(deed):
        together.wait()
        try:
            return deed()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(len(deeds)) as threads:
        return list(threads.map(carry_out, deeds))


def check_all(shop):
    shop.clock.advance(timedelta(hours=2))
    return payments_check(shop=shop, pause=lambda: None)


def refund(shop, purchase, amount, restock=False):
    return payments.purchase_refund_amount(
        shop=shop,
        request=a_request(),
        caller=STAFF,
        purchase=purchase.id,
        amount=amount,
        reason="",
        restock=restock,
    ).value


def test_of_many_payments_at_once_one_is_begun(shop, purchase, bank):
    begun = at_once(*[lambda: begin(shop, purchase, is_captured_later=True)] * THREADS)
    assert len({payment.id for payment in begun}) == 1
    assert bank.moves == ["authorize"]
    assert len(shop.payments.of_purchase(purchase.id, None)) == 1


def test_of_refunds_at_once_no_more_goes_back_than_was_captured(shop, purchase, bank):
    payment, amount = begin(shop, purchase), 50
    heard = at_once(*[lambda: refund(shop, purchase, amount)] * THREADS)
    possible = purchase.total.minor // amount
    assert sum(isinstance(each, RefundExceedsCaptured) for each in heard) == THREADS - possible
    assert sum(bank.accounts[payment.id].refunds.values()) == possible * amount
    assert shop.payments.get(payment.id, None).refunded.minor == possible * amount


def test_of_reservations_at_once_no_more_is_reserved_than_was_captured(shop, purchase):
    payment = begin(shop, purchase)

    def reserve():
        now = shop.clock.now()
        order = RefundOrder(id=shop.ids.new(now), amount=None, restock=False, reason="", by="")
        return shop.payments.reserve_refund(a_request(), purchase.id, order, shop.ids.new(now), now)

    heard = at_once(*[reserve] * THREADS)
    assert sum(isinstance(each, RefundExceedsCaptured) for each in heard) == THREADS - 1
    assert shop.payments.get(payment.id, None).refundable.minor == 0


def test_browser_webhook_and_check_at_once_pay_a_purchase_once(shop, purchase, bank):
    payment = begin(shop, purchase, is_captured_later=True)
    bank.capture(payment)
    caller = CartCaller(user=purchase.user)

    def refresh():
        return payments.payment_refresh(shop=shop, request=a_request(), caller=caller, id=payment.id)

    def webhook():
        body = f"event {payment.id}".encode()
        return payments.provider_event(shop=shop, request=a_request(), provider="bank", body=body, headers={})

    at_once(refresh, webhook, lambda: check_all(shop), refresh, webhook, lambda: check_all(shop))
    assert (shop.payments.get(payment.id, None).status, status_of(shop, purchase)) == ("captured", Status.PAID)
    assert events(shop, purchase.id).count("purchase.paid") == 1
    assert events(shop, payment.id).count("payment.captured") == 1
    assert check_all(shop).checked == 0


def test_a_capture_and_a_cancel_at_once_are_one_of_them(shop, purchase, bank):
    payment = begin(shop, purchase, is_captured_later=True)
    heard = at_once(
        lambda: payments.payment_capture(shop=shop, request=a_request(), id=payment.id),
        lambda: payments.payment_cancel(shop=shop, request=a_request(), id=payment.id),
    )
    assert sum(isinstance(each, InvalidTransition) for each in heard) == 1
    check_all(shop)
    after = shop.payments.get(payment.id, None)
    assert after.status in ("captured", "cancelled")
    assert (after.status == "captured") == (bank.accounts[payment.id].captured > 0)
    assert (after.status == "captured") == (status_of(shop, purchase) is Status.PAID)


@pytest.mark.parametrize("round", range(4))
def test_a_payment_and_the_end_of_its_purchase_at_once_agree_about_money_and_goods(shop, purchase, apple, bank, round):
    at_once(
        lambda: begin(shop, purchase),
        lambda: shop.purchases.expire_all([(a_request(), purchase.id)], shop.clock.now()),
    )
    check_all(shop)
    held = sum(account.captured - sum(account.refunds.values()) for account in bank.accounts.values())
    is_paid = status_of(shop, purchase) is Status.PAID
    assert held == (purchase.total.minor if is_paid else 0)
    assert shop.products.get(apple.id).stock == (8 if is_paid else 10)
    assert check_all(shop).checked == 0


def test_a_cancel_and_a_refund_at_once_refund_once(shop, purchase, bank):
    payment = begin(shop, purchase)
    at_once(
        lambda: purchases.purchase_cancel(shop=shop, request=a_request(), caller=STAFF, id=purchase.id),
        lambda: refund(shop, purchase, None),
        lambda: refund(shop, purchase, 40),
    )
    check_all(shop)
    after = shop.payments.get(payment.id, None)
    assert (after.status, after.refunded) == (PaymentStatus.REFUNDED, purchase.total)
    assert sum(bank.accounts[payment.id].refunds.values()) == purchase.total.minor


def test_two_checks_at_once_move_the_money_once(shop, purchase, bank):
    payment = begin(shop, purchase)
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=STAFF, restock=True, at=shop.clock.now())
    at_once(*[lambda: check_all(shop)] * 4)
    assert bank.moves == ["authorize", "capture", "refund"]
    assert shop.payments.get(payment.id, None).status is PaymentStatus.REFUNDED
