"""What a mail confirms, over HTTP and in a browser."""

import re
from urllib.parse import urlencode

import pytest
from django.test import Client

from exactly_once.errors import StoreUnavailable
from shop.domain.ports import Shop
from shop.domain.users import User
from tests.fakes import FakeMailer, FakeStore
from tests.samples import PASSWORD
from tests.unit.api.client import ApiClient, errors, problem

RESET, CONFIRM = "/auth/password-reset/", "/auth/password-reset/confirm/"
NEW = "Tr0ubador & three"
EVE = {"email": "eve@example.com", "first_name": "Eve", "last_name": "Adams", "password": PASSWORD}
PAGES = ["/api/password-reset/", "/api/registration/"]


@pytest.fixture
def mailing(mailer: FakeMailer) -> FakeMailer:
    mailer.is_on = True
    return mailer


def token(mailer: FakeMailer) -> str:
    return re.search(r"#(\S+)", mailer.sent[-1].text)[1]


def link(mailer: FakeMailer) -> str:
    return re.search(r"https?://\S+", mailer.sent[-1].text)[0]


def log_in(client: ApiClient, email: str, password: str) -> int:
    return client.post("/auth/token/", {"email": email, "password": password}).status_code


def test_a_password_is_reset_by_mail(anyone: ApiClient, customer: ApiClient, ada: User, mailing: FakeMailer):
    assert anyone.post(RESET, {"email": ada.email}).status_code == 202
    assert anyone.post(CONFIRM, {"token": token(mailing), "new_password": NEW}).status_code == 204
    assert [log_in(anyone, ada.email, password) for password in (PASSWORD, NEW)] == [401, 200]
    assert customer.get("/users/me/").status_code == 401


def test_a_reset_is_answered_alike_whether_the_address_is_there_or_not(
    anyone: ApiClient, ada: User, mailing: FakeMailer
):
    answers = [anyone.post(RESET, {"email": email}) for email in (ada.email, "nobody@example.com")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    assert len(mailing.sent) == 1


def test_a_request_for_a_reset_asks_the_store_for_no_user(
    anyone: ApiClient, ada: User, mailing: FakeMailer, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(mailing, "enqueue", lambda compose: None)
    for method in ("credentials", "credentials_by_id", "get", "page"):
        monkeypatch.setattr(shop.users, method, refuse)
    assert anyone.post(RESET, {"email": ada.email}).status_code == 202


def test_a_registration_is_answered_alike_whether_the_address_is_taken_or_not(
    anyone: ApiClient, ada: User, mailing: FakeMailer
):
    answers = [anyone.post("/users/", {**EVE, "email": email}) for email in ("ADA@example.com", EVE["email"])]
    seen = {(answer.status_code, answer.content, frozenset(answer.headers)) for answer in answers}
    assert len(seen) == 1
    assert answers[0].status_code == 202
    assert "Location" not in answers[0].headers


def test_a_registration_costs_the_same_whether_the_address_is_taken_or_not(
    anyone: ApiClient, ada: User, mailing: FakeMailer, store: FakeStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mailing, "enqueue", lambda compose: None)
    for email in (ada.email, EVE["email"]):
        assert anyone.post("/users/", {**EVE, "email": email}).status_code == 202
    assert [len(pending) for pending in store.registrations.values()] == [1, 1]


def test_a_confirmed_registration_is_a_user(anyone: ApiClient, mailing: FakeMailer):
    anyone.post("/users/", EVE)
    assert log_in(anyone, EVE["email"], PASSWORD) == 401
    response = anyone.post("/users/confirm/", {"token": token(mailing), "password": PASSWORD})
    assert (response.status_code, response.json()["email"]) == (201, EVE["email"])
    assert response.headers["Location"] == f"/api/v1/users/{response.json()['id']}/"
    assert log_in(anyone, EVE["email"], PASSWORD) == 200


def test_a_repeated_registration_is_a_replay_and_mails_nothing(anyone: ApiClient, mailing: FakeMailer):
    first, second = (anyone.post("/users/", EVE, Idempotency_Key="one") for _ in range(2))
    assert (first.content, second.headers["Idempotent-Replayed"]) == (second.content, "true")
    assert len(mailing.sent) == 1


def test_a_weak_password_is_refused_before_anything_is_mailed(anyone: ApiClient, mailing: FakeMailer):
    response = anyone.post("/users/", {**EVE, "password": "short"})
    assert errors(response) == [("/password", "password-too-short")]
    assert mailing.sent == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CONFIRM, {"token": "nothing", "new_password": NEW}),
        ("/users/confirm/", {"token": f"{'0' * 40}.secret", "password": PASSWORD}),
    ],
)
def test_a_token_that_is_not_valid_is_a_field_error(anyone: ApiClient, mailing: FakeMailer, path: str, body: dict):
    assert errors(anyone.post(path, body)) == [("/token", "invalid-token")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (RESET, {"email": "ada@example.com"}),
        (CONFIRM, {"token": "nothing", "new_password": NEW}),
        ("/users/confirm/", {"token": "nothing", "password": PASSWORD}),
    ],
)
def test_without_mail_an_operation_says_what_to_do(anyone: ApiClient, path: str, body: dict):
    response = anyone.post(path, body)
    assert problem(response) == (404, "mail-off")
    assert "manage.py reset_password" in response.json()["detail"]


@pytest.mark.parametrize("path", PAGES)
def test_without_mail_there_is_no_form(path: str):
    assert problem(Client().get(path)) == (404, "mail-off")


def test_without_mail_a_registration_is_a_user_at_once(anyone: ApiClient):
    assert anyone.post("/users/", EVE).status_code == 201
    assert problem(anyone.post("/users/", EVE)) == (409, "email-taken")


def test_the_host_of_a_request_is_in_no_mail(ada: User, mailing: FakeMailer):
    body, headers = {"email": ada.email}, {"Host": "localhost", "X-Forwarded-Host": "evil.example"}
    Client().post(f"/api/v1{RESET}", body, content_type="application/json", headers=headers)
    assert link(mailing).startswith("https://shop.example/api/password-reset/#")


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})


def submit(browser: Client, path: str, form: dict, **options):
    page = browser.get(path).content.decode()
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    return browser.post(path, urlencode({**form, "csrfmiddlewaretoken": csrf}), "application/x-www-form-urlencoded")


def test_the_form_of_a_mail_sets_a_password(browser: Client, anyone: ApiClient, ada: User, mailing: FakeMailer):
    anyone.post(RESET, {"email": ada.email})
    form = {"token": token(mailing), "new_password": NEW}
    page = submit(browser, "/api/password-reset/", form)
    assert (page.status_code, "Your password is set" in page.content.decode()) == (200, True)
    assert log_in(anyone, ada.email, NEW) == 200
    again = submit(browser, "/api/password-reset/", form)
    assert (again.status_code, "ask for a new mail" in again.content.decode()) == (400, True)


def test_the_form_of_a_mail_confirms_a_registration(browser: Client, anyone: ApiClient, mailing: FakeMailer):
    anyone.post("/users/", EVE)
    page = submit(browser, "/api/registration/", {"token": token(mailing), "password": PASSWORD})
    assert (page.status_code, "is confirmed" in page.content.decode()) == (200, True)
    assert log_in(anyone, EVE["email"], PASSWORD) == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_form_without_the_csrf_token_is_refused(browser: Client, mailing: FakeMailer, path: str):
    form = urlencode({"token": "a", "password": "b", "new_password": "c"})
    assert browser.post(path, form, "application/x-www-form-urlencoded").status_code == 403


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_a_mail_has_no_inline_script_and_shows_no_password_again(
    browser: Client, mailing: FakeMailer, path: str
):
    page = submit(browser, path, {"token": '"><script>', "password": "hunter2!", "new_password": "hunter2!"})
    text = page.content.decode()
    assert "hunter2!" not in text
    assert re.findall(r"<script(?! src=)", text) == []
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "no-store" in page.headers["Cache-Control"]
