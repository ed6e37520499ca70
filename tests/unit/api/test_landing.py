"""The front page, the short addresses, and what every page of the site has in common."""

import json
import re
import shlex
from itertools import product as combinations
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.cache import cache
from django.test import Client, override_settings

from exactly_once.errors import StoreUnavailable
from shop.api import landing
from shop.api.authentication import COOKIE
from shop.api.problems import PROBLEMS
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from tests.fakes import FakeMailer, FakeStore
from tests.samples import in_catalogue
from tests.unit.api.client import ApiClient, problem
from tests.unit.api.test_middleware import directives

PAGE = {"Accept": "text/html"}
SHORT_ADDRESSES = {"/docs/": "/api/docs/", "/api/": "/api/v1/"}


@pytest.fixture(autouse=True)
def status(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is well, and no product of another test is remembered."""
    monkeypatch.setattr(landing, "store_status", lambda: "ok")
    cache.clear()


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True, headers=PAGE)


def signed_in(browser: Client, customer: ApiClient) -> Client:
    browser.cookies[COOKIE] = customer._headers["Authorization"].removeprefix("Bearer ")
    return browser


def page_of(browser: Client, path: str = "/", **headers: str) -> str:
    return browser.get(path, headers=headers).content.decode()


def commands_of(html: str) -> list[list[str]]:
    """The words of each line, as a shell reads them."""
    text = re.search(r'<code id="commands">(.*?)</code>', html, re.DOTALL)[1]
    lines = re.sub(r"<[^>]*>", "", text).strip().splitlines()
    entities = {"&#x27;": "'", "&quot;": '"', "&lt;": "<", "&gt;": ">", "&amp;": "&"}
    return [shlex.split(re.sub("|".join(entities), lambda each: entities[each[0]], line)) for line in lines]


def test_a_program_gets_an_index_of_absolute_addresses():
    response = Client().get("/")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    index = response.json()
    assert (index["name"], index["api"]) == ("Evergreen Stores", "http://testserver/api/v1/")
    assert set(index) == {"name", "version", "api", "schema", "docs", "problems", "status", "health"}


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/json, text/html;q=0.1", "image/png"])
def test_what_does_not_prefer_html_gets_json(accept: str):
    response = Client().get("/", headers={"Accept": accept})
    assert (response.headers["Content-Type"], "Accept" in response.headers["Vary"]) == ("application/json", True)


def test_a_browser_gets_a_page_that_nothing_stores(browser: Client):
    response = browser.get("/")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert (response.headers["Cache-Control"], response.headers["Vary"]) == ("no-store", "Accept, Cookie")


@pytest.mark.parametrize("path", ["/", "/problems/", *SHORT_ADDRESSES])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_head_has_the_headers_of_get_and_no_body(path: str, accept: str):
    head, get = (Client().generic(method, path, headers={"Accept": accept}) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


@pytest.mark.parametrize("path", ["/", "/problems/", *SHORT_ADDRESSES])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_front_pages_are_read_alone(path: str, method: str):
    assert problem(Client().generic(method, path)) == (405, "method-not-allowed")


@pytest.mark.parametrize("path", SHORT_ADDRESSES)
def test_short_addresses_lead_to_pages_that_are_served(path: str):
    response = Client().get(path, headers=PAGE)
    assert (response.status_code, response.headers["Location"]) == (302, SHORT_ADDRESSES[path])
    assert Client().get(SHORT_ADDRESSES[path], headers=PAGE).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/api", "/problems"])
def test_short_addresses_without_a_slash_lead_to_those_with_one(path: str):
    response = Client().get(path)
    assert (response.status_code, response.headers["Location"]) == (308, f"{path}/")


def test_every_problem_type_is_listed_for_people_and_for_programs(browser: Client):
    links = re.findall(r'href="/problems/([a-z-]+)"', page_of(browser, "/problems/"))
    listed = Client().get("/problems/").json()["results"]
    assert links == [each["code"] for each in listed] == list(PROBLEMS)
    assert {each["type"] for each in listed} == {f"/problems/{code}" for code in PROBLEMS}


def test_the_commands_are_of_this_shop_and_buy_a_product_that_is_in_stock(browser: Client, shop: Shop):
    in_catalogue(shop, sku="GONE", stock=0)
    in_catalogue(shop, sku="PEAR", stock=3)
    register, token, buy = commands_of(page_of(browser, Host="localhost:8443"))
    assert [words[2] for words in (register, buy)] == [
        f"http://localhost:8443/api/v1/{name}/" for name in ("users", "purchases")
    ]
    assert "http://localhost:8443/api/v1/auth/token/" in token
    assert json.loads(buy[-1]) == {"items": [{"sku": "PEAR", "quantity": 1}]}


def test_the_commands_register_sign_in_and_buy(browser: Client, anyone: ApiClient, apple: Product):
    register, _, buy = commands_of(page_of(browser))
    account = json.loads(register[-1])
    assert anyone.post("/users/", account).status_code == 201
    secret = anyone.post("/auth/token/", account).json()["token"]
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "first-order"}
    once, again = (ApiClient(headers).post("/purchases/", json.loads(buy[-1])) for _ in range(2))
    assert (once.status_code, again.json()["id"]) == (201, once.json()["id"])
    assert f"Idempotency-Key: {headers['Idempotency-Key']}" in buy


def test_no_two_readers_get_the_same_password(browser: Client):
    assert len({json.loads(commands_of(page_of(browser))[0][-1])["password"] for _ in range(3)}) == 3


def test_the_commands_name_https_where_the_reader_came_by_it(browser: Client):
    html = browser.get("/", secure=True).content.decode()
    assert commands_of(html)[0][2] == "https://testserver/api/v1/users/"


@pytest.mark.parametrize("host", ["a'b.example", 'a";id;".example', "<script>.example", "a b.example", "$(id).example"])
@override_settings(ALLOWED_HOSTS=["*"])
def test_a_host_header_that_is_no_host_is_in_no_page(browser: Client, host: str):
    response = browser.get("/", headers={"Host": host})
    assert response.status_code in (400, 421)
    assert host not in response.content.decode()


@override_settings(ALLOWED_HOSTS=["*"])
def test_an_address_of_ip_version_6_is_one_word_of_the_shell(browser: Client):
    assert commands_of(page_of(browser, Host="[::1]:8080"))[0][2] == "http://[::1]:8080/api/v1/users/"


def test_a_product_name_is_escaped(browser: Client, shop: Shop):
    in_catalogue(shop, sku="X", name="<img src=x> & 'tea'", stock=1)
    html = page_of(browser)
    assert ("<img" in html, "&lt;img src=x&gt; &amp; &#x27;tea&#x27;" in html) == (False, True)


def test_an_empty_catalogue_is_said(browser: Client):
    assert "No product is in stock" in page_of(browser)


def test_a_shop_that_confirms_addresses_by_mail_says_so(browser: Client, mailer: FakeMailer):
    assert "confirms addresses by mail" not in page_of(browser)
    mailer.is_on = True
    assert "confirms addresses by mail" in page_of(browser)


def test_a_signed_in_user_is_greeted_by_name_and_may_log_out(browser: Client, customer: ApiClient, ada: User):
    html = page_of(signed_in(browser, customer))
    greeting = re.search(r'<p id="greeting">(.*?)</p>', html)[1]
    assert ada.first_name in greeting
    assert ('id="log-out"' in html, 'name="csrfmiddlewaretoken"' in html, 'id="log-in"' in html) == (True, True, False)


def test_an_expired_cookie_is_nobodys(browser: Client):
    browser.cookies[COOKIE] = "outdated"
    html = page_of(browser)
    assert ('id="log-in"' in html, 'id="log-out"' in html) == (True, False)


def test_the_page_is_served_without_a_store(browser: Client, customer: ApiClient, store: FakeStore):
    signed_in(browser, customer)
    store.unavailable = StoreUnavailable()
    response = browser.get("/")
    assert (response.status_code, "No product is in stock" in response.content.decode()) == (200, True)


@pytest.mark.parametrize("status", ["ok", "degraded", "read-only", "down"])
def test_the_page_says_how_the_store_is(browser: Client, monkeypatch: pytest.MonkeyPatch, status: str):
    monkeypatch.setattr(landing, "store_status", lambda: status)
    assert landing.STATUSES[status][0] in page_of(browser)


PAGES = ["/", "/problems/", "/problems/not-found", "/nothing/", "/api/login/", "/api/docs/", "/api/redoc/"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_frame_of_the_site(browser: Client, path: str):
    html = page_of(browser, path)
    assert re.findall(r'class="site-(header|main|footer)[ "]', html) == ["header", "main", "footer"]
    assert html.index('class="skip-link" href="#content"') < html.index('<header class="site-header">')
    assert (html.count("<h1"), 'id="log-in"' in html) == (0 if path in ("/api/docs/", "/api/redoc/") else 1, True)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_inline_scripts_or_styles(browser: Client, path: str):
    response = browser.get(path)
    html = response.content.decode()
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", html) == []
    policy = directives(response)
    assert (policy["script-src"], "'unsafe-inline'" in str(policy)) == ("'self'", False)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_that_says_who_is_signed_in_is_not_shared_by_caches(browser: Client, path: str):
    browser.cookies[COOKIE] = "any"
    response = browser.get(path)
    assert "Cookie" in response.headers["Vary"]


def test_the_icon_is_served_where_browsers_ask_for_it():
    response = Client().get("/favicon.ico")
    content = b"".join(response)
    assert (response.status_code, content[:4]) == (200, b"\x00\x00\x01\x00")
    assert response.headers["Content-Type"] in ("image/x-icon", "image/vnd.microsoft.icon")


def tokens(scheme: str) -> dict[str, str]:
    """The colours of the design in this scheme."""
    light, dark = re.findall(r":root \{(.*?)\n *\}", Path(finders.find("shop/site.css")).read_text("utf-8"), re.DOTALL)[
        :2
    ]
    both = [dict(re.findall(r"(--[a-z0-9-]+): (#[0-9a-f]{3,6});", text)) for text in (light, dark)]
    return both[0] if scheme == "light" else both[0] | both[1]


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(text: str, ground: str) -> float:
    lighter, darker = sorted((luminance(text), luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


TEXTS = [
    *combinations(["--text", "--muted", "--link", "--bad"], ["--bg", "--surface", "--sunken"]),
    *((f"--{tone}", f"--{tone}-bg") for tone in ("ok", "info", "warn", "bad")),
    *combinations(["--text"], ["--ok-bg", "--info-bg", "--warn-bg", "--bad-bg"]),
    ("--on-primary", "--primary"),
    ("--on-primary", "--primary-hover"),
    ("--on-bad", "--bad-fill"),
    ("--on-bad", "--bad-hover"),
    *combinations(["--on-header", "--header-quiet"], ["--header", "--header-hover"]),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_design_has_the_contrast_of_wcag_aa(scheme: str):
    colours = tokens(scheme)
    too_low = {pair: contrast(*(colours[name] for name in pair)) for pair in TEXTS}
    assert {pair: ratio for pair, ratio in too_low.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_edges_of_controls_and_lines_of_plots_stand_out(scheme: str):
    colours = tokens(scheme)
    pairs = [("--line-strong", "--surface"), *((f"--chart-{number}", "--surface") for number in range(1, 5))]
    assert [pair for pair in pairs if contrast(*(colours[name] for name in pair)) < 3] == []
