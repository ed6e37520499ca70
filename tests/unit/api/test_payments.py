"""Payments and refunds over HTTP."""

from uuid import uuid4

import orjson
import pytest
from django.test import Client

from shop.domain.payments import MAX_PAYMENTS, PaymentStatus, ProviderState
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase
from shop.domain.users import User
from shop.payments.fake import FakeProvider, webhook_body
from tests.samples import placed, registered, units
from tests.unit.api.client import ApiClient

ORDER = {"provider": "fake", "method": "tok_ok"}
WEBHOOKS = "/api/v1/payments/webhooks/fake/"


@pytest.fixture
def purchase(shop: Shop, ada: User, apple: Product) -> Purchase:
    return placed(shop, ada.id, units(apple, 3))


@pytest.fixture
def fake(shop: Shop) -> FakeProvider:
    provider = shop.providers["fake"]
    assert isinstance(provider, FakeProvider)
    return provider


def pay(client: ApiClient, purchase: Purchase, method: str = "tok_ok"):
    return client.post(f"/purchases/{purchase.id}/payments/", {**ORDER, "method": method})


def refund(client: ApiClient, purchase: Purchase, **body):
    path, document = f"/purchases/{purchase.id}/refunds/", {"reason": "Bruised", **body}
    return client.post(path, document, Idempotency_Key=str(uuid4()))


def test_a_customer_pays_a_purchase(customer: ApiClient, purchase: Purchase):
    response = pay(customer, purchase)
    assert response.status_code == 201
    payment = response.json()
    assert (payment["status"], payment["amount"], payment["captured"]) == ("captured", "3.60", "3.60")
    assert (payment["currency"], payment["refunds"], payment["client_secret"]) == ("EUR", [], None)
    assert customer.get(f"/purchases/{purchase.id}/").json()["status"] == "paid"
    assert customer.get(f"/purchases/{purchase.id}/payments/").json()["results"] == [payment]
    assert customer.get(response.headers["Location"].removeprefix("/api/v1")).json() == payment


def test_a_payment_that_requires_an_action_says_where_to_go(customer: ApiClient, purchase: Purchase):
    order = {**ORDER, "method": "tok_3ds", "return_url": "https://shop.example/thanks"}
    payment = customer.post(f"/purchases/{purchase.id}/payments/", order).json()
    assert (payment["status"], payment["redirect_url"]) == ("requires_action", "https://shop.example/thanks")
    assert payment["client_secret"]


def test_another_customer_finds_neither_purchase_nor_payment(
    anyone: ApiClient, customer: ApiClient, shop: Shop, purchase: Purchase
):
    payment, other = pay(customer, purchase, "tok_3ds").json(), anyone.signed_in(registered(shop))
    for path in (f"/payments/{payment['id']}/", f"/purchases/{purchase.id}/payments/"):
        assert other.get(path).status_code == 404
    assert pay(other, purchase).status_code == 404
    assert other.post(f"/payments/{payment['id']}/refresh/").status_code == 404


def test_staff_capture_and_cancel(
    customer: ApiClient, staff: ApiClient, shop: Shop, purchase: Purchase, ada: User, apple: Product, settings
):
    settings.EVERGREEN_PAYMENT_CAPTURE = "manual"
    payment = pay(customer, purchase).json()
    assert payment["status"] == "authorized"
    assert customer.post(f"/payments/{payment['id']}/capture/").status_code == 403
    assert staff.post(f"/payments/{payment['id']}/capture/").json()["status"] == "captured"
    refused = staff.post(f"/payments/{payment['id']}/cancel/")
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid-transition")
    assert (refused.json()["from"], refused.json()["to"], refused.json()["allowed"]) == ("captured", "cancelled", [])
    second = pay(customer, placed(shop, ada.id, units(apple, 1))).json()
    assert staff.post(f"/payments/{second['id']}/cancel/").json()["status"] == "cancelled"


def test_a_customer_who_comes_back_refreshes_the_payment(customer: ApiClient, purchase: Purchase):
    payment = pay(customer, purchase, "tok_timeout").json()
    assert payment["status"] == "processing"
    assert customer.post(f"/payments/{payment['id']}/refresh/").json()["status"] == "captured"
    assert customer.get(f"/purchases/{purchase.id}/").json()["status"] == "paid"


def test_refreshes_of_one_payment_ask_the_provider_once_in_two_seconds(
    customer: ApiClient, purchase: Purchase, fake: FakeProvider, monkeypatch
):
    payment, asked, fetch = pay(customer, purchase, "tok_late").json(), [], fake.fetch
    monkeypatch.setattr(fake, "fetch", lambda each: asked.append(each.id) or fetch(each))
    for _ in range(5):
        response = customer.post(f"/payments/{payment['id']}/refresh/")
        assert (response.status_code, response.json()["status"]) == (200, "processing")
    assert asked == [payment["id"]]


def test_an_unknown_provider_names_those_there_are(customer: ApiClient, purchase: Purchase):
    for name in ("manual", "nowhere"):
        response = customer.post(f"/purchases/{purchase.id}/payments/", {"provider": name})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/provider")
        assert "fake" in response.json()["detail"]


def test_a_return_url_is_one_of_the_web(customer: ApiClient, purchase: Purchase):
    for url in ("javascript:alert(1)", "//shop.example", "https://shop.example/a b"):
        response = customer.post(f"/purchases/{purchase.id}/payments/", {**ORDER, "return_url": url})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/return_url")


def test_one_payment_too_many_names_the_limit(customer: ApiClient, purchase: Purchase):
    for _ in range(MAX_PAYMENTS):
        assert pay(customer, purchase, "tok_decline").json()["status"] == "failed"
    response = pay(customer, purchase)
    assert (response.status_code, response.json()["code"]) == (409, "too-many-payments")
    assert response.json()["limit"] == MAX_PAYMENTS


def test_staff_refund_a_part_and_the_rest(customer: ApiClient, staff: ApiClient, purchase: Purchase):
    payment = pay(customer, purchase).json()
    assert refund(customer, purchase, amount="1.00").status_code == 403
    part = refund(staff, purchase, amount="1.00")
    assert (part.status_code, part.json()["amount"], part.json()["status"]) == (201, "1.00", "succeeded")
    refused = refund(staff, purchase, amount="2.61")
    assert (refused.status_code, refused.json()["code"]) == (409, "refund-exceeds-captured")
    assert (refused.json()["refundable"], refused.json()["currency"]) == ("2.60", "EUR")
    assert refund(staff, purchase).json()["amount"] == "2.60"
    after = staff.get(f"/payments/{payment['id']}/").json()
    assert (after["status"], after["refunded"], len(after["refunds"])) == ("refunded", "3.60", 2)
    assert customer.get(f"/purchases/{purchase.id}/").json()["status"] == "refunded"


def test_a_refund_needs_a_key_and_is_made_once(customer: ApiClient, staff: ApiClient, purchase: Purchase):
    pay(customer, purchase)
    path, body = f"/purchases/{purchase.id}/refunds/", {"amount": "1.00", "reason": "Bruised"}
    without = staff.post(path, body)
    assert (without.status_code, without.json()["errors"][0]["pointer"]) == (400, "Idempotency-Key")
    first = staff.post(path, body, Idempotency_Key="one")
    second = staff.post(path, body, Idempotency_Key="one")
    assert (second.status_code, second.json(), second.headers["Idempotent-Replayed"]) == (201, first.json(), "true")
    assert staff.get(f"/purchases/{purchase.id}/payments/").json()["results"][0]["refunded"] == "1.00"


def test_an_amount_of_a_refund_is_one_of_the_currency(customer: ApiClient, staff: ApiClient, purchase: Purchase):
    pay(customer, purchase)
    response = refund(staff, purchase, amount="1.005")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/amount")


def test_what_staff_took_is_a_payment(staff: ApiClient, purchase: Purchase):
    staff.post(f"/purchases/{purchase.id}/pay/")
    (payment,) = staff.get(f"/purchases/{purchase.id}/payments/").json()["results"]
    assert (payment["provider"], payment["status"], payment["captured"]) == ("manual", "captured", "3.60")


def test_a_buyer_who_cancels_gets_the_money_back(customer: ApiClient, purchase: Purchase):
    payment = pay(customer, purchase).json()
    assert customer.post(f"/purchases/{purchase.id}/cancel/").json()["status"] == "cancelled"
    after = customer.get(f"/payments/{payment['id']}/").json()
    assert (after["status"], after["refunded"]) == ("refunded", "3.60")
    assert [each["by"] for each in after["refunds"]] == [None]


def test_a_signed_webhook_pays_a_purchase(customer: ApiClient, shop: Shop, purchase: Purchase, fake: FakeProvider):
    payment = pay(customer, purchase, "tok_late").json()
    state = ProviderState(status=PaymentStatus.CAPTURED, authorized=360, captured=360)
    body, headers = fake.signed(webhook_body(payment["id"], state), shop.clock.now())
    for _ in range(2):
        response = Client().post(WEBHOOKS, body, content_type="application/json", headers=headers)
        assert (response.status_code, response.content) == (204, b"")
    assert customer.get(f"/purchases/{purchase.id}/").json()["status"] == "paid"


def test_a_webhook_without_its_signature_is_refused(customer: ApiClient, purchase: Purchase, fake: FakeProvider):
    payment = pay(customer, purchase, "tok_late").json()
    body = webhook_body(payment["id"], ProviderState(status=PaymentStatus.CAPTURED, authorized=360, captured=360))
    response = Client().post(WEBHOOKS, body, content_type="application/json")
    assert (response.status_code, orjson.loads(response.content)["code"]) == (400, "invalid-signature")
    assert Client().post("/api/v1/payments/webhooks/nowhere/", body, content_type="text/plain").status_code == 404
    assert customer.get(f"/payments/{payment['id']}/").json()["captured"] == "0.00"
