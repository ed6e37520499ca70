"""Refunds: never more than was captured, and once each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.domain.errors import Invalid, InvalidTransition, NotFound, RefundExceedsCaptured, UnitsExceeded
from shop.domain.payment_repository import RefundOrder, StateReport
from shop.domain.payments import (
    MANUAL,
    MAX_REFUNDS,
    MAX_REFUNDS_IN_ALL,
    REFUSED_OFTEN,
    PaymentStatus,
    ProviderState,
    RefundStatus,
)
from shop.domain.purchases import Shipment, Status, Units
from shop.services import payments, purchases
from tests.contract.test_payments import (
    NOTHING,
    apple,
    apply,
    begin,
    buyer,
    captured,
    check_all,
    events,
    purchase,
    status_of,
)
from tests.samples import a_request, again, as_staff

__all__ = ["apple", "buyer", "purchase"]

PENDING, SUCCEEDED = RefundStatus.PENDING, RefundStatus.SUCCEEDED


@pytest.fixture
def staff(shop):
    return as_staff(shop)


@pytest.fixture
def payment(shop, purchase):
    return begin(shop, purchase)


def refund(shop, staff, purchase, amount=None, request=None, restock=False):
    return payments.purchase_refund_amount(
        shop=shop,
        request=request or a_request(),
        caller=staff,
        purchase=purchase.id,
        amount=amount,
        reason="Bruised",
        restock=restock,
    ).value


def reserve(shop, purchase, amount=None, restock=False):
    """Reserves a refund that no provider is asked for."""
    now = shop.clock.now()
    order = RefundOrder(id=shop.ids.new(now), amount=amount, restock=restock, reason="Bruised", by="")
    return shop.payments.reserve_refund(a_request(), purchase.id, order, shop.ids.new(now), now).value


def ship(shop, staff, purchase, *lines):
    shipment = Shipment(at=shop.clock.now(), lines=lines)
    return shop.purchases.ship(a_request(), purchase.id, shipment, by=staff).value


def test_a_part_of_the_money_goes_back_and_then_the_rest(shop, staff, purchase, payment):
    first = refund(shop, staff, purchase, 40)
    assert (first.refund.status, first.refund.amount.minor, first.refund.by) == (SUCCEEDED, 40, staff.id)
    assert (first.payment.status, first.payment.refunded.minor) == (PaymentStatus.PARTIALLY_REFUNDED, 40)
    assert status_of(shop, purchase) is Status.PARTIALLY_REFUNDED
    rest = refund(shop, staff, purchase)
    assert (rest.refund.amount.minor, rest.payment.status) == (purchase.total.minor - 40, PaymentStatus.REFUNDED)
    assert (status_of(shop, purchase), rest.payment.refundable.minor) == (Status.REFUNDED, 0)
    assert events(shop, first.refund.id) == ["refund.requested", "refund.succeeded"]


def test_no_more_goes_back_than_was_captured(shop, staff, purchase, payment):
    total = purchase.total.minor
    refund(shop, staff, purchase, total - 10)
    for amount in (11, 0, -1):
        with pytest.raises(RefundExceedsCaptured) as error:
            refund(shop, staff, purchase, amount)
        assert error.value.refundable == "0.10"
    refund(shop, staff, purchase, 10)
    with pytest.raises(RefundExceedsCaptured):
        refund(shop, staff, purchase)
    assert shop.payments.get(payment.id, None).refunded == purchase.total


def test_a_refund_that_is_pending_has_its_amount_reserved(shop, staff, purchase, payment):
    reserve(shop, purchase, purchase.total.minor - 10)
    with pytest.raises(RefundExceedsCaptured):
        reserve(shop, purchase, 11)
    assert status_of(shop, purchase) is Status.PAID
    check_all(shop)
    assert shop.payments.get(payment.id, None).refunded.minor == purchase.total.minor - 10


def test_a_refund_that_fails_gives_its_amount_back(shop, staff, purchase, payment):
    reserved = reserve(shop, purchase)
    failed = replace(captured(payment), refunds={reserved.refund.id: RefundStatus.FAILED})
    assert apply(shop, payment, failed).refundable == purchase.total
    assert events(shop, reserved.refund.id) == ["refund.requested", "refund.failed"]
    apply(shop, payment, replace(captured(payment), refunds={reserved.refund.id: SUCCEEDED}))
    assert shop.payments.get(payment.id, None).refunded.minor == 0


def test_a_refund_that_fails_after_it_had_succeeded_can_be_made_again(shop, staff, purchase, payment):
    first = reserve(shop, purchase, 40).refund
    done = replace(captured(payment), refunded=40, refunds={first.id: SUCCEEDED})
    failed = replace(captured(payment), refunds={first.id: RefundStatus.FAILED})
    for state in (done, failed, done, failed):
        apply(shop, payment, state)
    after = shop.payments.get(payment.id, None)
    assert (after.refunded.minor, after.refundable) == (0, purchase.total)
    assert events(shop, first.id) == ["refund.requested", "refund.succeeded", "refund.failed"]
    second = reserve(shop, purchase, 40).refund
    states = {first.id: RefundStatus.FAILED, second.id: SUCCEEDED}
    for state in (done, replace(captured(payment), refunded=40, refunds=states), done):
        apply(shop, payment, state)
    assert shop.payments.get(payment.id, None).refunded.minor == 40


def test_a_payment_that_was_refunded_is_so_in_part_once_a_refund_has_failed(shop, staff, purchase, payment):
    whole = reserve(shop, purchase).refund
    done = replace(captured(payment), refunded=purchase.total.minor, refunds={whole.id: SUCCEEDED})
    assert apply(shop, payment, done).status is PaymentStatus.REFUNDED
    failed = replace(captured(payment), refunds={whole.id: RefundStatus.FAILED})
    assert apply(shop, payment, failed).status is PaymentStatus.PARTIALLY_REFUNDED
    assert events(shop, payment.id)[-1] == "payment.partially_refunded"


def test_a_webhook_that_does_not_say_everything_has_the_provider_asked_at_once(shop, payment):
    now = shop.clock.now()
    state, later = captured(payment, is_incomplete=True), now + timedelta(hours=1)
    report = StateReport(state=state, at=now, refund_id=shop.ids.new(now), check_at=later, event="evt_1")
    shop.payments.apply(a_request(), payment, report)
    assert shop.payments.due(shop.clock.now(), 10) == [payment.id]
    # One that says more, and comes after it, takes that question not back.
    shop.payments.apply(a_request(), payment, replace(report, state=captured(payment), event="evt_2"))
    assert shop.payments.due(shop.clock.now(), 10) == [payment.id]
    check_all(shop)
    assert check_all(shop).checked == 0


def fail(shop, payment):
    """The provider fails every refund that is pending."""
    pending = shop.payments.get(payment.id, None).pending_refunds
    states = {each.id: RefundStatus.FAILED for each in pending}
    return apply(shop, payment, replace(captured(payment), refunds=states))


def test_a_refund_of_a_cancelled_purchase_that_fails_is_made_again_later(shop, staff, purchase, payment):
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=staff, restock=True, at=shop.clock.now())
    after = fail(shop, payment)
    assert [(each.status, each.reason) for each in after.refunds][1:] == [(PENDING, "owed")]
    assert (after.pending_refunds[0].amount, shop.payments.due(shop.clock.now(), 10)) == (purchase.total, [])
    check_all(shop)
    assert shop.payments.get(payment.id, None).refunded == purchase.total


def test_a_total_that_comes_before_its_refund_is_named_leaves_a_cancelled_purchase_nothing_owed(
    shop, staff, purchase, payment
):
    first = reserve(shop, purchase, 40).refund
    apply(shop, payment, replace(captured(payment), refunded=40))
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=staff, restock=True, at=shop.clock.now())
    done = {each.id: SUCCEEDED for each in shop.payments.get(payment.id, None).pending_refunds}
    gone = purchase.total.minor - 40
    assert first.id in done
    assert apply(shop, payment, replace(captured(payment), refunded=gone, refunds=done)).pending_refunds
    check_all(shop)
    assert shop.payments.get(payment.id, None).refunded == purchase.total


def test_a_refund_is_not_made_again_for_ever(shop, staff, purchase, payment):
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=staff, restock=True, at=shop.clock.now())
    for _ in range(MAX_REFUNDS_IN_ALL):
        after = fail(shop, payment)
    assert (len(after.refunds), after.pending_refunds) == (MAX_REFUNDS_IN_ALL, [])
    assert check_all(shop).checked == 0
    assert shop.payments.count_unrefunded() == 1


def test_payments_whose_refunds_are_often_refused_are_counted_until_the_money_is_back(shop, staff, purchase, payment):
    for _ in range(REFUSED_OFTEN):
        reserve(shop, purchase, 10)
        fail(shop, payment)
    assert shop.payments.count_unrefunded() == 0
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=staff, restock=True, at=shop.clock.now())
    fail(shop, payment)
    assert shop.payments.count_unrefunded() == 1
    apply(shop, payment, replace(captured(payment), refunded=purchase.total.minor))
    assert shop.payments.count_unrefunded() == 0


def test_refunds_that_were_made_do_not_count_as_refused_and_leave_what_is_owed_its_tries(
    shop, staff, purchase, payment
):
    states = {reserve(shop, purchase, 1).refund.id: SUCCEEDED for _ in range(MAX_REFUNDS)}
    apply(shop, payment, replace(captured(payment), refunded=MAX_REFUNDS, refunds=states))
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=staff, restock=True, at=shop.clock.now())
    after = fail(shop, payment)
    assert [each.reason for each in after.pending_refunds] == ["owed"]
    assert shop.payments.count_unrefunded() == 0
    assert shop.payments.due(shop.clock.now() + timedelta(seconds=40), 9) == [payment.id]


def test_a_refund_is_settled_once_whatever_is_reported_and_in_which_order(shop, staff, purchase, payment):
    reserved = reserve(shop, purchase, 40)
    done = replace(captured(payment), refunded=40, refunds={reserved.refund.id: SUCCEEDED})
    for state in (captured(payment), done, captured(payment), done):
        apply(shop, payment, state)
    after = shop.payments.get(payment.id, None)
    assert (after.refunded.minor, [each.status for each in after.refunds]) == (40, [SUCCEEDED])
    assert events(shop, reserved.refund.id) == ["refund.requested", "refund.succeeded"]
    assert events(shop, purchase.id).count("purchase.partially_refunded") == 1


def test_a_total_that_the_provider_reports_counts_before_its_refunds_are_named(shop, staff, purchase, payment):
    reserve(shop, purchase, 40)
    after = apply(shop, payment, replace(captured(payment), refunded=40))
    assert (after.refunded.minor, after.refundable.minor) == (40, purchase.total.minor - 80)


def test_a_repeat_of_a_refund_gets_its_outcome_and_refunds_nothing_more(shop, staff, purchase, payment):
    request = a_request()
    first = refund(shop, staff, purchase, 40, request)
    refund(shop, staff, purchase, 10)
    assert refund(shop, staff, purchase, 40, again(request)) == first
    assert shop.payments.get(payment.id, None).refunded.minor == 50


def after_a_part(shop, payment, purchase):
    """Refunds a part, and reserves the rest with the units."""
    part = reserve(shop, purchase, 40).refund
    apply(shop, payment, replace(captured(payment), refunded=40, refunds={part.id: SUCCEEDED}))
    return part, reserve(shop, purchase, restock=True).refund


def test_a_refund_brings_the_units_back_once_all_of_the_money_is_back(shop, staff, purchase, payment, apple):
    part, rest = after_a_part(shop, payment, purchase)
    states = {part.id: RefundStatus.FAILED, rest.id: SUCCEEDED}
    apply(shop, payment, replace(captured(payment), refunded=rest.amount.minor, refunds=states))
    assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.PARTIALLY_REFUNDED, 8)
    with pytest.raises(UnitsExceeded):
        purchases.purchase_ship(shop=shop, request=a_request(), caller=staff, id=purchase.id)
    states[reserve(shop, purchase).refund.id] = SUCCEEDED
    everything = replace(captured(payment), refunded=purchase.total.minor, refunds=states)
    for _ in range(2):
        apply(shop, payment, everything)
        assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.REFUNDED, 10)


def test_a_refund_of_a_part_brings_no_units_back(shop, staff, purchase, payment, apple):
    with pytest.raises(Invalid) as refused:
        refund(shop, staff, purchase, 40, restock=True)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/restock", "restocks-part")]
    after = shop.payments.get(payment.id, None)
    assert (after.refunds, shop.products.get(apple.id).stock) == ((), 8)
    refund(shop, staff, purchase, 40)
    assert shop.products.get(apple.id).stock == 8
    refund(shop, staff, purchase, purchase.total.minor - 40, restock=True)
    assert shop.products.get(apple.id).stock == 10


def test_no_units_are_to_return_while_another_refund_may_fail(shop, staff, purchase, payment, apple):
    part = reserve(shop, purchase, 40).refund
    for amount in (None, purchase.total.minor - 40):
        with pytest.raises(Invalid) as refused:
            reserve(shop, purchase, amount, restock=True)
        assert [error.code for error in refused.value.errors] == ["restocks-part"]
    apply(shop, payment, replace(captured(payment), refunds={part.id: RefundStatus.FAILED}))
    refund(shop, staff, purchase, restock=True)
    assert (status_of(shop, purchase), shop.products.get(apple.id).stock) == (Status.REFUNDED, 10)


@pytest.mark.parametrize("asked", [(), (1,)])
def test_units_that_a_refund_brought_back_are_not_shipped(shop, staff, purchase, payment, apple, asked):
    part, rest = after_a_part(shop, payment, purchase)
    states = {part.id: RefundStatus.FAILED, rest.id: SUCCEEDED}
    apply(shop, payment, replace(captured(payment), refunded=rest.amount.minor, refunds=states))
    lines = [Units(product=apple.id, quantity=units) for units in asked]
    with pytest.raises(UnitsExceeded) as refused:
        purchases.purchase_ship(shop=shop, request=a_request(), caller=staff, id=purchase.id, lines=lines)
    assert [each.available for each in refused.value.shortages] == [0]
    assert shop.purchases.get(purchase.id, None).shipments == ()


def test_units_that_a_pending_refund_brings_back_are_not_shipped_until_it_fails(shop, staff, purchase, payment):
    reserved = reserve(shop, purchase, restock=True)
    with pytest.raises(UnitsExceeded):
        purchases.purchase_ship(shop=shop, request=a_request(), caller=staff, id=purchase.id)
    apply(shop, payment, replace(captured(payment), refunds={reserved.refund.id: RefundStatus.FAILED}))
    shipped = purchases.purchase_ship(shop=shop, request=a_request(), caller=staff, id=purchase.id).value
    assert shipped.status is Status.SHIPPED


def test_a_refund_without_restock_leaves_the_units_to_be_shipped(shop, staff, purchase, payment):
    refund(shop, staff, purchase, 40)
    shipped = purchases.purchase_ship(shop=shop, request=a_request(), caller=staff, id=purchase.id).value
    assert shipped.status is Status.SHIPPED


def test_what_was_not_paid_is_not_refunded(shop, staff, purchase):
    with pytest.raises(InvalidTransition):
        refund(shop, staff, purchase)
    with pytest.raises(NotFound):
        refund(shop, staff, replace(purchase, id=NOTHING))


def test_a_purchase_that_was_paid_before_there_were_payments_is_refunded_by_staff(shop, staff, purchase):
    shop.purchases.move(a_request(), purchase.id, Status.PAID, by=staff, restock=False, at=shop.clock.now())
    done = refund(shop, staff, purchase, 40)
    assert (done.payment.provider, done.payment.captured, done.payment.refunded.minor) == (MANUAL, purchase.total, 40)
    assert shop.payments.of_purchase(purchase.id, None) == [done.payment]


def test_a_refused_refund_of_what_was_paid_before_there_were_payments_records_none(shop, staff, purchase):
    shop.purchases.move(a_request(), purchase.id, Status.PAID, by=staff, restock=False, at=shop.clock.now())
    with pytest.raises(RefundExceedsCaptured):
        refund(shop, staff, purchase, purchase.total.minor + 1)
    assert shop.payments.of_purchase(purchase.id, None) == []
    assert events(shop, purchase.id) == ["purchase.placed", "purchase.paid"]


def test_what_was_shipped_in_part_before_there_were_payments_is_refunded(shop, staff, purchase, apple):
    shop.purchases.move(a_request(), purchase.id, Status.PAID, by=staff, restock=False, at=shop.clock.now())
    ship(shop, staff, purchase, Units(product=apple.id, quantity=1))
    assert refund(shop, staff, purchase, 40).refund.status is SUCCEEDED


def test_a_purchase_that_was_paid_to_staff_is_refunded_by_staff(shop, staff, purchase):
    purchases.purchase_pay(shop=shop, request=a_request(), caller=staff, id=purchase.id)
    assert refund(shop, staff, purchase).refund.status is SUCCEEDED
    assert status_of(shop, purchase) is Status.REFUNDED


@pytest.mark.parametrize("ends", ["cancel", "refund"])
def test_what_ends_a_paid_purchase_refunds_all_that_is_left(shop, staff, purchase, payment, ends):
    refund(shop, staff, purchase, 40)
    if ends == "cancel":
        purchases.purchase_cancel(shop=shop, request=a_request(), caller=staff, id=purchase.id)
    else:
        purchases.purchase_refund(shop=shop, request=a_request(), caller=staff, id=purchase.id, restock=True)
    after = shop.payments.get(payment.id, None)
    assert (after.status, after.refunded) == (PaymentStatus.REFUNDED, purchase.total)
    assert status_of(shop, purchase) is (Status.CANCELLED if ends == "cancel" else Status.REFUNDED)


def test_a_refund_that_the_end_of_a_purchase_has_reserved_is_made_in_the_background(shop, staff, purchase, payment):
    shop.purchases.move(a_request(), purchase.id, Status.CANCELLED, by=staff, restock=True, at=shop.clock.now())
    assert [each.status for each in shop.payments.get(payment.id, None).refunds] == [PENDING]
    check_all(shop)
    after = shop.payments.get(payment.id, None)
    assert (after.status, [each.status for each in after.refunds]) == (PaymentStatus.REFUNDED, [SUCCEEDED])
    assert check_all(shop).checked == 0


def test_a_buyer_who_cancels_is_not_named_by_the_refund(shop, purchase, payment):
    buyer = replace(as_staff(shop), id=purchase.user, role=None)
    purchases.purchase_cancel(shop=shop, request=a_request(), caller=buyer, id=purchase.id)
    assert [each.by for each in shop.payments.get(payment.id, None).refunds] == [None]


def test_a_state_that_comes_late_leaves_a_shipped_purchase_alone(shop, staff, purchase, payment):
    shop.purchases.move(a_request(), purchase.id, Status.SHIPPED, by=staff, restock=False, at=shop.clock.now())
    assert apply(shop, payment, ProviderState(status=PaymentStatus.FAILED)).status is PaymentStatus.CAPTURED
    assert status_of(shop, purchase) is Status.SHIPPED
