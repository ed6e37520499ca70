"""Users over HTTP."""

import pytest

from shop.domain.ports import Shop
from shop.domain.users import User
from tests.samples import PASSWORD, registered
from tests.unit.api.client import ApiClient

GRACE = {"email": "grace@example.com", "password": "nanoseconds matter", "first_name": "Grace", "last_name": "Hopper"}
KNOWN = {name: GRACE[name] for name in ("email", "first_name", "last_name")}


def test_anyone_opens_an_account(anyone: ApiClient):
    opened = anyone.post("/users/", GRACE)
    assert opened.status_code == 201
    assert opened.json() | KNOWN | {"role": "customer", "version": 1} == opened.json()
    assert "password" not in opened.json()
    assert opened.headers["Location"] == f"/api/v1/users/{opened.json()['id']}/"


def test_an_address_has_one_account_however_it_is_spelt(anyone: ApiClient):
    assert anyone.post("/users/", {**GRACE, "email": "Grace@ex\u00e4mple.com"}).status_code == 201
    refused = anyone.post("/users/", {**GRACE, "email": "GRACE@EXA\u0308MPLE.com"})
    assert (refused.status_code, refused.json()["code"]) == (409, "email-taken")


def test_nobody_makes_themselves_staff(anyone: ApiClient):
    refused = anyone.post("/users/", {**GRACE, "role": "staff"})
    assert (refused.status_code, refused.json()["code"]) == (400, "read-only-field")


@pytest.mark.parametrize("email", ["", "grace", "grace@", "@example.com", "a b@example.com", "grace@example.com\n", 7])
def test_what_is_no_address_is_refused(anyone: ApiClient, email: object):
    refused = anyone.post("/users/", {**GRACE, "email": email})
    assert refused.status_code == 400
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/email"]


def test_a_weak_password_is_refused_where_it_was_typed(anyone: ApiClient):
    refused = anyone.post("/users/", {**GRACE, "password": "short"})
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/password"]


def test_everybody_sees_themselves(customer: ApiClient, ada: User):
    me = customer.get("/users/me/")
    assert (me.json()["id"], me.headers["ETag"]) == (ada.id, f'"1.{ada.id}"')
    assert customer.get(f"/users/{ada.id}/").json() == me.json()


def test_customers_see_nobody_else(customer: ApiClient, boss: User):
    for refused in (customer.get(f"/users/{boss.id}/"), customer.get("/users/")):
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_staff_see_everybody_and_search_by_address(staff: ApiClient, ada: User, boss: User):
    assert {user["id"] for user in staff.get("/users/").json()["results"]} == {ada.id, boss.id}
    assert [user["id"] for user in staff.get("/users/?search=ADA@").json()["results"]] == [ada.id]


def test_what_was_read_can_be_changed_and_put_back(customer: ApiClient, ada: User):
    read = customer.get("/users/me/").json()
    changed = customer.put(f"/users/{ada.id}/", {**read, "last_name": "Lovelace"}, If_Match='"1"')
    assert (changed.status_code, changed.json()["last_name"], changed.json()["version"]) == (200, "Lovelace", 2)


def test_a_patch_leaves_the_rest(customer: ApiClient, ada: User):
    changed = customer.patch(f"/users/{ada.id}/", {"email": "ada@byron.example"}).json()
    assert (changed["email"], changed["first_name"]) == ("ada@byron.example", ada.first_name)


def test_nobody_changes_their_own_role(customer: ApiClient, ada: User):
    refused = customer.patch(f"/users/{ada.id}/", {"role": "staff"})
    assert (refused.status_code, refused.json()["code"]) == (400, "read-only-field")


def test_an_address_of_somebody_else_cannot_be_taken_over(customer: ApiClient, ada: User, boss: User):
    refused = customer.patch(f"/users/{ada.id}/", {"email": boss.email.upper()})
    assert (refused.status_code, refused.json()["code"]) == (409, "email-taken")


def test_staff_make_others_staff(staff: ApiClient, customer: ApiClient, ada: User):
    assert staff.post(f"/users/{ada.id}/role/", {"role": "staff"}).json()["role"] == "staff"
    assert customer.get("/users/").status_code == 200


def test_the_last_of_the_staff_stays(staff: ApiClient, boss: User):
    refused = staff.post(f"/users/{boss.id}/role/", {"role": "customer"})
    assert (refused.status_code, refused.json()["code"]) == (409, "last-staff")
    assert staff.delete(f"/users/{boss.id}/").json()["code"] == "last-staff"


def test_somebody_erased_is_gone_and_their_address_free(customer: ApiClient, anyone: ApiClient, ada: User):
    assert customer.delete(f"/users/{ada.id}/").status_code == 204
    assert customer.get("/users/me/").status_code == 401
    assert anyone.post("/users/", {**GRACE, "email": ada.email}).status_code == 201


def test_nginx_repeats_the_erasure_of_oneself_and_is_told_the_same(customer: ApiClient, ada: User):
    for _ in range(2):
        assert customer.delete(f"/users/{ada.id}/", X_Request_ID="d" * 32).status_code == 204


def test_a_new_password_ends_all_other_sessions(anyone: ApiClient, customer: ApiClient, ada: User):
    elsewhere = anyone.signed_in(ada)
    assert customer.post("/users/me/password/", {"current": PASSWORD, "new": "another horse"}).status_code == 204
    assert elsewhere.get("/users/me/").status_code == 401
    assert customer.get("/users/me/").status_code == 200
    assert anyone.post("/auth/token/", {"email": ada.email, "password": "another horse"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"current": "wrong horse", "new": "another horse"}, "/current"), ({"current": PASSWORD, "new": "short"}, "/new")],
)
def test_a_password_that_will_not_do_is_pointed_at(customer: ApiClient, body: dict, pointer: str):
    refused = customer.post("/users/me/password/", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, pointer)


def test_a_token_says_who_it_is_for_and_until_when(anyone: ApiClient, ada: User):
    answer = anyone.post("/auth/token/", {"email": "ADA@example.com", "password": PASSWORD})
    assert (answer.status_code, answer.json()["user"]["id"]) == (200, ada.id)
    assert answer.json()["expires_at"].endswith("Z")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_wrong_password_and_a_wrong_address_are_one_answer(anyone: ApiClient, ada: User):
    wrong = [
        anyone.post("/auth/token/", {"email": email, "password": "wrong horse"}, X_Request_ID="a" * 32)
        for email in (ada.email, "nobody@example.com")
    ]
    assert {(answer.status_code, answer.content) for answer in wrong} == {(401, wrong[0].content)}
    assert wrong[0].json()["code"] == "invalid-credentials"


def test_nginx_repeats_a_sign_in_and_gets_the_same_token(anyone: ApiClient, ada: User):
    body = {"email": ada.email, "password": PASSWORD}
    first, second = (anyone.post("/auth/token/", body, X_Request_ID="b" * 32) for _ in range(2))
    assert first.json()["token"] == second.json()["token"]


def test_signing_out_ends_this_token_alone(anyone: ApiClient, customer: ApiClient, ada: User):
    elsewhere = anyone.signed_in(ada)
    assert customer.post("/auth/logout/").status_code == 204
    assert customer.get("/users/me/").status_code == 401
    assert elsewhere.get("/users/me/").status_code == 200


def test_nginx_repeats_a_sign_out_and_is_told_the_same(customer: ApiClient):
    for _ in range(2):
        assert customer.post("/auth/logout/", X_Request_ID="c" * 32).status_code == 204


def test_signing_out_everywhere_ends_every_token(anyone: ApiClient, customer: ApiClient, ada: User):
    elsewhere = anyone.signed_in(ada)
    assert customer.post("/auth/logout-all/", {}).status_code == 204
    assert elsewhere.get("/users/me/").status_code == 401


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Basic YTpi", "bearer ö"])
def test_a_token_that_is_none_lets_nobody_in(anyone: ApiClient, header: str):
    refused = anyone.get("/users/me/", Authorization=header)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_public_pages_do_not_mind_an_outdated_token(anyone: ApiClient):
    assert anyone.get("/products/", Authorization="Bearer outdated").status_code == 200


def test_users_are_found_newest_first(staff: ApiClient, shop: Shop, boss: User):
    others = [registered(shop).id for _ in range(3)]
    assert [user["id"] for user in staff.get("/users/").json()["results"]] == [*reversed(others), boss.id]
