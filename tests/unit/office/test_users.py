"""Users in the back office: search, edits, roles and erasure."""

import pytest

from shop.domain.audit import AuditQuery
from shop.domain.callers import Role
from shop.domain.errors import NotFound
from shop.domain.ports import Shop
from shop.domain.users import User
from shop.services.audit import audit_list
from tests.samples import PASSWORD, registered
from tests.unit.office.browser import HTMX, OfficeBrowser

LIST = "/office/users/"
WRONG = "Wrong password: enter your own present one."


def page_of(user: User, tail: str = "") -> str:
    return f"/office/users/{user.id}/{tail}"


def recorded(shop: Shop, operation: str) -> list[tuple[str, str]]:
    """Actor and object of the entries of this operation in the audit."""
    found = audit_list(shop=shop, query=AuditQuery(operation=operation), size=10, position=None)
    return [(entry.actor, entry.object) for entry in found.results]


def test_users_are_found_by_the_beginning_of_their_email(office: OfficeBrowser, ada: User, boss: User):
    text = office.get(f"{LIST}?search=ada", **HTMX).content.decode()
    assert (ada.email in text, boss.email in text, "<html" in text) == (True, False, False)


@pytest.mark.parametrize("query", ["search=" + "a" * 201, "page_size=101", "cursor=forged", "role=staff"])
def test_a_query_beyond_its_bounds_is_refused_with_a_reason(office: OfficeBrowser, ada: User, query: str):
    response = office.get(f"{LIST}?{query}")
    assert (response.status_code, "alert-bad" in response.content.decode()) == (400, True)


def test_a_hostile_name_is_text(office: OfficeBrowser, shop: Shop):
    user = registered(shop, first_name="<script>alert(1)</script>")
    for path in (LIST, page_of(user)):
        assert "<script>alert" not in office.text(path)


def test_a_name_is_changed_without_a_password(office: OfficeBrowser, shop: Shop, ada: User, boss: User):
    response = office.submit(page_of(ada), first_name="Augusta")
    assert response.headers["Location"] == f"{page_of(ada)}?done=user-updated"
    assert shop.users.get(ada.id).first_name == "Augusta"
    assert recorded(shop, "users_update") == [(boss.id, f"user:{ada.id}")]


@pytest.mark.parametrize(("password", "status"), [("", 400), ("wrong", 400), (PASSWORD, 302)])
def test_another_email_needs_the_password_of_who_changes_it(
    office: OfficeBrowser, shop: Shop, ada: User, password: str, status: int
):
    response = office.submit(page_of(ada), email="augusta@example.com", current_password=password)
    assert response.status_code == status
    assert (shop.users.get(ada.id).email == "augusta@example.com") == (status == 302)
    assert f'value="{password or PASSWORD}"' not in response.content.decode()


def test_an_email_that_is_taken_is_explained_at_its_field(office: OfficeBrowser, ada: User, boss: User):
    response = office.submit(page_of(ada), email=boss.email, current_password=PASSWORD)
    assert (response.status_code, "Another user has this email address." in response.content.decode()) == (409, True)


def test_a_stale_edit_is_refused_and_shows_both_values(
    office: OfficeBrowser, colleague: OfficeBrowser, shop: Shop, ada: User
):
    form = office.form(page_of(ada))
    colleague.submit(page_of(ada), first_name="Of a colleague")
    response = office.send(page_of(ada), {**form, "first_name": "Mine"})
    text = response.content.decode()
    assert (response.status_code, shop.users.get(ada.id).first_name) == (412, "Of a colleague")
    assert ('value="Mine"' in text, 'present-value">Of a colleague' in text) == (True, True)


def test_a_role_is_set_with_the_password_of_who_sets_it(office: OfficeBrowser, shop: Shop, ada: User, boss: User):
    response = office.submit(page_of(ada, "role/"), role="staff", current_password=PASSWORD)
    assert response.headers["Location"] == f"{page_of(ada)}?done=user-role-set"
    assert shop.users.get(ada.id).role is Role.STAFF
    assert recorded(shop, "users_role") == [(boss.id, f"user:{ada.id}")]


@pytest.mark.parametrize(("tail", "password"), [(tail, word) for tail in ("role/", "erase/") for word in ("", "wrong")])
def test_without_the_password_nothing_happens(office: OfficeBrowser, shop: Shop, ada: User, tail: str, password: str):
    fields = {"role": "staff"} if tail == "role/" else {}
    response = office.submit(page_of(ada, tail), current_password=password, **fields)
    expected = WRONG if password else "Enter your own present password."
    assert (response.status_code, expected in response.content.decode()) == (400, True)
    assert shop.users.get(ada.id).role is Role.CUSTOMER


@pytest.mark.parametrize("tail", ["role/", "erase/"])
def test_the_last_staff_stay(office: OfficeBrowser, shop: Shop, boss: User, tail: str):
    fields = {"role": "customer"} if tail == "role/" else {}
    response = office.submit(page_of(boss, tail), current_password=PASSWORD, **fields)
    assert (response.status_code, "the last user with the role staff" in response.content.decode()) == (409, True)
    assert shop.users.get(boss.id).role is Role.STAFF


def test_a_user_is_erased_after_a_question(office: OfficeBrowser, shop: Shop, ada: User, boss: User):
    form = {**office.form(page_of(ada, "erase/")), "current_password": PASSWORD}
    first, second = (office.send(page_of(ada, "erase/"), form) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"] == f"{LIST}?done=user-erased"
    with pytest.raises(NotFound):
        shop.users.get(ada.id)
    assert recorded(shop, "users_destroy") == [(boss.id, f"user:{ada.id}")]


def test_a_user_who_changed_meanwhile_is_not_erased(
    office: OfficeBrowser, colleague: OfficeBrowser, shop: Shop, ada: User
):
    form = office.form(page_of(ada, "erase/"))
    colleague.submit(page_of(ada), first_name="Augusta")
    response = office.send(page_of(ada, "erase/"), {**form, "current_password": PASSWORD})
    assert (response.status_code, shop.users.get(ada.id).first_name) == (412, "Augusta")


def test_the_history_of_a_user_names_who_acted(office: OfficeBrowser, ada: User):
    office.submit(page_of(ada, "role/"), role="staff", current_password=PASSWORD)
    history = office.text(page_of(ada, "history/"))
    assert ("users_role" in history, "by you" in history, "<ins>staff</ins>" in history) == (True, True, True)
