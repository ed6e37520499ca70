"""Metrics of sales and refusals."""

import pytest
from django.test import Client

from operations.monitoring_access import authorization
from shop.domain.products import Product
from tests.unit.api.client import ApiClient
from tests.unit.test_telemetry import added

KEY = {"Idempotency_Key": "counted-once"}
SOLD = {"name": "evergreen_purchases_total", "currency": "EUR"}


def lines(product: Product, quantity: int = 1) -> dict:
    return {"items": [{"product": product.id, "quantity": quantity}]}


def test_a_sale_is_counted_with_its_units_and_its_total(customer: ApiClient, apple: Product):
    def buy():
        return customer.post("/purchases/", lines(apple, 3))

    assert added(buy, "evergreen_purchase_units_total", currency="EUR") == 3
    assert added(buy, "evergreen_purchase_revenue_total", currency="EUR") == pytest.approx(3.6)


def test_a_replayed_sale_is_counted_once_and_as_a_replay(customer: ApiClient, apple: Product):
    def buy():
        return customer.post("/purchases/", lines(apple), **KEY)

    assert added(buy, **SOLD) == 1
    assert added(buy, **SOLD) == 0
    assert added(buy, "evergreen_requests_replayed_total", view="purchases-list") == 1


def test_a_refusal_is_counted_by_its_code_and_not_as_a_sale(customer: ApiClient, apple: Product):
    def buy():
        return customer.post("/purchases/", lines(apple, 11))

    assert added(buy, "evergreen_problems_total", code="insufficient-stock") == 1
    assert added(buy, **SOLD) == 0


def test_not_found_responses_are_counted_as_problems(customer: ApiClient):
    assert added(lambda: customer.get("/nowhere/"), "evergreen_problems_total", code="not-found") == 1


def test_a_transition_is_counted_by_its_new_status(customer: ApiClient, apple: Product):
    purchase_id = customer.post("/purchases/", lines(apple)).json()["id"]

    def cancel():
        return customer.post(f"/purchases/{purchase_id}/cancel/")

    assert added(cancel, "evergreen_purchase_transitions_total", status="cancelled") == 1
    assert added(cancel, "evergreen_purchase_transitions_total", status="cancelled") == 0


def test_the_metrics_are_open_where_no_password_is_configured():
    assert Client().get("/metrics").status_code == 200


def test_the_metrics_ask_for_the_password_that_is_configured(settings):
    settings.EVERGREEN_MONITORING_PASSWORD = "a-password-of-the-monitoring-1234"
    refused = Client().get("/metrics")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'Basic realm="metrics"')
    header = authorization(settings.EVERGREEN_MONITORING_PASSWORD)
    assert Client().get("/metrics", headers={"Authorization": header}).status_code == 200
