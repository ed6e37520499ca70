"""Sessions over HTTP, and what a stolen token does not suffice for."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from shop.domain.users import User
from tests.fakes import FakeStore
from tests.samples import PASSWORD
from tests.unit.api import schema
from tests.unit.api.client import ApiClient, errors, problem


def sessions(client: ApiClient) -> list[dict]:
    return client.get("/auth/sessions/").json()["results"]


def test_sessions_are_the_callers_own_with_the_current_one_marked(
    anyone: ApiClient, customer: ApiClient, staff: ApiClient, ada: User
):
    anyone.signed_in(ada)
    found = sessions(customer)
    assert [each["is_current"] for each in found] == [False, True]
    assert found[0].keys() == {"id", "created_at", "last_used_at", "expires_at", "is_current"}
    assert len(sessions(staff)) == 1


def test_a_session_is_ended_by_its_user(anyone: ApiClient, customer: ApiClient, ada: User):
    other_client = anyone.signed_in(ada)
    (other,) = [each["id"] for each in sessions(customer) if not each["is_current"]]
    for _ in range(2):
        assert customer.delete(f"/auth/sessions/{other}/", X_Request_ID="e" * 32).status_code == 204
    assert problem(customer.delete(f"/auth/sessions/{other}/")) == (404, "not-found")
    assert problem(other_client.get("/users/me/")) == (401, "unauthenticated")
    assert customer.get("/users/me/").status_code == 200


def test_a_retried_end_of_the_current_session_gets_the_same_outcome(customer: ApiClient):
    (current,) = sessions(customer)
    for _ in range(2):
        assert customer.delete(f"/auth/sessions/{current['id']}/", X_Request_ID="f" * 32).status_code == 204
    assert customer.get("/users/me/").status_code == 401


def test_a_session_knows_its_last_use_to_within_an_hour(customer: ApiClient, shop: Any):
    assert sessions(customer)[0]["last_used_at"] is None
    shop.clock.advance(timedelta(hours=1, seconds=1))
    assert sessions(customer)[0]["last_used_at"] is not None


CALLS = {
    "another email": lambda client, id, body: client.patch(f"/users/{id}/", {"email": "thief@example.com", **body}),
    "every field": lambda client, id, body: client.put(f"/users/{id}/", {"email": "thief@example.com", **body}),
    "an erasure": lambda client, id, body: client.delete(f"/users/{id}/", body),
    "a role": lambda client, id, body: client.post(f"/users/{id}/role/", {"role": "customer", **body}),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(("body", "code"), [({}, "required"), ({"current_password": "wrong horse"}, "wrong-password")])
def test_a_stolen_token_is_not_enough(staff: ApiClient, ada: User, call: Any, body: dict, code: str):
    assert errors(call(staff, ada.id, body)) == [("/current_password", code)]
    assert staff.get(f"/users/{ada.id}/").json()["email"] == ada.email


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_staff_confirm_with_their_own_password(staff: ApiClient, ada: User, call: Any):
    assert call(staff, ada.id, {"current_password": PASSWORD}).status_code in (200, 204)


@pytest.mark.parametrize("change", [{"first_name": "Augusta"}, {"email": "ada@example.com"}])
def test_a_change_that_leaves_the_email_needs_no_password(customer: ApiClient, ada: User, change: dict):
    assert customer.patch(f"/users/{ada.id}/", change).status_code == 200


def test_an_outdated_hash_is_replaced_at_the_next_sign_in(anyone: ApiClient, store: FakeStore, ada: User):
    store.password_hashes[ada.id] = f"old {store.password_hashes[ada.id]}"
    anyone.signed_in(ada)
    assert not store.password_hashes[ada.id].startswith("old")
    anyone.signed_in(ada)


def test_the_page_of_a_user_asks_for_the_password_of_an_erasure(ada: User, boss: User):
    browser = Client(headers={"Accept": "text/html"})
    browser.post("/api/login/", f"email={boss.email}&password=correct+horse", "application/x-www-form-urlencoded")
    path = f"/api/v1/users/{ada.id}/"
    page = browser.get(path).content.decode()
    form = page.partition('id="destroy-form"')[2].partition("</form>")[0]
    assert 'name="_method" value="DELETE"' in form
    assert re.search(r'name="current_password"[^>]* type="password"', form)
    confirmed = ("current_password=correct+horse", "application/x-www-form-urlencoded")
    assert "204 No Content" in browser.delete(path, *confirmed).content.decode()


def test_an_erasure_without_a_body_says_what_is_missing(customer: ApiClient, ada: User):
    assert errors(customer.delete(f"/users/{ada.id}/")) == [("/current_password", "required")]


@pytest.mark.parametrize("name", ["RoleChange", "UserErasure", "NewApiKey", "ApiKeyRoll"])
def test_the_document_requires_the_password(name: str):
    assert "current_password" in schema.document()["components"]["schemas"][name]["required"]


def test_an_unknown_parameter_of_the_list_is_refused(customer: ApiClient):
    assert errors(customer.get("/auth/sessions/?page_size=5")) == [("page_size", "unknown-field")]
