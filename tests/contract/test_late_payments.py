"""Payments that arrive after their purchase has expired: goods and money agree all the same."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.domain.carts import CartCaller
from shop.domain.errors import NotFound
from shop.domain.movements import MovementKind
from shop.domain.payments import Intent, PaymentStatus, RefundStatus
from shop.domain.purchases import GUEST_RETENTION, Status
from shop.services import payments
from shop.services.expiry import purchases_expire
from shop.services.guest_erasure import guests_forget
from shop.services.purchases import purchase_cancel
from tests.cart_samples import EMAIL, GUEST, a_cart, a_ready_cart, change, checked_out, hold, put
from tests.contract.test_cart_vouchers import put_voucher
from tests.contract.test_payment_races import at_once, check_all, refund
from tests.contract.test_payments import apply, begin, captured, event, events, order, status_of
from tests.fakes import PAY_WITHIN
from tests.fakes.bank import Bank, silent_at
from tests.samples import a_request, as_staff, in_catalogue, issued, placed, registered, units


@pytest.fixture
def bank():
    return Bank()


@pytest.fixture
def shop(shop, bank):
    return replace(shop, providers={**shop.providers, bank.name: bank})


@pytest.fixture
def apple(shop):
    return in_catalogue(shop, sku="APPLE", stock=3)


@pytest.fixture
def purchase(shop, apple):
    """A guest's, of all three apples."""
    cart, _ = a_ready_cart(shop, apple, 3, GUEST.token)
    return checked_out(shop, cart)


def begin_as_guest(shop, purchase, **changes):
    return payments.payment_begin(
        shop=shop, request=a_request(), caller=GUEST, purchase=purchase.id, order=order(**changes)
    ).value


def expire(shop, purchase):
    shop.clock.advance(PAY_WITHIN + timedelta(minutes=1))
    return shop.purchases.expire_all([(a_request(), purchase.id)], shop.clock.now())


def test_a_guest_pays_by_the_token_of_the_cart(shop, purchase):
    payment = begin_as_guest(shop, purchase)
    assert (payment.status, status_of(shop, purchase)) == (PaymentStatus.CAPTURED, Status.PAID)
    assert shop.payments.get(payment.id, GUEST) == payment
    for stranger in (CartCaller(token="another"), CartCaller(), CartCaller(user=registered(shop).id)):
        with pytest.raises(NotFound):
            shop.payments.get(payment.id, stranger)
        with pytest.raises(NotFound):
            shop.payments.of_purchase(purchase.id, stranger)


def test_an_expired_purchase_that_is_paid_takes_its_units_again(shop, purchase, apple):
    payment = begin_as_guest(shop, purchase, method="tok_late")
    expire(shop, purchase)
    assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.EXPIRED, 3)
    assert apply(shop, payment, captured(payment)).status is PaymentStatus.CAPTURED
    assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.PAID, 0)
    assert [each.kind for each in shop.products.movements(apple.id, 2, None).results] == [
        MovementKind.SALE,
        MovementKind.EXPIRED,
    ]
    assert events(shop, purchase.id) == ["purchase.placed", "purchase.expired", "purchase.paid"]
    assert shop.products.get(apple.id).is_sold


def test_a_purchase_that_the_shop_cancelled_takes_its_units_again_when_it_is_paid(shop, apple):
    bought = placed(shop, registered(shop).id, units(apple, 3))
    payment = begin(shop, bought, "tok_late")
    expire(shop, bought)
    assert (status_of(shop, bought), shop.products.get(apple.id).stock) == (Status.CANCELLED, 3)
    assert apply(shop, payment, captured(payment)).status is PaymentStatus.CAPTURED
    assert (status_of(shop, bought), shop.products.get(apple.id).stock) == (Status.PAID, 0)
    assert events(shop, bought.id) == ["purchase.placed", "purchase.cancelled", "purchase.paid"]


def test_a_payment_that_arrives_when_its_guest_is_forgotten_goes_back(shop, purchase, apple):
    payment = begin_as_guest(shop, purchase, method="tok_late")
    expire(shop, purchase)
    shop.clock.advance(GUEST_RETENTION)
    assert not guests_forget(shop=shop, pause=lambda: None)
    assert apply(shop, payment, captured(payment)).status is PaymentStatus.ORPHANED
    assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.EXPIRED, 3)


@pytest.mark.parametrize("is_complete", [False, True])
@pytest.mark.parametrize("is_cart", [False, True])
def test_a_payment_that_arrives_when_its_user_is_erased_goes_back(shop, apple, is_cart, is_complete):
    buyer = registered(shop)
    caller = CartCaller(user=buyer.id)
    bought = of_cart(shop, apple, caller) if is_cart else placed(shop, buyer.id, units(apple, 3))
    payment = begin(shop, bought, "tok_late")
    expire(shop, bought)
    shop.users.delete(a_request(), buyer.id, None)
    if is_complete:
        assert shop.users.continue_erasure(a_request(), buyer.id).value.is_complete
    assert apply(shop, payment, captured(payment)).status is PaymentStatus.ORPHANED
    end = Status.EXPIRED if is_cart else Status.CANCELLED
    assert (status_of(shop, bought), shop.products.get(apple.id).stock) == (end, 3)


def of_cart(shop, product, caller):
    cart = a_cart(shop, owner=caller.user)
    put(shop, cart, product, 3, caller)
    change(shop, cart, caller, email=EMAIL)
    return checked_out(shop, cart, caller)


def test_a_guest_whose_purchase_is_paid_late_is_not_forgotten(shop, purchase):
    payment = begin_as_guest(shop, purchase, method="tok_late")
    expire(shop, purchase)
    apply(shop, payment, captured(payment))
    shop.clock.advance(GUEST_RETENTION)
    assert not shop.purchases.has_guests_to_forget(shop.clock.now())
    assert (status_of(shop, purchase), shop.purchases.get(purchase.id, None).email) == (Status.PAID, EMAIL)


def test_a_purchase_that_staff_cancelled_stays_so_when_it_is_paid(shop, apple):
    bought = placed(shop, registered(shop).id, units(apple, 3))
    payment = begin(shop, bought, "tok_late")
    purchase_cancel(shop=shop, request=a_request(), caller=as_staff(shop), id=bought.id)
    assert apply(shop, payment, captured(payment)).status is PaymentStatus.ORPHANED
    assert (status_of(shop, bought), shop.products.get(apple.id).stock) == (Status.CANCELLED, 3)


def test_a_purchase_that_was_paid_late_gives_its_units_back_once_more(shop, purchase, apple):
    payment = begin_as_guest(shop, purchase, method="tok_late")
    expire(shop, purchase)
    apply(shop, payment, captured(payment))
    refund(shop, purchase, None, restock=True)
    assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.REFUNDED, 3)


def test_an_expired_purchase_whose_units_are_sold_gets_its_money_back(shop, purchase, apple):
    payment = begin_as_guest(shop, purchase, method="tok_late")
    expire(shop, purchase)
    placed(shop, registered(shop).id, units(apple, 1))
    assert apply(shop, payment, captured(payment)).status is PaymentStatus.ORPHANED
    check_all(shop)
    after = shop.payments.get(payment.id, None)
    assert (after.status, after.refunded) == (PaymentStatus.REFUNDED, payment.amount)
    assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.EXPIRED, 2)
    assert events(shop, payment.id)[-2:] == ["payment.orphaned", "payment.refunded"]


def test_a_refund_of_an_orphan_that_is_refused_is_made_again(shop, purchase, apple):
    payment = begin_as_guest(shop, purchase, method="tok_late")
    expire(shop, purchase)
    placed(shop, registered(shop).id, units(apple, 1))
    (refund,) = apply(shop, payment, captured(payment)).refunds
    after = apply(shop, payment, captured(payment, refunds={refund.id: RefundStatus.FAILED}))
    assert (after.status, [each.amount for each in after.pending_refunds]) == (
        PaymentStatus.ORPHANED,
        [payment.amount],
    )
    check_all(shop)
    assert shop.payments.get(payment.id, None).refunded == payment.amount


def test_a_part_that_is_captured_goes_back_and_another_payment_pays_the_purchase(shop, purchase):
    payment = begin_as_guest(shop, purchase, provider="bank", is_captured_later=True)
    part = captured(payment, captured=payment.amount.minor - 40)
    after = apply(shop, payment, part)
    assert (after.status, [each.amount.minor for each in after.pending_refunds]) == (
        PaymentStatus.ORPHANED,
        [payment.amount.minor - 40],
    )
    assert status_of(shop, purchase) is Status.PLACED
    assert begin_as_guest(shop, purchase).status is PaymentStatus.CAPTURED
    assert status_of(shop, purchase) is Status.PAID


def test_money_that_was_captured_counts_whatever_the_status_says(shop, purchase):
    payment = begin_as_guest(shop, purchase, provider="bank", is_captured_later=True)
    assert apply(shop, payment, captured(payment, status=PaymentStatus.CANCELLED)).status is PaymentStatus.CAPTURED
    assert status_of(shop, purchase) is Status.PAID


def test_an_expired_purchase_takes_nothing_that_a_cart_holds(shop, purchase, apple):
    payment = begin_as_guest(shop, purchase, method="tok_late")
    expire(shop, purchase)
    other = CartCaller(token="another guest's")
    cart = a_cart(shop, token=other.token)
    put(shop, cart, apple, 1, other)
    hold(shop, cart, caller=other)
    assert apply(shop, payment, captured(payment)).status is PaymentStatus.ORPHANED
    assert shop.products.get(apple.id).stock == 3


def test_an_expired_purchase_takes_no_units_of_a_product_that_was_withdrawn(shop, purchase, apple):
    payment = begin_as_guest(shop, purchase, method="tok_late")
    expire(shop, purchase)
    shop.products.withdraw(a_request(), apple.id, None)
    assert apply(shop, payment, captured(payment)).status is PaymentStatus.ORPHANED
    assert status_of(shop, purchase) is Status.EXPIRED


def test_a_purchase_does_not_expire_while_its_payment_is_authorized(shop, purchase, apple):
    payment = begin_as_guest(shop, purchase, is_captured_later=True)
    (postponed,) = expire(shop, purchase)
    assert (postponed.value.status, postponed.value.version) == (Status.PLACED, 1)
    assert shop.purchases.unpaid(None, 10).ids == []
    shop.clock.advance(timedelta(minutes=9))
    assert shop.purchases.unpaid(None, 10).ids == []
    payments.payment_capture(shop=shop, request=a_request(), id=payment.id)
    assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.PAID, 0)


def test_a_purchase_expires_once_its_authorized_payment_is_to_be_cancelled(shop, purchase, apple):
    payment = begin_as_guest(shop, purchase, is_captured_later=True)
    expire(shop, purchase)
    shop.payments.intend(a_request(), payment, Intent.CANCEL, shop.clock.now())
    shop.clock.advance(PAY_WITHIN + timedelta(minutes=1))
    done = purchases_expire(shop=shop, ttl=timedelta(0), pause=lambda: None)
    assert [each.id for each in done.expired] == [purchase.id]
    assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.EXPIRED, 3)


def test_a_round_of_expiry_ends_no_purchase_whose_payment_is_authorized(shop, apple, bank):
    bought = placed(shop, registered(shop).id, units(apple, 3))
    own = order(is_captured_later=True)
    caller = CartCaller(user=bought.user)
    payments.payment_begin(shop=shop, request=a_request(), caller=caller, purchase=bought.id, order=own)
    shop.clock.advance(timedelta(days=1))
    assert purchases_expire(shop=shop, ttl=timedelta(hours=1), pause=lambda: None).expired == []
    assert (status_of(shop, bought), shop.products.get(apple.id).stock) == (Status.PLACED, 0)


def test_an_open_payment_of_an_expired_purchase_is_cancelled_at_the_provider(shop, purchase, bank):
    bank.after = silent_at("begin")
    payment = begin_as_guest(shop, purchase, provider="bank", is_captured_later=True)
    expire(shop, purchase)
    check_all(shop)
    assert shop.payments.get(payment.id, None).status is PaymentStatus.CANCELLED
    assert status_of(shop, purchase) is Status.EXPIRED


def with_voucher(shop, apple, voucher, caller):
    """A purchase of one unit by a guest's cart with the voucher."""
    cart, _ = a_ready_cart(shop, apple, 1, caller.token)
    put_voucher(shop, cart, voucher, caller)
    return checked_out(shop, cart, caller)


def test_an_expired_purchase_that_is_paid_redeems_its_voucher_again(shop, apple):
    voucher = issued(shop, limit=1)
    late = with_voucher(shop, apple, voucher, GUEST)
    payment = begin_as_guest(shop, late, method="tok_late")
    expire(shop, late)
    assert shop.vouchers.get(voucher.code).redeemed == 0
    assert apply(shop, payment, captured(payment)).status is PaymentStatus.CAPTURED
    assert (shop.vouchers.get(voucher.code).redeemed, status_of(shop, late)) == (1, Status.PAID)


def test_an_expired_purchase_whose_voucher_others_have_redeemed_gets_its_money_back(shop, apple):
    voucher, other = issued(shop, limit=1), CartCaller(token="another guest's")
    late = with_voucher(shop, apple, voucher, GUEST)
    payment = begin_as_guest(shop, late, method="tok_late")
    expire(shop, late)
    with_voucher(shop, apple, voucher, other)
    assert apply(shop, payment, captured(payment)).status is PaymentStatus.ORPHANED
    check_all(shop)
    assert shop.payments.get(payment.id, None).refunded == payment.amount
    assert (shop.vouchers.get(voucher.code).redeemed, shop.products.get(apple.id).stock) == (1, 2)


@pytest.mark.parametrize("round", range(3))
def test_a_late_webhook_an_expiry_and_another_sale_at_once_agree_about_money_and_goods(
    shop, purchase, apple, bank, round
):
    bank.after = silent_at("begin")
    payment = begin_as_guest(shop, purchase, provider="bank", is_captured_later=True)
    bank.capture(payment)
    shop.clock.advance(PAY_WITHIN + timedelta(minutes=1))
    buyer = registered(shop)
    at_once(
        lambda: event(shop, "bank", f"one {payment.id}".encode(), {}),
        lambda: shop.purchases.expire_all([(a_request(), purchase.id)], shop.clock.now()),
        lambda: placed(shop, buyer.id, units(apple, 1)),
        lambda: event(shop, "bank", f"two {payment.id}".encode(), {}),
    )
    check_all(shop)
    account, is_paid = bank.accounts[payment.id], status_of(shop, purchase) is Status.PAID
    assert account.captured - sum(account.refunds.values()) == (purchase.total.minor if is_paid else 0)
    assert shop.products.get(apple.id).stock == (0 if is_paid else 3 - sold(shop, apple, purchase))


def sold(shop, product, purchase):
    """Units that others have bought."""
    sales = [each for each in shop.products.movements(product.id, 50, None).results if each.kind is MovementKind.SALE]
    return -sum(each.quantity for each in sales if each.reference != purchase.id)
