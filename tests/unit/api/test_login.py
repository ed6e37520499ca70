"""Login and logout in a browser: the form, the cookie, and the protection against forged forms."""

import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from exactly_once.errors import StoreUnavailable
from shop.api.authentication import COOKIE
from shop.domain.products import Product
from shop.domain.users import User
from tests.fakes import FakeStore
from tests.samples import PASSWORD

PAGE = {"Accept": "text/html"}
PRODUCTS = "/api/v1/products/"
PEAR = {"sku": "PEAR", "name": "Pear", "price": "1.20", "currency": "EUR", "stock": "", "date_manufactured": ""}


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True, headers=PAGE)


def csrf_token(browser: Client, path: str = "/api/login/") -> str:
    page = browser.get(path).content.decode()
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]


def log_in(browser: Client, user: User, password: str = PASSWORD, **more: str):
    form = {"email": user.email, "password": password, "csrfmiddlewaretoken": csrf_token(browser), **more}
    return submit(browser, "/api/login/", form)


def submit(browser: Client, path: str, form: dict, **options):
    return browser.post(path, urlencode(form), content_type="application/x-www-form-urlencoded", **options)


def test_logging_in_sets_an_http_only_cookie_and_redirects_to_next(browser: Client, ada: User):
    response = log_in(browser, ada, next=f"{PRODUCTS}?page_size=2")
    cookie = response.cookies[COOKIE]
    assert (response.status_code, response.headers["Location"]) == (302, f"{PRODUCTS}?page_size=2")
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"], cookie["path"]) == (True, "Lax", "", "/")
    assert cookie["max-age"] > 0


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_logging_in_does_not_redirect_to_another_site(browser: Client, ada: User, wanted: str):
    assert log_in(browser, ada, next=wanted).headers["Location"] == "/api/v1/"


def test_a_wrong_password_shows_the_form_again(browser: Client, ada: User):
    response = log_in(browser, ada, "wrong horse")
    assert response.status_code == 401
    assert "Wrong email or password" in response.content.decode()
    assert COOKIE not in response.cookies


def test_an_unavailable_store_shows_the_login_form_again(browser: Client, ada: User, store: FakeStore):
    store.unavailable = StoreUnavailable()
    response = log_in(browser, ada)
    assert (response.status_code, "Please try again" in response.content.decode()) == (503, True)


def test_login_requires_a_csrf_token(browser: Client, ada: User):
    response = submit(browser, "/api/login/", {"email": ada.email, "password": PASSWORD})
    assert (response.status_code, "Permission denied" in response.content.decode()) == (403, True)


def test_logging_out_revokes_the_token_of_the_cookie(browser: Client, ada: User):
    log_in(browser, ada)
    secret = browser.cookies[COOKIE].value
    response = submit(browser, "/api/logout/", {"csrfmiddlewaretoken": csrf_token(browser, PRODUCTS)})
    assert (response.status_code, response.cookies[COOKIE].value) == (302, "")
    browser.cookies[COOKIE] = secret
    assert "Log out" not in browser.get(PRODUCTS).content.decode()


def test_logging_out_without_a_store_says_so_and_leaves_the_cookie(browser: Client, ada: User, store: FakeStore):
    log_in(browser, ada)
    form = {"csrfmiddlewaretoken": csrf_token(browser, PRODUCTS)}
    store.unavailable = StoreUnavailable()
    response = submit(browser, "/api/logout/", form)
    assert (response.status_code, "Please try again" in response.content.decode()) == (503, True)
    assert COOKIE not in response.cookies


def test_logging_out_requires_post_with_a_csrf_token(browser: Client, ada: User):
    log_in(browser, ada)
    assert browser.post("/api/logout/").status_code == 403
    assert browser.get("/api/logout/").status_code == 405


@pytest.mark.parametrize("path", ["/api/login/", "/api/logout/"])
def test_login_and_logout_accept_url_encoded_forms_alone(browser: Client, path: str):
    response = browser.post(path, {"csrfmiddlewaretoken": csrf_token(browser)}, headers={"Accept": "*/*"})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")


def test_html_pages_have_forms_for_permitted_users(browser: Client, boss: User):
    assert 'id="create-form"' not in browser.get(PRODUCTS).content.decode()
    log_in(browser, boss)
    page = browser.get(PRODUCTS).content.decode()
    assert 'id="create-form"' in page
    assert "Log out" in page


def test_an_expired_cookie_counts_as_no_cookie(browser: Client):
    browser.cookies[COOKIE] = "outdated"
    assert "Log in" in browser.get(PRODUCTS).content.decode()
    assert browser.get("/api/v1/users/me/").status_code == 401


@pytest.mark.parametrize("media_type", ["multipart/form-data", "application/x-www-form-urlencoded"])
def test_staff_create_a_product_by_html_form(browser: Client, boss: User, media_type: str):
    log_in(browser, boss)
    form = {**PEAR, "csrfmiddlewaretoken": csrf_token(browser, PRODUCTS)}
    response = browser.post(PRODUCTS, form) if media_type == "multipart/form-data" else submit(browser, PRODUCTS, form)
    assert (response.status_code, "201 Created" in response.content.decode()) == (201, True)
    product = browser.get(f"{PRODUCTS}by-sku/PEAR/", headers={"Accept": "*/*"}).json()
    assert (product["stock"], product["date_manufactured"], product["price"]) == (0, None, "1.20")


def test_numbers_and_checkboxes_of_a_form_become_json_values(browser: Client, boss: User, apple: Product):
    log_in(browser, boss)
    token = csrf_token(browser, PRODUCTS)
    stock = {"delta": "-3", "reason": "Went.", "expected": "10", "csrfmiddlewaretoken": token}
    assert browser.post(f"{PRODUCTS}{apple.id}/stock/", stock).status_code == 200
    document = browser.post(
        "/api/v1/purchases/",
        {"items": [{"product": apple.id, "quantity": 1}]},
        content_type="application/json",
        headers={"X-CSRFToken": token, "Accept": "*/*"},
    ).json()
    purchase = f"/api/v1/purchases/{document['id']}/"
    assert browser.post(f"{purchase}pay/", {"csrfmiddlewaretoken": token}).status_code == 200
    assert browser.post(f"{purchase}refund/", {"restock": "true", "csrfmiddlewaretoken": token}).status_code == 200
    assert browser.get(f"{PRODUCTS}{apple.id}/", headers={"Accept": "*/*"}).json()["stock"] == 7


def test_an_invalid_form_is_shown_again_with_its_values_and_errors(browser: Client, boss: User):
    log_in(browser, boss)
    token = csrf_token(browser, PRODUCTS)
    page = browser.post(PRODUCTS, {**PEAR, "price": "cheap", "csrfmiddlewaretoken": token})
    html = page.content.decode()
    assert (page.status_code, 'value="cheap"' in html, 'value="Pear"' in html) == (400, True, True)
    assert re.search(r'aria-describedby="[^"]*create-form-price-error"', html)
    assert re.search(r'id="create-form-price-error">Use a decimal string', html)


def test_an_edit_form_is_filled_in_with_the_present_values(browser: Client, boss: User, apple: Product):
    log_in(browser, boss)
    page = browser.get(f"{PRODUCTS}{apple.id}/").content.decode()
    assert re.search(r'name="name"[^>]*value="Granny Smith"', page)


def test_the_cookie_without_a_csrf_token_is_forbidden(browser: Client, boss: User):
    log_in(browser, boss)
    for body, media_type in (("sku=A", "application/x-www-form-urlencoded"), ("{}", "application/json")):
        response = browser.post(PRODUCTS, body, content_type=media_type, headers={"Accept": "*/*"})
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_forms_are_accepted_only_with_the_cookie(browser: Client):
    response = browser.post("/api/v1/users/", {"email": "a@example.com"}, headers={"Accept": "*/*"})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")


def test_an_html_page_without_a_store_shows_the_problem(browser: Client, boss: User, store: FakeStore):
    log_in(browser, boss)
    store.unavailable = StoreUnavailable()
    page = browser.get(PRODUCTS)
    assert (page.status_code, "store-unavailable" in page.content.decode()) == (503, True)


def test_json_is_the_default_and_html_is_for_browsers(browser: Client):
    for accept in ("*/*", "application/json", "", "image/png", "application/json, text/html;q=0.1"):
        response = browser.get(PRODUCTS, headers={"Accept": accept})
        assert response.headers["Content-Type"] == "application/json", accept
    assert browser.get(PRODUCTS).headers["Content-Type"] == "text/html; charset=utf-8"


def test_the_link_to_log_in_leads_to_the_same_page_from_the_login(browser: Client):
    page = browser.get(f"/api/login/?{urlencode({'next': '/office/?show=EUR'})}").content.decode()
    link = re.search(r'id="log-in" href="([^"]*)"', page)
    assert link and parse_qs(urlsplit(unescape(link[1])).query) == {"next": ["/office/?show=EUR"]}
