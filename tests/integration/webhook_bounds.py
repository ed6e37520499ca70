"""What the scripts of webhooks cost at their bounds: as many endpoints as there may be, and more events than one plan
takes."""

from collections.abc import Mapping
from datetime import timedelta
from unittest.mock import patch

from shop.domain.events import EventType
from shop.domain.pages import MAX_PAGE_SIZE
from shop.domain.ports import Shop
from shop.domain.webhooks import MAX_ENDPOINTS, Attempt
from shop.repositories import deliveries
from shop.repositories.deliveries import MAX_PLANNED
from shop.work.batches import MAX_BATCH
from tests.counted_store import CountedStore
from tests.samples import a_request, an_endpoint, in_catalogue

#: As tests/integration/test_script_bounds.py has it.
WRITE = 16
#: Fields and values of a delivery and of an endpoint.
DELIVERY, ENDPOINT = 30, 32
#: Commands that give a delivery up, that plan one, with the oldest of a full list, and that say when a queue is due.
BURY, PLAN, SCHEDULE = 6, 6 + 13 + 6, 3
#: Deliveries that one record gives up behind those of its batch.
MAX_BURIED = 200
QUEUES = MAX_ENDPOINTS + 1

WEBHOOK_COSTS: Mapping[str, tuple[int, int]] = {
    "delivery_claim": (WRITE + 8 + 2 * MAX_BATCH + SCHEDULE, 10 + MAX_BATCH * (1 + DELIVERY) + ENDPOINT),
    "delivery_outlook": (10 + 2 * QUEUES, 20 + MAX_ENDPOINTS + 2 * QUEUES),
    "delivery_page": (1 + MAX_PAGE_SIZE + 1, 101 + 101 * DELIVERY),
    "delivery_plan": (
        WRITE + 6 + MAX_ENDPOINTS + QUEUES * SCHEDULE + MAX_PLANNED * PLAN,
        10 + 4 * MAX_ENDPOINTS + QUEUES * 4 + MAX_PLANNED * 4,
    ),
    "delivery_record": (
        WRITE + 12 + MAX_BATCH * (5 + BURY) + MAX_BURIED * (2 + BURY) + SCHEDULE,
        10 + 2 * MAX_BATCH + MAX_BURIED,
    ),
    "delivery_redeliver": (WRITE + 8 + SCHEDULE, 10 + DELIVERY),
    "endpoint_create": (WRITE + 4, 10 + ENDPOINT),
    "endpoint_delete": (WRITE + 3, 10),
    "endpoint_page": (1 + MAX_PAGE_SIZE + 1, 101 + 101 * ENDPOINT),
    "endpoint_rotate": (WRITE + 4, 10 + ENDPOINT),
    "endpoint_test": (WRITE + 2, 10),
    "endpoint_update": (WRITE + 4 + SCHEDULE, 10 + ENDPOINT),
}


def endpoints_and_deliveries_of_as_many_events_as_one_plan_takes(store: CountedStore, shop: Shop) -> None:
    product = in_catalogue(shop, stock=1)
    made = [an_endpoint(shop) for _ in range(MAX_ENDPOINTS)]
    _plan_all(shop)
    # Given up as soon as an attempt fails.
    with patch.object(deliveries, "_WINDOW_MS", 0):
        for _ in range(MAX_BATCH + MAX_BURIED + 20):
            shop.products.adjust_stock(a_request(), product.id, 1, None)
        _plan_all(shop)
    shop.deliveries.outlook()
    for pause in (timedelta(0), timedelta(milliseconds=1), timedelta(milliseconds=1)):
        batch = shop.deliveries.claim(a_request(), MAX_BATCH, timedelta(minutes=1)).value
        failed = [_failed(delivery.event.id) for delivery in batch.deliveries]
        shop.deliveries.record(a_request(), batch, failed, pause)
    page = shop.deliveries.page(made[0].id, MAX_PAGE_SIZE, None)
    shop.deliveries.redeliver(a_request(), page.results[0].id)
    shop.endpoints.page(MAX_PAGE_SIZE, None)
    now = shop.clock.now()
    shop.endpoints.update(a_request(), made[0].id, {"is_enabled": False}, now)
    shop.endpoints.rotate(a_request(), made[0].id, "second", now, now)
    shop.endpoints.test(a_request(), made[0].id)
    shop.endpoints.delete(a_request(), made[0].id)


def _plan_all(shop: Shop) -> None:
    while shop.deliveries.plan(a_request(), "worker-1", [*EventType]).value.events:
        continue


def _failed(event: str) -> Attempt:
    return Attempt(event=event, error="status", response_status=500, duration_ms=1)
