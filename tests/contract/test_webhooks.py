"""Each event is planned once for each endpoint that gets it, and is tried until it is delivered or given up."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.domain.errors import NotFound, TooManyEndpoints
from shop.domain.events import EventQuery, EventType
from shop.domain.webhooks import MAIL, MAX_ENDPOINTS, Attempt, ClaimLost, DeliveryStatus, Endpoint
from shop.repositories import deliveries as repository
from tests.cart_samples import a_cart
from tests.contract.walks import there_and_back
from tests.fakes import webhooks as fake
from tests.samples import a_request, in_catalogue

AT = datetime(2026, 11, 1, tzinfo=UTC)
LEASE, NO_PAUSE = timedelta(minutes=1), timedelta(0)
UPDATED = EventType.PRODUCT_STOCK_ADJUSTED


def an_endpoint(shop, **changes):
    made = {
        "id": shop.ids.new(shop.clock.now()),
        "url": "https://hooks.example/shop",
        "description": "The warehouse",
        "types": (UPDATED,),
        "is_enabled": True,
        "nonce": "first",
        "former_nonce": "",
        "former_expires_at": None,
        "failing_since": None,
        "created_at": AT,
        "updated_at": AT,
    }
    return shop.endpoints.create(a_request(), Endpoint(**{**made, **changes})).value


def adjusted(shop, times=1):
    """So many events that the endpoints of this suite get."""
    product = in_catalogue(shop, stock=1)
    for _ in range(times):
        shop.products.adjust_stock(a_request(), product.id, 1, None)


def planned(shop, mail_types=()):
    """Plan until no event is left."""
    while shop.deliveries.plan(a_request(), "worker-1", mail_types).value.events:
        pass


def claimed(shop, request=None, max_deliveries=50, lease=LEASE):
    return shop.deliveries.claim(request or a_request(), max_deliveries, lease).value


def taken(delivery):
    return Attempt(event=delivery.event.id, error="", response_status=204, duration_ms=5)


def failed(delivery, retry_after=NO_PAUSE):
    return Attempt(event=delivery.event.id, error="status", response_status=500, duration_ms=7, retry_after=retry_after)


def recorded(shop, batch, attempts, pause=NO_PAUSE):
    return shop.deliveries.record(a_request(), batch, attempts, pause).value


def deliveries(shop, endpoint):
    return shop.deliveries.page(endpoint.id, 100, None).results


def test_an_endpoint_is_read_as_it_was_created(shop):
    endpoint = an_endpoint(shop, types=(UPDATED, EventType.PURCHASE_PAID))
    assert shop.endpoints.get(endpoint.id) == endpoint
    assert shop.endpoints.page(9, None).results == [endpoint]


def test_an_unknown_endpoint_is_not_found(shop):
    for call in (
        shop.endpoints.get,
        lambda id: shop.endpoints.update(a_request(), id, {"url": "https://x.example/"}, AT),
        lambda id: shop.endpoints.rotate(a_request(), id, "n", AT, AT),
        lambda id: shop.endpoints.test(a_request(), id),
        lambda id: shop.endpoints.delete(a_request(), id),
        lambda id: shop.deliveries.get(f"{id}:1-0"),
        lambda id: shop.deliveries.redeliver(a_request(), f"{id}:1-0"),
    ):
        with pytest.raises(NotFound):
            call("unknown")


def test_a_shop_has_at_most_so_many_endpoints(shop):
    for _ in range(MAX_ENDPOINTS):
        an_endpoint(shop)
    with pytest.raises(TooManyEndpoints):
        an_endpoint(shop)


def test_a_rotation_makes_the_present_nonce_the_former_one(shop):
    endpoint = an_endpoint(shop)
    later = AT + timedelta(hours=24)
    rotated = shop.endpoints.rotate(a_request(), endpoint.id, "second", later, AT).value
    assert (rotated.nonces(AT), rotated.nonces(later)) == (("second", "first"), ("second",))


def test_every_change_of_an_endpoint_emits_its_event(shop):
    endpoint = an_endpoint(shop)
    shop.endpoints.update(a_request(), endpoint.id, {"description": "Other"}, AT)
    shop.endpoints.rotate(a_request(), endpoint.id, "second", AT, AT)
    shop.endpoints.test(a_request(), endpoint.id)
    shop.endpoints.delete(a_request(), endpoint.id)
    assert [event.type for event in shop.events.page(EventQuery(), 9, None).results] == [
        EventType.WEBHOOK_ENDPOINT_CREATED,
        EventType.WEBHOOK_ENDPOINT_UPDATED,
        EventType.WEBHOOK_ENDPOINT_SECRET_ROTATED,
        EventType.WEBHOOK_TEST,
        EventType.WEBHOOK_ENDPOINT_DELETED,
    ]


def test_an_event_is_planned_for_the_endpoints_that_get_its_type(shop):
    some, every, other = (
        an_endpoint(shop),
        an_endpoint(shop, types=()),
        an_endpoint(shop, types=(EventType.USER_ERASED,)),
    )
    adjusted(shop)
    planned(shop)
    assert [delivery.event.type for delivery in deliveries(shop, some)] == [UPDATED]
    assert EventType.PRODUCT_CREATED in [delivery.event.type for delivery in deliveries(shop, every)]
    assert deliveries(shop, other) == []


def test_events_of_carts_go_to_the_endpoints_alone_that_name_them(shop):
    every, named = an_endpoint(shop, types=()), an_endpoint(shop, types=(EventType.CART_CREATED,))
    a_cart(shop)
    planned(shop)
    assert EventType.CART_CREATED not in [delivery.event.type for delivery in deliveries(shop, every)]
    assert [delivery.event.type for delivery in deliveries(shop, named)] == [EventType.CART_CREATED]


def test_an_event_is_taken_once_whatever_is_repeated(shop):
    endpoint, request = an_endpoint(shop), a_request()
    adjusted(shop, 3)
    counts = [shop.deliveries.plan(request, "worker-1", ()).value.events for _ in range(2)]
    planned(shop)
    assert counts[0] == counts[1] > 0
    assert len(deliveries(shop, endpoint)) == 3
    assert shop.deliveries.outlook().undispatched == 0


def test_of_a_full_queue_no_more_is_stored_and_what_is_not_stored_is_counted(shop, limits):
    endpoint = an_endpoint(shop)
    limits(MAX_PENDING=3)
    adjusted(shop, 5)
    assert dropped(shop) == 2
    assert [delivery.event.data["stock"] for delivery in deliveries(shop, endpoint)] == [4, 3, 2]
    assert (shop.deliveries.outlook().pending, shop.deliveries.outlook().dead) == (3, 0)


def test_a_full_list_loses_the_oldest_which_are_delivered_still(shop, limits):
    endpoint = an_endpoint(shop)
    limits(MAX_LISTED=4)
    adjusted(shop, 12)
    assert dropped(shop) == 0
    listed = deliveries(shop, endpoint)
    assert listed[0].event.data["stock"] == 13
    assert len(listed) <= 4
    assert len(claimed(shop).deliveries) == 12


@pytest.fixture
def limits(monkeypatch):
    def set_all(**values):
        for name, value in values.items():
            monkeypatch.setattr(repository, name, value)
            monkeypatch.setattr(fake, name, value)

    return set_all


def dropped(shop):
    """Plan until no event is left, and count what was not stored."""
    total = 0
    while (plan := shop.deliveries.plan(a_request(), "worker-1", ()).value).events:
        total += plan.dropped
    return total


def test_an_event_without_an_endpoint_is_taken_too(shop):
    adjusted(shop)
    planned(shop)
    assert shop.deliveries.outlook().undispatched == 0
    assert claimed(shop) is None


def test_events_of_mails_are_planned_beside_those_of_endpoints(shop):
    adjusted(shop)
    planned(shop, [UPDATED])
    batch = claimed(shop)
    assert (batch.queue, batch.endpoint, [each.event.type for each in batch.deliveries]) == (MAIL, None, [UPDATED])


def test_a_test_reaches_its_endpoint_alone(shop):
    tested, other = an_endpoint(shop), an_endpoint(shop, types=())
    shop.endpoints.test(a_request(), tested.id)
    planned(shop)
    assert [delivery.event.type for delivery in deliveries(shop, tested)] == [EventType.WEBHOOK_TEST]
    assert EventType.WEBHOOK_TEST not in [delivery.event.type for delivery in deliveries(shop, other)]


def test_a_disabled_endpoint_gets_nothing_and_goes_on_where_it_was(shop):
    endpoint = an_endpoint(shop)
    adjusted(shop)
    planned(shop)
    shop.endpoints.update(a_request(), endpoint.id, {"is_enabled": False}, AT)
    adjusted(shop)
    planned(shop)
    assert claimed(shop) is None
    shop.endpoints.update(a_request(), endpoint.id, {"is_enabled": True}, AT)
    assert len(claimed(shop).deliveries) == 1


def test_a_queue_is_claimed_once_until_it_is_recorded(shop):
    an_endpoint(shop)
    adjusted(shop, 3)
    planned(shop)
    batch = claimed(shop, max_deliveries=2)
    assert len(batch.deliveries) == 2
    assert claimed(shop) is None
    recorded(shop, batch, [taken(each) for each in batch.deliveries])
    assert len(claimed(shop).deliveries) == 1


def test_a_repeated_claim_is_the_same_claim(shop):
    an_endpoint(shop)
    adjusted(shop)
    planned(shop)
    request = a_request()
    assert claimed(shop, request) == claimed(shop, request)


def test_what_a_dead_worker_claimed_is_due_when_its_lease_is_over(shop):
    an_endpoint(shop)
    adjusted(shop)
    planned(shop)
    lost = claimed(shop, lease=timedelta(0))
    batch = claimed(shop)
    assert batch.deliveries == lost.deliveries
    with pytest.raises(ClaimLost):
        recorded(shop, lost, [taken(each) for each in lost.deliveries])
    recorded(shop, batch, [taken(each) for each in batch.deliveries])


def test_a_delivery_that_was_taken_is_not_due_again(shop):
    endpoint = an_endpoint(shop)
    adjusted(shop)
    planned(shop)
    batch = claimed(shop)
    assert recorded(shop, batch, [taken(batch.deliveries[0])]) == 0
    (delivery,) = deliveries(shop, endpoint)
    assert (delivery.status, delivery.attempts, delivery.response_status) == (DeliveryStatus.DELIVERED, 1, 204)
    assert claimed(shop) is None


def test_a_delivery_that_fails_is_due_again(shop):
    endpoint = an_endpoint(shop)
    adjusted(shop)
    planned(shop)
    for attempts in (1, 2):
        batch = claimed(shop)
        recorded(shop, batch, [failed(batch.deliveries[0])])
        (delivery,) = deliveries(shop, endpoint)
        assert (delivery.status, delivery.attempts, delivery.error) == (DeliveryStatus.PENDING, attempts, "status")


def test_a_delivery_that_failed_waits_and_others_do_not(shop):
    an_endpoint(shop)
    adjusted(shop, 2)
    planned(shop)
    batch = claimed(shop, max_deliveries=1)
    recorded(shop, batch, [failed(batch.deliveries[0], timedelta(hours=1))])
    following = claimed(shop)
    assert [each.event.id for each in following.deliveries] != [batch.deliveries[0].event.id]
    recorded(shop, following, [taken(each) for each in following.deliveries])
    assert claimed(shop) is None


def test_a_new_event_is_due_while_an_older_one_waits(shop):
    an_endpoint(shop)
    adjusted(shop)
    planned(shop)
    batch = claimed(shop)
    recorded(shop, batch, [failed(batch.deliveries[0], timedelta(hours=1))])
    adjusted(shop)
    planned(shop)
    assert len(claimed(shop).deliveries) == 1


def test_an_endpoint_that_pauses_gets_nothing(shop):
    an_endpoint(shop)
    adjusted(shop, 2)
    planned(shop)
    batch = claimed(shop)
    recorded(shop, batch, [failed(batch.deliveries[0])], timedelta(hours=1))
    adjusted(shop)
    planned(shop)
    assert claimed(shop) is None
    assert [state.failing_since is None for state in shop.deliveries.outlook().queues] == [True, False]


def test_of_an_endpoint_that_fails_one_delivery_is_tried(shop):
    an_endpoint(shop)
    adjusted(shop, 3)
    planned(shop)
    batch = claimed(shop)
    recorded(shop, batch, [failed(batch.deliveries[0])], timedelta(milliseconds=1))
    probe = claimed_once_due(shop)
    assert (len(probe.deliveries), probe.failures) == (1, 1)
    recorded(shop, probe, [taken(probe.deliveries[0])])
    assert len(claimed(shop).deliveries) == 2


def test_of_an_endpoint_that_fails_the_delivery_that_was_tried_least_is_next(shop):
    an_endpoint(shop)
    tried = []
    for _ in range(3):
        adjusted(shop)
        planned(shop)
        batch = claimed_once_due(shop)
        tried.append(batch.deliveries[0].event.id)
        # It is due again before the next event is planned.
        recorded(shop, batch, [failed(batch.deliveries[0])], timedelta(milliseconds=1))
    assert len(set(tried)) == 3


def claimed_once_due(shop):
    """A batch, as soon as a pause of a millisecond is over."""
    for _ in range(10_000):
        if batch := claimed(shop):
            return batch
    return None


def test_one_endpoint_does_not_keep_another_one_waiting(shop):
    first, second = an_endpoint(shop), an_endpoint(shop)
    adjusted(shop, 3)
    planned(shop)
    batches = [claimed(shop), claimed(shop)]
    assert {batch.queue for batch in batches} == {first.id, second.id}


def test_a_delivery_is_made_again_on_request(shop):
    endpoint = an_endpoint(shop)
    adjusted(shop)
    planned(shop)
    batch = claimed(shop)
    recorded(shop, batch, [taken(batch.deliveries[0])])
    again = shop.deliveries.redeliver(a_request(), batch.deliveries[0].id).value
    assert (again.status, again.attempts) == (DeliveryStatus.PENDING, 1)
    assert claimed(shop).deliveries == [shop.deliveries.get(again.id)]
    assert len(deliveries(shop, endpoint)) == 1


def test_a_mail_is_made_again_on_request(shop):
    adjusted(shop)
    planned(shop, [UPDATED])
    batch = claimed(shop)
    recorded(shop, batch, [taken(each) for each in batch.deliveries])
    again = shop.deliveries.redeliver(a_request(), batch.deliveries[0].id).value
    assert (again.endpoint, again.status) == (MAIL, DeliveryStatus.PENDING)
    assert claimed(shop).deliveries == [again]


def test_a_deleted_endpoint_leaves_nothing_to_be_sent(shop):
    endpoint = an_endpoint(shop)
    adjusted(shop, 2)
    planned(shop)
    batch = claimed(shop)
    shop.endpoints.delete(a_request(), endpoint.id)
    with pytest.raises(ClaimLost):
        recorded(shop, batch, [failed(batch.deliveries[0])])
    assert claimed(shop) is None
    assert shop.endpoints.page(9, None).results == []


def test_deliveries_are_listed_newest_first_in_pages(shop):
    endpoint = an_endpoint(shop)
    adjusted(shop, 7)
    planned(shop)
    found = there_and_back(lambda position: shop.deliveries.page(endpoint.id, 3, position), 3)
    stocks = [delivery.event.data["stock"] for delivery in found]
    assert stocks == [*range(8, 1, -1)]


def test_the_outlook_says_which_queues_are_of_disabled_endpoints(shop):
    first, second = an_endpoint(shop), an_endpoint(shop)
    shop.endpoints.update(a_request(), second.id, {"is_enabled": False}, AT)
    states = {state.queue: state.is_enabled for state in shop.deliveries.outlook().queues}
    assert states == {"mail": True, first.id: True, second.id: False}


def test_the_outlook_counts_what_is_to_be_done(shop):
    an_endpoint(shop)
    adjusted(shop, 2)
    before = shop.deliveries.outlook()
    planned(shop)
    after = shop.deliveries.outlook()
    assert (before.undispatched, before.oldest_at is None, before.due) == (4, False, 0)
    assert (after.undispatched, after.oldest_at, after.due, after.dead) == (0, None, 1, 0)
    assert [state.pending for state in after.queues] == [0, 2]
