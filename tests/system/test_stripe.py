"""Payments by a simulated Stripe, from the customer to the webhook, while answers and webhooks are lost, come twice or
in another order, and instances are killed."""

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import stripe

from configuration import payments as settings
from devstack import lifecycle
from devstack.temporary import SHOP_VARIABLES, RunningStack, running
from exactly_once.requests import WriteRequest
from shop.bootstrap import Container
from shop.domain.callers import Role
from shop.payments.providers import StripeAccount
from shop.services.payments import payment_settle
from tests.stack_fixtures import wait_until
from tests.stripe_proxy import Fault, Webhook
from tests.stripe_simulation import (
    DECLINED,
    KEY,
    THREE_D_SECURE,
    VISA,
    WEBHOOK_SECRET,
    SimulatedStripe,
    simulated_stripe,
)
from tests.system.shopping import Shopper, assembled, at_once, signed_in

#: Of the one unit that each purchase has, in minor units too.
PRICE, MINOR = "4.20", 420
CREATE, CONFIRM, REFUND = r"POST /v1/payment_intents$", r"POST .*/confirm$", r"POST /v1/refunds$"
INSTANCES = ("api-1", "api-2")


@pytest.fixture(scope="module")
def simulation() -> Iterator[SimulatedStripe]:
    with simulated_stripe() as simulation:
        yield simulation


@pytest.fixture(scope="module")
def selling(simulation: SimulatedStripe) -> Iterator[RunningStack]:
    variables = {
        **SHOP_VARIABLES,
        settings.PAYMENT_PROVIDERS.name: "stripe",
        settings.STRIPE_KEY.name: KEY,
        settings.STRIPE_WEBHOOK_SECRET.name: WEBHOOK_SECRET,
        settings.STRIPE_API.name: simulation.proxy.url,
    }
    with running("127.47", lifecycle.EVERYTHING, shop_variables=variables) as stack:
        stack.wait_until_serving()
        simulation.proxy.shop = f"{stack.base_url}/api/v1/payments/webhooks/stripe/"
        yield stack


@pytest.fixture(scope="module")
def container(selling: RunningStack, simulation: SimulatedStripe) -> Iterator[Container]:
    account = StripeAccount(key=KEY, webhook_secret=WEBHOOK_SECRET, api=simulation.proxy.url)
    container = assembled(selling, payment_providers=["stripe"], stripe=account)
    yield container
    container.close()


@pytest.fixture(scope="module")
def clerk(selling: RunningStack, container: Container) -> Shopper:
    """Staff."""
    return Shopper(api=f"{selling.base_url}/api/v1", headers=signed_in(container.shop, Role.STAFF))


@pytest.fixture(scope="module")
def buyer(selling: RunningStack, container: Container) -> Shopper:
    return Shopper(api=f"{selling.base_url}/api/v1", headers=signed_in(container.shop))


@pytest.fixture
def api(selling: RunningStack, simulation: SimulatedStripe) -> SimulatedStripe:
    simulation.proxy.reset()
    return simulation


@pytest.fixture
def purchase(clerk: Shopper, buyer: Shopper) -> str:
    """A purchase that waits to be paid."""
    answer = buyer.buy(clerk.new_product(stock=10))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def begin(buyer: Shopper, purchase: str, method: str, key: str | None = None) -> httpx.Response:
    return buyer.post(f"/purchases/{purchase}/payments/", {"provider": "stripe", "method": method}, key)


def begun(buyer: Shopper, purchase: str, method: str) -> dict[str, Any]:
    answer = begin(buyer, purchase, method)
    assert answer.status_code == 201, answer.text
    payment: dict[str, Any] = answer.json()
    return payment


def status_of(buyer: Shopper, purchase: str) -> str:
    return str(buyer.get(f"/purchases/{purchase}/").json()["status"])


def events_about(clerk: Shopper, *objects: str) -> Counter[str]:
    """How many events of each type there are about these objects."""
    found: Counter[str] = Counter()
    path = "/events/?page_size=100"
    while path:
        page = clerk.get(path).json()
        found.update(event["type"] for event in page["results"] if event["object"] in objects)
        path = page["next"]
    return found


def settle(container: Container, payment: str) -> bool:
    """Check the payment, as the background does."""
    return payment_settle(shop=container.shop, request=WriteRequest.unique(10.0), id=payment)


def webhooks_of(api: SimulatedStripe, type: str, payment: str) -> Sequence[Webhook]:
    def found() -> list[Webhook]:
        events = api.proxy.collected(type)
        return [each for each in events if each.event["data"]["object"]["metadata"].get("payment") == payment]

    wait_until(lambda: bool(found()))
    return found()


def signed(event: str) -> Webhook:
    header = stripe.WebhookSignature.generate_signature_header(event, WEBHOOK_SECRET)
    return Webhook(body=event.encode(), headers={"content-type": "application/json", "stripe-signature": header})


def check_paid_once(clerk: Shopper, buyer: Shopper, api: SimulatedStripe, purchase: str) -> dict[str, Any]:
    """One payment of the purchase is captured as a whole, at Stripe and in the shop, and each step has one event."""
    results = buyer.get(f"/purchases/{purchase}/payments/").json()["results"]
    captured = [each for each in results if each["captured"] == PRICE]
    assert len(captured) == 1, results
    payment: dict[str, Any] = captured[0]
    assert [intent["status"] for intent in api.intents(payment["id"])] == ["succeeded"]
    assert status_of(buyer, purchase) == "paid"
    events = events_about(clerk, purchase, payment["id"])
    assert (events["payment.captured"], events["purchase.paid"]) == (1, 1)
    return payment


def test_a_card_pays_a_purchase_at_once(clerk, buyer, api, purchase):
    assert begun(buyer, purchase, api.card(VISA))["status"] == "captured"
    check_paid_once(clerk, buyer, api, purchase)


def test_3d_secure_pays_a_purchase_once_the_webhook_has_come(clerk, buyer, api, purchase):
    payment = begun(buyer, purchase, api.card(THREE_D_SECURE))
    assert (payment["status"], status_of(buyer, purchase)) == ("requires_action", "placed")
    api.authenticate(payment["client_secret"])
    wait_until(lambda: status_of(buyer, purchase) == "paid")
    check_paid_once(clerk, buyer, api, purchase)


def test_a_customer_pays_in_the_browser(clerk, buyer, api, purchase):
    payment = begun(buyer, purchase, "")
    assert begun(buyer, purchase, "")["id"] == payment["id"]
    api.pay(payment["client_secret"], VISA)
    wait_until(lambda: status_of(buyer, purchase) == "paid")
    check_paid_once(clerk, buyer, api, purchase)


def test_another_card_pays_after_a_decline(clerk, buyer, api, purchase):
    declined = begun(buyer, purchase, api.card(DECLINED))
    assert (declined["status"], declined["failure"]) == ("failed", "card-declined")
    assert begun(buyer, purchase, api.card(VISA))["status"] == "captured"
    webhooks_of(api, "payment_intent.payment_failed", declined["id"])
    check_paid_once(clerk, buyer, api, purchase)


def test_webhooks_that_come_twice_at_once_and_in_another_order_take_effect_once(clerk, buyer, api, purchase):
    api.proxy.delivers = False
    payment = begun(buyer, purchase, "")
    api.pay(payment["client_secret"], VISA)
    (succeeded,) = webhooks_of(api, "payment_intent.succeeded", payment["id"])
    reference = succeeded.event["data"]["object"]["id"]
    charge = {**api.refund(reference, 100), "metadata": {"payment": payment["id"]}, "amount_captured": MINOR}
    refunded = signed(json.dumps({"id": "evt_" + uuid.uuid4().hex, "object": "event", "data": {"object": charge}}))
    assert api.proxy.deliver(refunded) == [204]
    several = [succeeded, refunded] * 5
    random.Random(1).shuffle(several)
    with ThreadPoolExecutor(len(several)) as threads:
        assert {status for (status,) in threads.map(api.proxy.deliver, several)} == {204}
    # A webhook about a refund is a reason to ask, which a worker does.
    wait_until(lambda: buyer.get(f"/payments/{payment['id']}/").json()["refunded"] == "1.00")
    found = buyer.get(f"/payments/{payment['id']}/").json()
    assert (found["status"], found["captured"], found["refunded"]) == ("partially_refunded", PRICE, "1.00")
    events = events_about(clerk, purchase, payment["id"])
    assert (events["purchase.paid"], events["payment.partially_refunded"]) == (1, 1)


def test_a_webhook_that_never_comes_is_made_up_for_and_changes_nothing_when_it_comes_late(
    clerk, buyer, api, purchase, container
):
    api.proxy.delivers = False
    payment = begun(buyer, purchase, api.card(THREE_D_SECURE))
    api.authenticate(payment["client_secret"])
    (dropped,) = webhooks_of(api, "payment_intent.succeeded", payment["id"])
    assert status_of(buyer, purchase) == "placed"
    assert settle(container, payment["id"])
    check_paid_once(clerk, buyer, api, purchase)
    version = buyer.get(f"/payments/{payment['id']}/").json()["version"]
    assert api.proxy.deliver(dropped, dropped) == [204, 204]
    assert buyer.get(f"/payments/{payment['id']}/").json()["version"] == version


def test_of_the_return_of_the_customer_the_webhook_and_the_check_one_wins(clerk, buyer, api, purchase, container):
    api.proxy.delivers = False
    payment = begun(buyer, purchase, api.card(THREE_D_SECURE))
    api.authenticate(payment["client_secret"])
    (webhook,) = webhooks_of(api, "payment_intent.succeeded", payment["id"])
    ways: Sequence[Callable[[], object]] = (
        lambda: buyer.post(f"/payments/{payment['id']}/refresh/"),
        lambda: api.proxy.deliver(webhook),
        lambda: settle(container, payment["id"]),
    )
    with ThreadPoolExecutor(9) as threads:
        list(threads.map(lambda way: way(), ways * 3))
    check_paid_once(clerk, buyer, api, purchase)


def test_money_that_comes_for_a_cancelled_purchase_goes_back(clerk, buyer, api, purchase, container):
    api.proxy.delivers = False
    payment = begun(buyer, purchase, api.card(THREE_D_SECURE))
    assert buyer.post(f"/purchases/{purchase}/cancel/").status_code == 200
    api.authenticate(payment["client_secret"])
    (late,) = webhooks_of(api, "payment_intent.succeeded", payment["id"])
    assert api.proxy.deliver(late, late) == [204, 204]
    assert settle(container, payment["id"])
    assert api.proxy.deliver(late) == [204]
    found = buyer.get(f"/payments/{payment['id']}/").json()
    assert (found["captured"], found["refunded"]) == (PRICE, PRICE)
    assert status_of(buyer, purchase) == "cancelled"
    (intent,) = api.intents(payment["id"])
    assert [refund["amount"] for refund in api.refunds(intent["id"])] == [MINOR]


def test_nothing_can_be_paid_for_a_cancelled_purchase_once_the_check_has_been(clerk, buyer, api, purchase, container):
    payment = begun(buyer, purchase, "")
    assert buyer.post(f"/purchases/{purchase}/cancel/").status_code == 200
    assert settle(container, payment["id"])
    assert buyer.get(f"/payments/{payment['id']}/").json()["status"] == "cancelled"
    assert [intent["status"] for intent in api.intents(payment["id"])] == ["canceled"]


@pytest.mark.parametrize("is_old", [False, True], ids=["of-another", "too-old"])
def test_a_webhook_without_a_signature_of_the_present_is_refused(buyer, api, purchase, is_old):
    api.proxy.delivers = False
    payment = begun(buyer, purchase, "")
    body = '{"id": "evt_1", "object": "event", "data": {"object": {}}}'
    at = int((datetime.now(UTC) - timedelta(minutes=6)).timestamp()) if is_old else None
    secret = WEBHOOK_SECRET if is_old else "whsec_of_another"
    header = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    forged = Webhook(body=body.encode(), headers={"content-type": "application/json", "stripe-signature": header})
    assert api.proxy.deliver(forged) == [400]
    assert buyer.get(f"/payments/{payment['id']}/").json()["status"] == "requires_action"


def test_refunds_at_once_never_come_to_more_than_was_captured(clerk, buyer, api, purchase):
    payment = begun(buyer, purchase, api.card(VISA))
    body = {"amount": "1.00", "reason": "Bruised"}

    def refund(_: int) -> httpx.Response:
        return clerk.post(f"/purchases/{purchase}/refunds/", body, uuid.uuid4().hex)

    statuses = Counter(answer.status_code for answer in at_once(10, refund))
    assert statuses == {201: 4, 409: 6}
    (intent,) = api.intents(payment["id"])
    assert sum(refund["amount"] for refund in api.refunds(intent["id"])) == 400
    assert buyer.get(f"/payments/{payment['id']}/").json()["refunded"] == "4.00"


def until_answered(stack: RunningStack, call: Callable[[], httpx.Response]) -> httpx.Response:
    """Repeat a request until an instance answers it; return when all of them serve again."""
    answers: list[httpx.Response] = []

    def is_answered() -> bool:
        answers.append(call())
        return answers[-1].status_code < 500

    wait_until(is_answered)
    stack.wait_until_serving()
    return answers[-1]


def killing(stack: RunningStack, pattern: str, *, is_performed: bool) -> Fault:
    """Kill every instance while Stripe has this request; it is then performed, or not."""

    def kill() -> None:
        for name in INSTANCES:
            stack.kill(name)

    return Fault(pattern=pattern, before=kill, is_performed=is_performed, is_answered=False)


@pytest.mark.parametrize(
    ("pattern", "is_performed"),
    [
        pytest.param(CREATE, False, marks=pytest.mark.prove),
        pytest.param(CREATE, True, marks=pytest.mark.prove),
        pytest.param(CONFIRM, False, marks=pytest.mark.prove),
        pytest.param(CONFIRM, True),
    ],
)
def test_a_payment_is_charged_once_although_every_instance_is_killed(
    selling, clerk, buyer, api, purchase, container, pattern, is_performed
):
    card, key = api.card(VISA), uuid.uuid4().hex
    api.proxy.faults.append(killing(selling, pattern, is_performed=is_performed))
    answer = until_answered(selling, lambda: begin(buyer, purchase, card, key))
    assert answer.status_code == 201, answer.text
    assert api.proxy.faults == []
    # It is processing where nginx has asked the other instance while Stripe had the request of the first.
    assert answer.json()["status"] in ("captured", "processing")
    wait_until(lambda: settle(container, answer.json()["id"]))
    check_paid_once(clerk, buyer, api, purchase)


def test_a_payment_of_which_only_the_intention_is_recorded_is_found_by_the_check(
    clerk, buyer, api, purchase, container
):
    api.proxy.delivers = False
    api.proxy.faults.append(Fault(pattern=CONFIRM, is_answered=False))
    payment = begun(buyer, purchase, api.card(VISA))
    assert (payment["status"], payment["captured"]) == ("processing", "0.00")
    assert settle(container, payment["id"])
    check_paid_once(clerk, buyer, api, purchase)


@pytest.mark.prove
@pytest.mark.parametrize("is_performed", [False, True])
def test_a_refund_is_made_once_although_every_instance_is_killed(
    selling, clerk, buyer, api, purchase, container, is_performed
):
    payment, key = begun(buyer, purchase, api.card(VISA)), uuid.uuid4().hex
    api.proxy.faults.append(killing(selling, REFUND, is_performed=is_performed))
    body = {"amount": "1.00", "reason": "Bruised"}
    answer = until_answered(selling, lambda: clerk.post(f"/purchases/{purchase}/refunds/", body, key))
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] in ("succeeded", "pending")
    wait_until(lambda: settle(container, payment["id"]))
    (intent,) = api.intents(payment["id"])
    assert [refund["amount"] for refund in api.refunds(intent["id"])] == [100]
    assert buyer.get(f"/payments/{payment['id']}/").json()["refunded"] == "1.00"
