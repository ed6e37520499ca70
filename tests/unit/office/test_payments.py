"""Payments and refunds in the back office: seen on the purchase, captured, cancelled and given back, each once."""

from dataclasses import replace

import pytest

from shop.domain.payments import MANUAL, Payment, PaymentStatus, RefundStatus
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase, Status
from shop.domain.users import User
from shop.services.payments import PaymentOrder, payment_begin
from tests.cart_samples import ADDRESS, EMAIL, a_ready_cart, change, checked_out
from tests.fakes import FakeStore
from tests.samples import a_payment, a_request, offered, placed, units
from tests.unit.office.browser import HTMX, OfficeBrowser

PAYMENTS = "/office/payments/"


@pytest.fixture
def bought(shop: Shop, ada: User, apple: Product) -> Purchase:
    return placed(shop, ada.id, units(apple, 2))


@pytest.fixture
def authorized(shop: Shop, bought: Purchase) -> Payment:
    return a_payment(shop, bought)


@pytest.fixture
def captured(shop: Shop, bought: Purchase) -> Payment:
    return begun(shop, bought, "tok_ok")


def begun(shop: Shop, purchase: Purchase, method: str) -> Payment:
    order = PaymentOrder(provider="fake", method=method, return_url="", is_captured_later=False)
    return payment_begin(shop=shop, request=a_request(), caller=None, purchase=purchase.id, order=order).value


def page_of(purchase: Purchase) -> str:
    return f"/office/purchases/{purchase.id}/"


def refund(purchase: Purchase) -> str:
    return f"{page_of(purchase)}refund-amount/"


def stored(shop: Shop, payment: Payment) -> Payment:
    return shop.payments.get(payment.id, None)


def test_a_purchase_shows_its_payment_with_what_was_taken_and_the_providers_name_of_it(
    office: OfficeBrowser, bought: Purchase, captured: Payment
):
    page = office.text(page_of(bought))
    for text in ("Fake", "Captured", "2.40 EUR", captured.reference):
        assert text in page
    assert f"{PAYMENTS}{captured.id}/" not in page


def test_open_payments_are_listed_and_settled_ones_are_not(office: OfficeBrowser, shop: Shop, ada, apple, captured):
    waiting = placed(shop, ada.id, units(apple, 1))
    silent = placed(shop, ada.id, units(apple, 1))
    payments = [a_payment(shop, waiting), begun(shop, silent, "tok_timeout")]
    page = office.text(PAYMENTS)
    for payment, text in zip(payments, ("The money is to be captured", "The provider has not said yet"), strict=True):
        assert f"/office/purchases/{payment.purchase}/" in page
        assert text in page
    assert captured.purchase not in page


def test_a_shop_without_open_payments_says_so(office: OfficeBrowser):
    assert "Nothing is open" in office.text(PAYMENTS)


@pytest.mark.parametrize(
    ("name", "payment_status", "purchase_status"),
    [
        ("capture", PaymentStatus.CAPTURED, Status.PAID),
        ("cancel", PaymentStatus.CANCELLED, Status.PLACED),
    ],
)
def test_a_payment_is_captured_or_cancelled_once(
    office: OfficeBrowser,
    shop: Shop,
    store: FakeStore,
    bought,
    authorized,
    boss: User,
    name,
    payment_status,
    purchase_status,
):
    path = f"{PAYMENTS}{authorized.id}/{name}/"
    assert path in office.text(page_of(bought))
    form = office.form(path)
    for _ in range(2):
        response = office.send(path, form)
        assert response.headers["Location"] == f"{page_of(bought)}?done=payment-{payment_status}"
    assert stored(shop, authorized).status is payment_status
    assert shop.purchases.get(bought.id, None).status is purchase_status
    (entry,) = [entry for entry in store.audit if entry.operation == f"payments_{name}"]
    assert (entry.actor, entry.object) == (boss.id, f"payment:{authorized.id}")


def test_a_payment_that_was_settled_meanwhile_is_not_captured(office: OfficeBrowser, authorized: Payment):
    path = f"{PAYMENTS}{authorized.id}/capture/"
    form = office.form(path)
    office.submit(f"{PAYMENTS}{authorized.id}/cancel/")
    response = office.send(path, form)
    assert response.status_code == 409
    assert "The payment is cancelled by now." in response.content.decode()
    assert office.get(path).status_code == 409


def test_the_provider_is_asked_how_a_payment_is(office: OfficeBrowser, shop: Shop, bought: Purchase):
    silent = begun(shop, bought, "tok_timeout")
    path = f"{PAYMENTS}{silent.id}/refresh/"
    response = office.send(path, office.form(page_of(bought), path))
    assert response.headers["Location"] == f"{page_of(bought)}?done=payment-refreshed"
    assert stored(shop, silent).status is PaymentStatus.CAPTURED


def test_marking_a_purchase_as_paid_is_a_manual_payment(office: OfficeBrowser, shop: Shop, bought: Purchase):
    office.submit(f"{page_of(bought)}pay/")
    (payment,) = shop.payments.of_purchase(bought.id, None)
    assert (payment.provider, payment.status) == (MANUAL, PaymentStatus.CAPTURED)
    assert "Manual" in office.text(page_of(bought))


def test_an_amount_is_refunded_once_and_shown_with_its_reason(office: OfficeBrowser, shop, bought, captured, apple):
    form = {**office.form(refund(bought)), "amount": "1.20", "reason": "One was <b>bruised</b>.", "restock": "false"}
    for _ in range(2):
        response = office.send(refund(bought), form)
        assert response.headers["Location"] == f"{page_of(bought)}?done=refund-succeeded"
    (made,) = stored(shop, captured).refunds
    assert (made.amount.minor, made.status, made.restock) == (120, RefundStatus.SUCCEEDED, False)
    page = office.text(page_of(bought))
    for text in ("Partially refunded", "1.20 EUR", "One was &lt;b&gt;bruised", "by you"):
        assert text in page
    assert shop.products.get(apple.id).stock == 8


def test_all_that_is_left_is_refunded_without_an_amount(office: OfficeBrowser, shop, bought, captured, apple):
    office.submit(refund(bought), reason="Lost", restock="true")
    assert shop.purchases.get(bought.id, None).status is Status.REFUNDED
    assert shop.products.get(apple.id).stock == 10


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({"amount": "9.00"}, 409, "At most 2.40 EUR can be refunded now"),
        ({"amount": "1.001"}, 400, "decimals"),
        ({"amount": "much"}, 400, "amount-error"),
        ({"reason": ""}, 400, "reason-error"),
        ({"colour": "red"}, 400, "No such field"),
    ],
)
def test_a_refund_that_is_refused_says_why_and_has_what_was_filled_in(
    office: OfficeBrowser, shop, bought, captured, fields, status, text
):
    response = office.submit(refund(bought), **{"amount": "1.00", "reason": "Bruised", "restock": "false", **fields})
    page = response.content.decode()
    assert response.status_code == status
    assert text in page
    assert f'value="{fields.get("amount", "1.00")}"' in page
    assert stored(shop, captured).refunds == ()


def test_a_refund_asks_whether_the_units_return(office: OfficeBrowser, bought: Purchase, captured: Payment):
    form = {**office.form(refund(bought)), "reason": "Bruised"}
    del form["restock"]
    response = office.send(refund(bought), form)
    assert response.status_code == 400
    assert "Choose one." in response.content.decode()


def test_what_was_not_paid_is_not_refunded(office: OfficeBrowser, bought: Purchase):
    response = office.get(refund(bought))
    assert response.status_code == 409
    assert "is not possible from there" in response.content.decode()


def test_htmx_gets_the_form_of_a_refund_alone(office: OfficeBrowser, bought: Purchase, captured: Payment):
    page = office.get(refund(bought), **HTMX).content.decode()
    assert f'action="{refund(bought)}"' in page
    assert "<html" not in page


def test_money_that_no_refund_brought_back_is_named(office: OfficeBrowser, shop, store: FakeStore, bought, captured):
    store.payments[captured.id] = replace(stored(shop, captured), status=PaymentStatus.ORPHANED)
    assert "2.40 EUR are owed to the buyer." in office.text(page_of(bought))


def test_a_guests_purchase_shows_the_guest_and_where_it_is_sent(office: OfficeBrowser, shop: Shop, apple: Product):
    cart, guest = a_ready_cart(shop, apple, 2)
    change(shop, cart, guest, shipping_address=ADDRESS, shipping_method=offered(shop).code)
    purchase = checked_out(shop, cart, guest)
    page = office.text(page_of(purchase))
    for text in (EMAIL, "Guest", "by the guest", ADDRESS.city, ADDRESS.postal_code, "4.90", "7.30 EUR"):
        assert text in page
    assert "erased" not in page
    assert EMAIL in office.text("/office/purchases/")


@pytest.mark.parametrize("name", ["capture", "cancel", "refresh"])
def test_a_customer_settles_no_payment(shopper: OfficeBrowser, shop: Shop, authorized: Payment, name: str):
    response = shopper.send(f"{PAYMENTS}{authorized.id}/{name}/", {"idempotency_key": "key"})
    assert response.status_code == 403
    assert stored(shop, authorized).status is PaymentStatus.AUTHORIZED
