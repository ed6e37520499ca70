"""Events over HTTP."""

import pytest

from shop.domain.callers import Scope
from shop.domain.events import EventType
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from tests.fakes import FakeStore
from tests.samples import an_api_key, placed, units
from tests.unit.api.client import ApiClient, errors, problem


def types(client: ApiClient, query: str = "") -> list[str]:
    return [each["type"] for each in client.get(f"/events/{query}").json()["results"]]


def test_events_are_listed_the_oldest_first(staff: ApiClient, apple: Product):
    staff.post(f"/products/{apple.id}/stock/", {"delta": 1, "reason": "Found."})
    assert types(staff) == ["user.registered", "product.created", "product.stock_adjusted"]


def test_an_amount_in_an_event_is_a_decimal_string(shop: Shop, staff: ApiClient, ada: User, apple: Product):
    purchase = placed(shop, ada.id, units(apple, 2))
    (event,) = staff.get("/events/?type=purchase.placed").json()["results"]
    assert (event["object"], event["data"]) == (purchase.id, {"total": str(purchase.total), "currency": "EUR"})


def test_a_reader_goes_on_behind_the_last_event_it_has_seen(staff: ApiClient, apple: Product):
    last = staff.get("/events/").json()["results"][-1]["id"]
    assert types(staff, f"?after={last}") == []
    staff.post(f"/products/{apple.id}/stock/", {"delta": 1, "reason": "Found."})
    assert types(staff, f"?after={last}") == ["product.stock_adjusted"]


def test_a_page_leads_to_later_events_behind_the_first_one(staff: ApiClient, apple: Product):
    for _ in range(4):
        staff.post(f"/products/{apple.id}/stock/", {"delta": 1, "reason": "Found."})
    last = staff.get("/events/?type=product.created").json()["results"][0]["id"]
    first = staff.get(f"/events/?after={last}&page_size=3").json()
    rest = staff.get(first["next"].partition("/api/v1")[2]).json()
    assert [each["data"]["stock"] for each in first["results"] + rest["results"]] == [11, 12, 13, 14]
    assert rest["next"] is None


@pytest.mark.parametrize("value", ["yesterday", "1-", "9" * 41, "1764408600125-0%0A"])
def test_an_unusable_position_is_refused(staff: ApiClient, value: str):
    assert errors(staff.get(f"/events/?after={value}")) == [("after", "invalid")]


def test_an_unknown_type_is_refused(staff: ApiClient):
    assert errors(staff.get("/events/?type=product.eaten")) == [("type", "invalid")]


@pytest.mark.parametrize(("scope", "status"), [(Scope.EVENTS_READ, 200), (Scope.AUDIT_READ, 403)])
def test_a_key_needs_the_scope_of_events(shop: Shop, scope: Scope, status: int):
    machine = ApiClient({"Authorization": f"Bearer {an_api_key(shop, scope).secret}"})
    assert machine.get("/events/").status_code == status


def test_customers_read_no_events(customer: ApiClient):
    assert problem(customer.get("/events/")) == (403, "forbidden")


def test_an_amount_that_a_script_emits_as_a_number_is_a_decimal_string_too(store: FakeStore, staff: ApiClient):
    store.emit(EventType.PURCHASE_REFUNDED, "a-purchase", {"amount": 5, "refunded": "498", "currency": "EUR"})
    (event,) = staff.get("/events/?type=purchase.refunded").json()["results"]
    assert event["data"] == {"amount": "0.05", "refunded": "4.98", "currency": "EUR"}
