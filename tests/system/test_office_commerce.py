"""What comes after a guest's purchase, with a browser: it is shipped in part, a unit comes back and its money goes; and
a webhook that its receiver would not take is delivered again."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from redis import Redis

from devstack.temporary import RunningStack
from shop.domain.payments import RefundStatus
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase, Units
from shop.domain.webhooks import DeliveryStatus
from shop.repositories.keys import Keys
from shop.services.returns import return_request
from tests.cart_samples import ADDRESS, EMAIL, a_ready_cart, change, checked_out
from tests.samples import SOME_STAFF, a_request, euros, in_catalogue
from tests.stack_fixtures import wait_until
from tests.system.accessibility import PHONE_WIDTH_PX, axe_violations, overflow_px
from tests.system.shopping import Shopper
from tests.unit.work.receiver import receiving

TIMEOUT_S = 30
NAME = "Desk lamp"


@pytest.fixture
def lamp(store: Shop) -> Product:
    return in_catalogue(store, name=NAME, stock=10, price=euros("10.00"))


@pytest.fixture
def paid(store: Shop, lamp: Product, staff: Shopper) -> Purchase:
    """Three lamps that a guest has paid with the provider of `make run`."""
    cart, guest = a_ready_cart(store, lamp, 3)
    change(store, cart, guest, shipping_address=ADDRESS)
    purchase = checked_out(store, cart, guest)
    order = {"provider": "fake", "method": "tok_ok"}
    assert staff.post(f"/purchases/{purchase.id}/payments/", order).json()["status"] == "captured"
    return purchase


def said(page: Page, text: str) -> None:
    expect(page.locator("#messages")).to_have_text(text)


def press(page: Page, title: str) -> None:
    """Press the button of a step, which asks once more, and open its form."""
    page.click(f"#moves >> text={title}…")
    expect(page.locator("#moves form")).to_be_visible()


def confirm(page: Page, title: str) -> None:
    page.locator("#moves form").get_by_role("button", name=title).click()


def test_a_guests_purchase_is_shipped_in_part_and_one_unit_comes_back(
    office: Callable[..., Page], store: Shop, lamp: Product, paid: Purchase, complaints: list[str]
):
    page = office()
    page.goto(f"/office/purchases/{paid.id}/")
    expect(page.locator("section", has_text="Facts").locator(".facts")).to_contain_text(f"{EMAIL} Guest")
    expect(page.locator(".payment .badge").first).to_have_text("Captured")

    press(page, "Mark as shipped")
    page.fill(f"#units-{lamp.id}", "2")
    page.fill("#tracking", "EG-42")
    confirm(page, "Mark as shipped")
    said(page, "The shipment is recorded. Other units are still to be shipped.")
    expect(page.locator("section", has_text="Shipments").last).to_contain_text(f"2 × {NAME}")

    lines = [Units(product=lamp.id, quantity=1)]
    asked = return_request(
        shop=store, request=a_request(), caller=SOME_STAFF, purchase=paid.id, lines=lines, reason="Too bright."
    ).value
    page.goto("/office/returns/?status=requested")
    page.click(f"a[href='/office/returns/{asked.id}/']")
    press(page, "Approve the return")
    confirm(page, "Approve the return")
    said(page, "The return is approved. The buyer may send the units.")
    press(page, "Receive the return")
    page.check("text=They return to stock")
    confirm(page, "Receive the return")
    said(page, "The return is received. Its money goes back by a refund of the purchase.")
    assert store.products.get(lamp.id).stock == 8

    page.click("text=Refund an amount…")
    for amount in ("99.00", "10.00"):
        page.fill("#amount", amount)
        page.fill("#reason", "Returned")
        page.check("text=The stock stays as it is")
        page.get_by_role("button", name="Refund an amount").click()
        if amount == "99.00":
            expect(page.locator("#amount-error")).to_contain_text("At most 30.00 EUR can be refunded now")
    said(page, "The amount is refunded.")
    expect(page.locator(".page-head .badge")).to_have_text("Partially refunded")
    (payment,) = store.payments.of_purchase(paid.id, None)
    assert [(refund.amount, refund.status) for refund in payment.refunds] == [(euros("10.00"), RefundStatus.SUCCEEDED)]
    assert complaints == []


@pytest.mark.prove
def test_a_dead_delivery_is_made_again_and_arrives(
    office: Callable[..., Page], store: Shop, stack: RunningStack, complaints: list[str]
):
    page = office()
    with receiving(lambda number: 500 if number <= 2 else 204) as receiver:
        page.goto("/office/webhook-endpoints/new/")
        page.fill("#url", receiver.url)
        page.click("summary")
        page.check("text=product.withdrawn")
        page.get_by_role("button", name="Create the endpoint").click()
        expect(page.locator("#secret")).to_have_text(re.compile("^whsec_"))
        page.click("text=To the endpoint")
        page.click("text=Send a test")
        said(page, "A test is on its way: its delivery shows the answer in a moment.")
        endpoint = page.url.split("/")[-2]
        wait_until(lambda: bool(receiver.received), timeout_s=TIMEOUT_S)
        (delivery,) = store.deliveries.page(endpoint, 10, None).results
        give_up(stack, delivery.id)
        wait_until(lambda: store.deliveries.get(delivery.id).status is DeliveryStatus.DEAD, timeout_s=TIMEOUT_S)
        page.goto(f"/office/webhook-endpoints/{endpoint}/deliveries/")
        expect(page.locator("tbody tr")).to_contain_text("500")
        page.get_by_role("button", name="Redeliver").click()
        said(page, "The delivery is due again.")
        wait_until(lambda: store.deliveries.get(delivery.id).status is DeliveryStatus.DELIVERED, timeout_s=TIMEOUT_S)
        page.reload()
        expect(page.locator("tbody .badge")).to_have_text("Delivered")
    store.endpoints.delete(a_request(), endpoint)
    assert complaints == []


def give_up(stack: RunningStack, delivery: str) -> None:
    """Let a delivery be given up when it fails the next time, as behind three days."""
    layout, primary = stack.layout, stack.primary
    assert primary
    username, password = layout.operator.get_credentials()
    with Redis(*layout.redis[primary], username=username, password=password, socket_timeout=TIMEOUT_S) as client:
        client.hset(Keys(layout.settings.store).delivery(delivery), "give_up_at", "1")


@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("dark", PHONE_WIDTH_PX),
        pytest.param("light", 1280, marks=pytest.mark.prove),
    ],
)
def test_every_page_of_payments_returns_and_webhooks_is_for_all_who_use_it(
    office: Callable[..., Page], paid: Purchase, staff: Shopper, scheme: str, width: int, complaints: list[str]
):
    page = office(viewport={"width": width, "height": 900}, color_scheme=scheme)
    one = f"/office/purchases/{paid.id}/"
    paths = (one, f"{one}ship/", f"{one}refund-amount/", "/office/payments/", "/office/returns/")
    faults = []
    for path in (*paths, "/office/webhook-endpoints/", "/office/webhook-endpoints/new/"):
        page.goto(path, wait_until="networkidle")
        faults += [(path, fault) for fault in axe_violations(page)]
        faults += [(path, "too wide")] if overflow_px(page) > 0 else []
    assert faults == []
    assert complaints == []
