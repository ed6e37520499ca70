"""The worker delivers each event at least once, and is stopped without losing what it has begun."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from exactly_once.errors import StoreUnavailable
from shop.domain.events import EventType
from shop.domain.webhook_urls import WebhookPolicy
from shop.domain.webhooks import SECRET_OVERLAP, DeliveryStatus
from shop.services import webhooks as services
from shop.work import batches, webhooks, worker
from shop.work.batches import deliver_next
from shop.work.webhooks import signed_headers
from shop.work.worker import Worker
from tests.fakes import FakeStore, fake_shop
from tests.samples import a_request, in_catalogue
from tests.unit.work.receiver import receiving


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def shop(store):
    return replace(fake_shop(store), webhook_policy=WebhookPolicy(networks=["127.0.0.0/8"]))


def an_endpoint(shop, url, *types):
    return services.endpoint_create(
        shop=shop, request=a_request(), url=url, description="", types=types, is_enabled=True
    ).value


def adjusted(shop, times):
    product = in_catalogue(shop, stock=1)
    for _ in range(times):
        shop.products.adjust_stock(a_request(), product.id, 1, None)


def planned(shop):
    while shop.deliveries.plan(a_request(), "worker-1", ()).value.events:
        pass


def working(shop, until, **options):
    """Run a worker until the condition holds."""
    running = Worker(lambda: shop, "worker-1", (), **options)
    thread = threading.Thread(target=running.run)
    thread.start()
    reached = threading.Event()
    for _ in range(1000):
        if until() or reached.wait(0.01):
            break
    running.stop()
    thread.join()


def statuses(shop, endpoint):
    return [delivery.status for delivery in shop.deliveries.page(endpoint.id, 100, None).results]


def test_an_event_arrives_signed_with_its_id(shop):
    with receiving() as receiver:
        issued = an_endpoint(shop, receiver.url, EventType.PRODUCT_STOCK_ADJUSTED)
        adjusted(shop, 1)
        planned(shop)
        assert deliver_next(shop, lambda: False)
    headers, body = receiver.received[0]
    # Its clock is the one of the fake shop: the signature alone is of interest.
    event = json.loads(body)
    signature = Webhook(issued.secret).sign(event["id"], shop_time(headers), body.decode())
    assert headers["webhook-signature"] == signature
    assert (headers["webhook-id"], event["type"], event["data"]) == (
        event["id"],
        "product.stock_adjusted",
        {"stock": 2, "delta": 1},
    )


def shop_time(headers):
    return datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)


def test_another_secret_does_not_verify(shop):
    now = datetime.now(UTC)
    first, second = "whsec_" + "A" * 43 + "=", "whsec_" + "B" * 43 + "="
    headers = signed_headers("1-0", b"{}", [first, second], now)
    assert [Webhook(secret).verify(b"{}", dict(headers)) for secret in (first, second)] == [{}, {}]
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "C" * 43 + "=").verify(b"{}", dict(headers))


def test_after_a_rotation_both_secrets_verify_and_later_the_new_one_alone(shop):
    issued = an_endpoint(shop, "http://127.0.0.1:9/")
    rotated = services.endpoint_rotate_secret(shop=shop, request=a_request(), id=issued.endpoint.id).value
    assert services.endpoint_secrets(shop=shop, endpoint=rotated.endpoint) == [rotated.secret, issued.secret]
    shop.clock.advance(SECRET_OVERLAP)
    assert services.endpoint_secrets(shop=shop, endpoint=rotated.endpoint) == [rotated.secret]


def test_a_repeated_creation_shows_the_same_secret(shop):
    request = a_request()
    made = [
        services.endpoint_create(
            shop=shop, request=request, url="https://x.example/", description="", types=(), is_enabled=True
        )
        for _ in range(2)
    ]
    assert made[0].value == made[1].value


@pytest.mark.parametrize(("status", "is_down"), [(500, True), (503, True), (429, True), (400, False), (302, False)])
def test_an_answer_that_is_not_2xx_is_tried_again(shop, status, is_down):
    with receiving(lambda number: status) as receiver:
        endpoint = an_endpoint(shop, receiver.url, EventType.PRODUCT_STOCK_ADJUSTED).endpoint
        adjusted(shop, 3)
        planned(shop)
        deliver_next(shop, lambda: False)
    assert len(receiver.received) == (1 if is_down else 3)
    assert (shop.endpoints.get(endpoint.id).failing_since is not None) == is_down
    assert statuses(shop, endpoint) == [DeliveryStatus.PENDING] * 3


def test_a_dead_receiver_holds_no_other_one_up(shop):
    with receiving() as dead:
        pass
    with receiving() as receiver:
        failing = an_endpoint(shop, dead.url, EventType.PRODUCT_STOCK_ADJUSTED).endpoint
        endpoint = an_endpoint(shop, receiver.url, EventType.PRODUCT_STOCK_ADJUSTED).endpoint
        adjusted(shop, 30)
        working(shop, lambda: len(receiver.ids) == 30, max_senders=1)
    assert sorted(set(receiver.ids)) == sorted(receiver.ids)
    assert statuses(shop, endpoint) == [DeliveryStatus.DELIVERED] * 30
    assert statuses(shop, failing) == [DeliveryStatus.PENDING] * 30


def test_two_workers_deliver_every_event_once(shop):
    with receiving() as receiver:
        an_endpoint(shop, receiver.url, EventType.PRODUCT_STOCK_ADJUSTED)
        adjusted(shop, 60)
        other = threading.Thread(target=working, args=(shop, lambda: len(receiver.ids) >= 60))
        other.start()
        working(shop, lambda: len(receiver.ids) >= 60)
        other.join()
    assert len(receiver.ids) == len(set(receiver.ids)) == 60


def test_a_worker_that_is_stopped_leaves_the_rest_due(shop):
    with receiving() as receiver:
        endpoint = an_endpoint(shop, receiver.url, EventType.PRODUCT_STOCK_ADJUSTED).endpoint
        adjusted(shop, 5)
        planned(shop)
        deliver_next(shop, lambda: len(receiver.ids) >= 2)
    assert sorted(statuses(shop, endpoint)) == [DeliveryStatus.DELIVERED] * 2 + [DeliveryStatus.PENDING] * 3
    assert len(shop.deliveries.claim(a_request(), 50, batches.LEASE).value.deliveries) == 3


def test_a_defect_of_one_delivery_stops_none_behind_it(shop, monkeypatch):
    sent = []

    def send(shop, endpoint, delivery):
        sent.append(delivery.event.id)
        raise ValueError("defect")

    monkeypatch.setattr(webhooks, "send", send)
    endpoint = an_endpoint(shop, "http://127.0.0.1:9/", EventType.PRODUCT_STOCK_ADJUSTED).endpoint
    adjusted(shop, 3)
    planned(shop)
    deliver_next(shop, lambda: False)
    assert len(sent) == 3
    assert {each.error for each in shop.deliveries.page(endpoint.id, 9, None).results} == {"internal"}


def test_a_worker_outlives_a_store_that_does_not_answer(shop, store, monkeypatch):
    monkeypatch.setattr(worker, "UNAVAILABLE_PAUSE_S", 0.01)
    with receiving() as receiver:
        an_endpoint(shop, receiver.url, EventType.PRODUCT_STOCK_ADJUSTED)
        adjusted(shop, 1)
        store.unavailable = StoreUnavailable()
        looks = iter(range(1000))

        def answers_again():
            if next(looks) == 5:
                store.unavailable = None
            return bool(receiver.ids)

        working(shop, answers_again)
    assert len(receiver.ids) == 1
