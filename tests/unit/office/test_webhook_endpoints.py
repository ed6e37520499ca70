"""Webhooks in the back office: endpoints with a secret that is shown once, and deliveries that are made again."""

from dataclasses import replace

import pytest

from shop.domain.errors import NotFound
from shop.domain.events import EventType
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from shop.domain.webhooks import MAIL, MAX_ENDPOINTS, DeliveryStatus, Endpoint
from shop.services.webhooks import endpoint_secrets
from tests.fakes import FakeStore
from tests.fakes.webhooks import FakeDeliveries
from tests.samples import a_delivery, a_request, an_endpoint, placed, units
from tests.unit.office.browser import OfficeBrowser

WEBHOOKS = "/office/webhook-endpoints/"
URL = "https://hooks.example/orders"


@pytest.fixture
def endpoint(shop: Shop) -> Endpoint:
    return an_endpoint(shop, URL)


def path_of(endpoint: Endpoint, page: str = "") -> str:
    return f"{WEBHOOKS}{endpoint.id}/{page}/" if page else f"{WEBHOOKS}{endpoint.id}/"


def secret_of(shop: Shop, id: str) -> str:
    return endpoint_secrets(shop=shop, endpoint=shop.endpoints.get(id))[0]


def test_an_endpoint_is_created_once_and_its_secret_is_on_this_page_alone(
    office: OfficeBrowser, shop: Shop, store: FakeStore
):
    form = {**office.form(f"{WEBHOOKS}new/"), "url": URL, "types": "purchase.paid"}
    pages = [office.send(f"{WEBHOOKS}new/", form).content.decode() for _ in range(2)]
    (made,) = shop.endpoints.page(10, None).results
    secret = secret_of(shop, made.id)
    assert all(secret in page for page in pages)
    assert (made.url, made.types, made.is_enabled) == (URL, (EventType.PURCHASE_PAID,), True)
    assert store.audit[-1].operation == "webhook_endpoints_create"
    assert URL in office.text(WEBHOOKS)
    for path in (WEBHOOKS, path_of(made), path_of(made, "deliveries"), path_of(made, "history")):
        assert secret not in office.text(path)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"url": "http://hooks.example/"}, "url-error"),
        ({"url": "https://127.0.0.1/"}, "url-error"),
        ({"types": "product.eaten"}, "product.eaten"),
        ({"colour": "red"}, "No such field"),
    ],
)
def test_an_endpoint_that_cannot_be_is_not_created(office: OfficeBrowser, shop: Shop, fields: dict, text: str):
    response = office.submit(f"{WEBHOOKS}new/", **{"url": URL, "types": "purchase.paid", **fields})
    assert response.status_code == 400
    assert text in response.content.decode()
    assert shop.endpoints.page(10, None).results == []


def test_a_shop_with_as_many_endpoints_as_it_may_have_gets_no_further_one(office: OfficeBrowser, shop: Shop):
    for _ in range(MAX_ENDPOINTS):
        an_endpoint(shop)
    response = office.submit(f"{WEBHOOKS}new/", url=URL, types="purchase.paid")
    assert response.status_code == 409
    assert "as many as it may have" in response.content.decode()


def test_an_endpoint_is_edited_and_a_box_without_a_tick_disables_it(office: OfficeBrowser, shop: Shop, endpoint):
    form = {**office.form(path_of(endpoint)), "description": "Orders", "types": "purchase.paid"}
    del form["is_enabled"]
    response = office.send(path_of(endpoint), form)
    assert response.headers["Location"] == f"{path_of(endpoint)}?done=webhook-updated"
    found = shop.endpoints.get(endpoint.id)
    assert (found.description, found.types, found.is_enabled) == ("Orders", (EventType.PURCHASE_PAID,), False)
    assert "Disabled" in office.text(WEBHOOKS)


def test_an_edit_to_a_forbidden_address_is_refused(office: OfficeBrowser, shop: Shop, endpoint: Endpoint):
    response = office.submit(path_of(endpoint), url="https://10.0.0.1/", types="purchase.paid")
    assert response.status_code == 400
    assert "https://10.0.0.1/" in response.content.decode()
    assert shop.endpoints.get(endpoint.id).url == URL


def test_a_secret_is_replaced_and_shown_once(office: OfficeBrowser, shop: Shop, endpoint: Endpoint):
    former = secret_of(shop, endpoint.id)
    page = office.submit(path_of(endpoint, "rotate")).content.decode()
    assert secret_of(shop, endpoint.id) != former
    assert secret_of(shop, endpoint.id) in page
    assert "signs until" in office.text(path_of(endpoint))


def test_a_test_is_an_event_for_this_endpoint(office: OfficeBrowser, store: FakeStore, endpoint: Endpoint):
    path = path_of(endpoint, "test")
    response = office.send(path, office.form(path_of(endpoint), path))
    assert response.headers["Location"] == f"{path_of(endpoint)}?done=webhook-tested"
    assert (store.events[-1].type, store.events[-1].object) == (EventType.WEBHOOK_TEST, endpoint.id)


def test_an_endpoint_is_deleted_after_a_question(office: OfficeBrowser, shop: Shop, endpoint: Endpoint):
    assert URL in office.text(path_of(endpoint, "delete"))
    response = office.submit(path_of(endpoint, "delete"))
    assert response.headers["Location"] == f"{WEBHOOKS}?done=webhook-deleted"
    with pytest.raises(NotFound):
        shop.endpoints.get(endpoint.id)


def test_a_dead_delivery_is_found_and_made_again(office: OfficeBrowser, shop: Shop, store: FakeStore):
    endpoint, delivery = a_delivery(shop)
    found = shop.deliveries.get(delivery)
    dead = replace(
        found,
        status=DeliveryStatus.DEAD,
        attempts=17,
        error="status",
        response_status=503,
        attempted_at=found.created_at,
    )
    assert isinstance(shop.deliveries, FakeDeliveries)
    shop.deliveries._tables.queue(endpoint).deliveries[found.event.id] = dead
    path, again = f"{WEBHOOKS}{endpoint}/deliveries/", f"/office/deliveries/{delivery}/redeliver/"
    assert "given up" in office.text(WEBHOOKS)
    page = office.text(path)
    for text in (found.event.type, "Dead", "17", "503"):
        assert text in page
    form = office.form(path, again)
    for _ in range(2):
        assert office.send(again, form).headers["Location"] == f"{path}?done=redelivered"
    assert shop.deliveries.get(delivery).status is DeliveryStatus.PENDING
    assert [entry.operation for entry in store.audit].count("deliveries_redeliver") == 1


def test_deliveries_by_mail_are_listed_and_made_again(office: OfficeBrowser, shop: Shop, ada: User, apple: Product):
    placed(shop, ada.id, units(apple, 1))
    while shop.deliveries.plan(a_request(), "worker-1", [EventType.PURCHASE_PLACED]).value.events:
        continue
    (delivery,) = shop.deliveries.page(MAIL, 10, None).results
    path, again = f"{WEBHOOKS}mail/", f"/office/deliveries/{delivery.id}/redeliver/"
    assert "purchase.placed" in office.text(path)
    response = office.send(again, office.form(path, again))
    assert response.headers["Location"] == f"{path}?done=redelivered"


def test_a_customer_sees_no_endpoint(shopper: OfficeBrowser, endpoint: Endpoint):
    for path in (WEBHOOKS, path_of(endpoint), path_of(endpoint, "deliveries"), f"{WEBHOOKS}mail/"):
        assert shopper.get(path).status_code == 403
