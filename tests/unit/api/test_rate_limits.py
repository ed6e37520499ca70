"""What a client sees of the rate limits of the API."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.test import Client, override_settings

from configuration.rates import Rate
from exactly_once.rate_limits import RateLimit
from shop.api import rate_limits
from shop.api.client_address import network_of
from shop.domain.callers import Scope
from shop.telemetry import LIMITED
from tests.fakes import FakeMailer
from tests.samples import PASSWORD, an_api_key, in_catalogue
from tests.unit.api.client import ApiClient, problem

TWO = Rate(1, "m", 2)
UNKNOWN_USER = "01a196fb-1601-7000-8000-000000000009"
ITEM = {"product": "", "quantity": 1}


@pytest.fixture(autouse=True)
def _addresses_are_read_anew() -> Iterator[None]:
    rate_limits._is_unlimited.cache_clear()
    yield
    rate_limits._is_unlimited.cache_clear()


def refusals(limiter: str) -> float:
    return LIMITED.labels(limiter)._value.get()


def statuses(count: int, send) -> list[int]:
    return [send().status_code for _ in range(count)]


@override_settings(EVERGREEN_CALLER_READS=TWO)
def test_reads_of_ones_own_are_limited_and_say_what_is_left(customer: ApiClient):
    first, second, third = (customer.get("/users/me/") for _ in range(3))
    assert [first.headers["RateLimit"], second.headers["RateLimit"]] == ['"reads";r=1;t=60', '"reads";r=0;t=120']
    assert {each.headers["RateLimit-Policy"] for each in (first, second, third)} == {'"reads";q=2;w=120'}
    assert problem(third) == (429, "rate-limited")
    assert third.headers["Retry-After"] == "60"
    assert third.headers["RateLimit"] == '"reads";r=0;t=60'


@override_settings(EVERGREEN_CALLER_WRITES=TWO)
def test_writes_are_limited_and_a_repeat_is_not_charged(customer: ApiClient, shop):
    apple = in_catalogue(shop, sku="PEAR", stock=10)
    body = {"items": [{"product": apple.id, "quantity": 1}]}
    first = customer.post("/purchases/", body, Idempotency_Key="one")
    assert first.headers["RateLimit"] == '"writes";r=1;t=60'
    for _ in range(5):
        repeat = customer.post("/purchases/", body, Idempotency_Key="one")
        assert (repeat.status_code, repeat.headers["Idempotent-Replayed"]) == (201, "true")
        assert "RateLimit" not in repeat.headers
    assert customer.post("/purchases/", body, Idempotency_Key="two").status_code == 201
    refused = customer.post("/purchases/", body, Idempotency_Key="three")
    assert problem(refused) == (429, "rate-limited")
    assert shop.products.get(apple.id).stock == 8
    with override_settings(EVERGREEN_CALLER_WRITES=None):
        assert customer.post("/purchases/", body, Idempotency_Key="three").status_code == 201


@override_settings(EVERGREEN_CALLER_WRITES=TWO)
def test_writes_of_a_guest_are_limited_by_the_token_of_the_cart(anyone: ApiClient):
    carts = [anyone.post("/carts/", {}).json() for _ in range(2)]
    first, second = (
        lambda cart=cart: anyone.patch(
            f"/carts/{cart['id']}/", {"email": "guest@example.com"}, X_Cart_Token=cart["token"]
        )
        for cart in carts
    )
    assert statuses(3, first) == [200, 200, 429]
    assert second().status_code == 200


def test_payments_that_guests_begin_are_limited_by_network(anyone: ApiClient, shop):
    apple = in_catalogue(shop, sku="PEAR", stock=10)
    cart = anyone.post("/carts/", {}).json()
    own = {"X_Cart_Token": cart["token"]}
    anyone.put(f"/carts/{cart['id']}/lines/{apple.id}/", {"quantity": 1}, **own)
    anyone.patch(f"/carts/{cart['id']}/", {"email": "guest@example.com"}, **own)
    purchase = anyone.post("/purchases/", {"cart": cart["id"]}, **own).json()["id"]
    order = {"provider": "fake", "method": "tok_decline"}
    with override_settings(EVERGREEN_NETWORK_GUESTS=TWO):
        tried = statuses(3, lambda: anyone.post(f"/purchases/{purchase}/payments/", order, **own))
        elsewhere = anyone.post(f"/purchases/{purchase}/payments/", order, X_Forwarded_For="203.0.113.9", **own)
    assert (tried[2], elsewhere.status_code) == (429, 201)


@override_settings(EVERGREEN_CALLER_READS=TWO, EVERGREEN_CALLER_WRITES=TWO)
def test_writes_and_reads_have_limits_of_their_own(customer: ApiClient):
    assert statuses(3, lambda: customer.get("/users/me/")) == [200, 200, 429]
    assert customer.post("/auth/logout/").status_code == 204


@override_settings(EVERGREEN_CALLER_READS=TWO)
def test_the_public_catalogue_is_not_limited_by_caller(customer: ApiClient):
    answers = [customer.get("/products/") for _ in range(4)]
    assert {answer.status_code for answer in answers} == {200}
    assert not [answer for answer in answers if "RateLimit" in answer.headers]


@override_settings(EVERGREEN_CALLER_READS=TWO)
def test_a_page_for_browsers_counts_as_one_read_and_its_refusal_is_a_page(browser_of_ada: Client):
    page = {"Accept": "text/html"}
    answers = [browser_of_ada.get("/api/v1/users/me/", headers=page) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "Too many requests" in answers[2].content.decode()


@pytest.fixture
def browser_of_ada(ada) -> Client:
    browser = Client()
    browser.post("/api/login/", {"email": ada.email, "password": PASSWORD}, content_type=FORM_ERROR)
    browser.post("/api/login/", f"email={ada.email}&password=correct+horse", content_type=FORM)
    return browser


FORM, FORM_ERROR = "application/x-www-form-urlencoded", "application/json"


@override_settings(EVERGREEN_CALLER_READS=TWO)
def test_reads_with_an_api_key_are_limited_by_key(shop):
    first, second = (an_api_key(shop, Scope.PURCHASES_READ) for _ in range(2))
    clients = [ApiClient({"Authorization": f"Bearer {issued.secret}"}) for issued in (first, second)]
    assert statuses(3, lambda: clients[0].get("/purchases/")) == [200, 200, 429]
    assert clients[1].get("/purchases/").status_code == 200
    with override_settings(EVERGREEN_UNLIMITED_API_KEYS={first.key.id}):
        assert clients[0].get("/purchases/").status_code == 200


@override_settings(EVERGREEN_ACCOUNT_NETWORK_SIGN_INS=TWO)
def test_passwords_are_limited_before_they_are_looked_at(anyone: ApiClient, ada):
    wrong = {"email": ada.email, "password": "wrong horse"}
    assert statuses(2, lambda: anyone.post("/auth/token/", wrong)) == [401, 401]
    refused = anyone.post("/auth/token/", {"email": ada.email, "password": PASSWORD})
    assert problem(refused) == (429, "rate-limited")
    assert refused.headers["Retry-After"] == "60"
    assert '"sign-in-account-network";r=0;t=60' in refused.headers["RateLimit"].split(", ")
    elsewhere = ApiClient({"X-Forwarded-For": "203.0.113.9"})
    assert elsewhere.post("/auth/token/", {"email": ada.email, "password": PASSWORD}).status_code == 200


@override_settings(EVERGREEN_ACCOUNT_NETWORK_SIGN_INS=TWO)
def test_the_login_form_says_when_to_try_again(ada):
    browser = Client()
    answers = [browser.post("/api/login/", f"email={ada.email}&password=wrong", content_type=FORM) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[2].headers["Retry-After"] == "60"
    assert "try again in 60 seconds" in answers[2].content.decode()


@override_settings(EVERGREEN_ACCOUNT_NETWORK_SIGN_INS=TWO)
def test_the_present_password_beside_a_token_is_limited_with_the_sign_ins(customer: ApiClient):
    """The customer has signed in once."""
    body = {"current": "wrong horse", "new": "battery staple"}
    assert statuses(2, lambda: customer.post("/users/me/password/", body)) == [400, 429]


@override_settings(EVERGREEN_NETWORK_SIGN_INS=TWO)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/password-reset/confirm/", {"token": f"{UNKNOWN_USER}.secret", "new_password": "Tr0ubador & three"}),
        ("/users/confirm/", {"token": f"{'0' * 40}.secret", "password": PASSWORD}),
    ],
)
def test_tokens_of_mails_are_limited(anyone: ApiClient, mailer: FakeMailer, path: str, body: dict):
    mailer.is_on = True
    answers = [anyone.post(path, body) for _ in range(3)]
    assert [problem(answer) for answer in answers] == [(400, "validation-error")] * 2 + [(429, "rate-limited")]
    assert answers[2].headers["Retry-After"] == "60"


@override_settings(EVERGREEN_NETWORK_SIGN_INS=TWO)
@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/api/password-reset/", {"token": f"{UNKNOWN_USER}.secret", "new_password": "Tr0ubador & three"}),
        ("/api/registration/", {"token": f"{'0' * 40}.secret", "password": PASSWORD}),
    ],
)
def test_the_form_of_a_mail_says_when_to_try_again(mailer: FakeMailer, path: str, form: dict):
    mailer.is_on = True
    browser = Client()
    answers = [browser.post(path, urlencode(form), content_type=FORM) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert answers[2].headers["Retry-After"] == "60"
    assert "try again in 60 seconds" in answers[2].content.decode()


@override_settings(EVERGREEN_NETWORK_REGISTRATIONS=TWO)
def test_requests_for_a_new_password_are_limited_by_network(anyone: ApiClient, ada, mailer: FakeMailer):
    mailer.is_on = True
    emails = iter((ada.email, "unknown@example.com", ada.email, "unknown@example.com"))
    answers = [anyone.post("/auth/password-reset/", {"email": email}) for email in emails]
    assert [answer.status_code for answer in answers] == [202, 202, 429, 429]
    assert answers[2].headers["Retry-After"] == "60"


@override_settings(EVERGREEN_CALLER_WRITES=TWO)
def test_the_logout_form_says_when_to_try_again(browser_of_ada: Client, shop, ada):
    limit = RateLimit(key=f"writes:{ada.id}", interval_us=TWO.interval_us, burst=TWO.burst)
    for _ in range(2):
        shop.rates.admit([limit])
    answer = browser_of_ada.post("/api/logout/", "sent=1", content_type=FORM)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert "try again in 60 seconds" in answer.content.decode()
    assert browser_of_ada.cookies["evergreen_token"].value


@override_settings(EVERGREEN_NETWORK_REGISTRATIONS=TWO)
def test_registrations_are_limited_by_network(anyone: ApiClient):
    def register(number: int, client: ApiClient = anyone) -> int:
        body = {"email": f"user{number}@example.com", "password": PASSWORD, "first_name": "", "last_name": ""}
        return client.post("/users/", body, Idempotency_Key=f"key-{number}").status_code

    assert [register(number) for number in (1, 1, 1, 2, 3)] == [201, 201, 201, 201, 429]
    assert register(4, ApiClient({"X-Forwarded-For": "203.0.113.9"})) == 201


@override_settings(EVERGREEN_NETWORK_GUESTS=TWO)
def test_carts_of_guests_are_limited_by_network_and_those_of_users_are_not(anyone: ApiClient, customer: ApiClient):
    assert statuses(3, lambda: anyone.post("/carts/", {})) == [201, 201, 429]
    assert ApiClient({"X-Forwarded-For": "203.0.113.9"}).post("/carts/", {}).status_code == 201
    assert statuses(3, lambda: customer.post("/carts/", {})) == [201] * 3


@override_settings(EVERGREEN_NETWORK_GUESTS=TWO)
def test_purchases_of_guests_are_limited_by_network(anyone: ApiClient):
    cart = anyone.post("/carts/", {}).json()
    buy = {"cart": cart["id"]}
    assert statuses(3, lambda: anyone.post("/purchases/", buy, X_Cart_Token=cart["token"])) == [422, 429, 429]


@override_settings(EVERGREEN_CALLER_READS=TWO, EVERGREEN_UNLIMITED_NETWORKS=("203.0.113.0/24",))
def test_an_unlimited_network_is_not_limited(customer: ApiClient):
    assert statuses(3, lambda: customer.get("/users/me/")) == [200, 200, 429]
    assert statuses(3, lambda: customer.get("/users/me/", X_Forwarded_For="203.0.113.9")) == [200] * 3


@override_settings(EVERGREEN_CALLER_READS=None, EVERGREEN_CALLER_WRITES=None)
def test_a_limit_that_is_off_adds_no_header(customer: ApiClient):
    assert "RateLimit" not in customer.get("/users/me/").headers
    assert "RateLimit-Policy" not in customer.post("/auth/logout/").headers


@override_settings(EVERGREEN_CALLER_READS=TWO)
def test_refusals_are_counted_by_limit(customer: ApiClient):
    before = refusals("reads")
    statuses(4, lambda: customer.get("/users/me/"))
    assert refusals("reads") == before + 2


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_clients_are_grouped_by_network(address: str, network: str):
    assert network_of(address) == network
