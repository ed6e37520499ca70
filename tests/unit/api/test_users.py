"""Users over HTTP."""

import pytest

from shop.domain.ports import Shop
from shop.domain.users import User
from tests.samples import PASSWORD, registered
from tests.unit.api.client import ApiClient

GRACE = {"email": "grace@example.com", "password": "nanoseconds matter", "first_name": "Grace", "last_name": "Hopper"}
KNOWN = {name: GRACE[name] for name in ("email", "first_name", "last_name")}

CONFIRMED = {"current_password": PASSWORD}


def test_anyone_can_register(anyone: ApiClient):
    response = anyone.post("/users/", GRACE)
    assert response.status_code == 201
    assert response.json() | KNOWN | {"role": "customer", "version": 1} == response.json()
    assert "password" not in response.json()
    assert response.headers["Location"] == f"/api/v1/users/{response.json()['id']}/"


def test_an_email_has_one_user_however_it_is_spelt(anyone: ApiClient):
    assert anyone.post("/users/", {**GRACE, "email": "Grace@ex\u00e4mple.com"}).status_code == 201
    response = anyone.post("/users/", {**GRACE, "email": "GRACE@EXA\u0308MPLE.com"})
    assert (response.status_code, response.json()["code"]) == (409, "email-taken")


def test_registration_cannot_set_the_role(anyone: ApiClient):
    response = anyone.post("/users/", {**GRACE, "role": "staff"})
    assert (response.status_code, response.json()["code"]) == (400, "read-only-field")


@pytest.mark.parametrize("email", ["", "grace", "grace@", "@example.com", "a b@example.com", "grace@example.com\n", 7])
def test_an_invalid_email_is_refused(anyone: ApiClient, email: object):
    response = anyone.post("/users/", {**GRACE, "email": email})
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == ["/email"]


def test_a_weak_password_is_a_field_error_at_password(anyone: ApiClient):
    response = anyone.post("/users/", {**GRACE, "password": "short"})
    assert [error["pointer"] for error in response.json()["errors"]] == ["/password"]


def test_users_me_is_the_current_user(customer: ApiClient, ada: User):
    me = customer.get("/users/me/")
    assert (me.json()["id"], me.headers["ETag"]) == (ada.id, f'"1.{ada.id}"')
    assert customer.get(f"/users/{ada.id}/").json() == me.json()


def test_other_users_are_not_found_by_customers(customer: ApiClient, boss: User):
    response = customer.get(f"/users/{boss.id}/")
    assert (response.status_code, response.json()["code"]) == (404, "not-found")


def test_customers_cannot_list_users(customer: ApiClient):
    response = customer.get("/users/")
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_staff_list_all_users_and_search_by_email(staff: ApiClient, ada: User, boss: User):
    assert {user["id"] for user in staff.get("/users/").json()["results"]} == {ada.id, boss.id}
    assert [user["id"] for user in staff.get("/users/?search=ADA@").json()["results"]] == [ada.id]


def test_a_resource_can_be_read_changed_and_sent_back_whole(customer: ApiClient, ada: User):
    document = customer.get("/users/me/").json()
    response = customer.put(f"/users/{ada.id}/", {**document, "last_name": "Lovelace"}, If_Match='"1"')
    assert (response.status_code, response.json()["last_name"], response.json()["version"]) == (200, "Lovelace", 2)


def test_a_patch_leaves_other_fields_unchanged(customer: ApiClient, ada: User):
    response = customer.patch(f"/users/{ada.id}/", {"email": "ada@byron.example", "current_password": PASSWORD}).json()
    assert (response["email"], response["first_name"]) == ("ada@byron.example", ada.first_name)


def test_users_cannot_change_their_own_role(customer: ApiClient, ada: User):
    response = customer.patch(f"/users/{ada.id}/", {"role": "staff"})
    assert (response.status_code, response.json()["code"]) == (400, "read-only-field")


def test_the_email_of_another_user_cannot_be_taken(customer: ApiClient, ada: User, boss: User):
    response = customer.patch(f"/users/{ada.id}/", {"email": boss.email.upper(), "current_password": PASSWORD})
    assert (response.status_code, response.json()["code"]) == (409, "email-taken")


def test_staff_give_other_users_the_role_staff(staff: ApiClient, customer: ApiClient, ada: User):
    assert staff.post(f"/users/{ada.id}/role/", {"role": "staff", **CONFIRMED}).json()["role"] == "staff"
    assert customer.get("/users/").status_code == 200


def test_the_last_staff_user_can_neither_be_demoted_nor_erased(staff: ApiClient, boss: User):
    response = staff.post(f"/users/{boss.id}/role/", {"role": "customer", **CONFIRMED})
    assert (response.status_code, response.json()["code"]) == (409, "last-staff")
    assert staff.delete(f"/users/{boss.id}/", CONFIRMED).json()["code"] == "last-staff"


def test_erasing_a_user_revokes_the_token_and_frees_the_email(customer: ApiClient, anyone: ApiClient, ada: User):
    assert customer.delete(f"/users/{ada.id}/", CONFIRMED).status_code == 204
    assert customer.get("/users/me/").status_code == 401
    assert anyone.post("/users/", {**GRACE, "email": ada.email}).status_code == 201


def test_a_retried_erasure_of_oneself_gets_the_same_outcome(customer: ApiClient, ada: User):
    for _ in range(2):
        assert customer.delete(f"/users/{ada.id}/", CONFIRMED, X_Request_ID="d" * 32).status_code == 204


def test_a_new_password_revokes_all_other_tokens(anyone: ApiClient, customer: ApiClient, ada: User):
    other_client = anyone.signed_in(ada)
    assert customer.post("/users/me/password/", {"current": PASSWORD, "new": "another horse"}).status_code == 204
    assert other_client.get("/users/me/").status_code == 401
    assert customer.get("/users/me/").status_code == 200
    assert anyone.post("/auth/token/", {"email": ada.email, "password": "another horse"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"current": "wrong horse", "new": "another horse"}, "/current"), ({"current": PASSWORD, "new": "short"}, "/new")],
)
def test_a_wrong_or_weak_password_is_a_field_error(customer: ApiClient, body: dict, pointer: str):
    response = customer.post("/users/me/password/", body)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, pointer)


def test_a_token_response_has_the_user_and_the_expiry(anyone: ApiClient, ada: User):
    response = anyone.post("/auth/token/", {"email": "ADA@example.com", "password": PASSWORD})
    assert (response.status_code, response.json()["user"]["id"]) == (200, ada.id)
    assert response.json()["expires_at"].endswith("Z")
    assert response.headers["Cache-Control"] == "no-store"


def test_a_wrong_password_and_a_wrong_email_get_the_same_response(anyone: ApiClient, ada: User):
    wrong = [
        anyone.post("/auth/token/", {"email": email, "password": "wrong horse"}, X_Request_ID="a" * 32)
        for email in (ada.email, "nobody@example.com")
    ]
    assert {(response.status_code, response.content) for response in wrong} == {(401, wrong[0].content)}
    assert wrong[0].json()["code"] == "invalid-credentials"


def test_a_retried_token_request_gets_the_same_token(anyone: ApiClient, ada: User):
    body = {"email": ada.email, "password": PASSWORD}
    first, second = (anyone.post("/auth/token/", body, X_Request_ID="b" * 32) for _ in range(2))
    assert first.json()["token"] == second.json()["token"]


def test_logout_revokes_this_token_alone(anyone: ApiClient, customer: ApiClient, ada: User):
    other_client = anyone.signed_in(ada)
    assert customer.post("/auth/logout/").status_code == 204
    assert customer.get("/users/me/").status_code == 401
    assert other_client.get("/users/me/").status_code == 200


def test_a_retried_logout_gets_the_same_outcome(customer: ApiClient):
    for _ in range(2):
        assert customer.post("/auth/logout/", X_Request_ID="c" * 32).status_code == 204


def test_logout_all_revokes_every_token(anyone: ApiClient, customer: ApiClient, ada: User):
    other_client = anyone.signed_in(ada)
    assert customer.post("/auth/logout-all/", {}).status_code == 204
    assert other_client.get("/users/me/").status_code == 401


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Basic YTpi", "bearer ö"])
def test_an_invalid_token_is_unauthenticated(anyone: ApiClient, header: str):
    response = anyone.get("/users/me/", Authorization=header)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_public_operations_ignore_an_expired_token(anyone: ApiClient):
    assert anyone.get("/products/", Authorization="Bearer outdated").status_code == 200


def test_users_are_listed_newest_first(staff: ApiClient, shop: Shop, boss: User):
    others = [registered(shop).id for _ in range(3)]
    assert [user["id"] for user in staff.get("/users/").json()["results"]] == [*reversed(others), boss.id]
